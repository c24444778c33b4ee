#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "assay/layers_spectra.h"

namespace assay::layers {
namespace {

using testing::HasSubstr;

std::vector<double> made(std::size_t count, const std::function<double(double)>& of) {
  std::vector<double> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = of(static_cast<double>(i));
  std::ranges::sort(out);
  return out;
}

std::vector<double> counting(std::size_t count) {
  return made(count, [](double i) { return i + 1; });
}

/// An exact power law of exponent 3.
std::vector<double> pareto() {
  return made(1000, [](double i) { return std::pow(1 - (i + 0.5) / 1000, -0.5); });
}

/// Its peak lies below 1.05, where the two lower ends of the window differ most.
std::vector<double> waves() {
  return made(512, [](double i) { return 0.05 * std::exp(2 * std::sin(i)); });
}

struct Expected {
  double alpha;
  double distance;
  double xmin;  // NaN where it is not known
};

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

void expect_law(const Result<PowerLaw>& law, const Expected& expected, double digits) {
  ASSERT_TRUE(law.ok()) << law.error().to_string();
  EXPECT_NEAR(law->alpha / expected.alpha, 1, 1e-12);
  if (!std::isnan(expected.distance)) {
    EXPECT_NEAR(law->distance, expected.distance, digits);
  }
  if (!std::isnan(expected.xmin)) {
    EXPECT_NEAR(law->xmin / expected.xmin, 1, 1e-7);
  }
  EXPECT_EQ(law->note, "");
}

TEST(PowerLaw, OneToTen) {
  const std::vector<double> values = counting(10);
  expect_law(fit_alpha_mid(values), {4.681550358521012, 0.253237800145, 6}, 1e-12);
  expect_law(fit_alpha(values), {4.681550358521012, 0.2532378, 6}, 1e-7);
  expect_law(fit_alpha_peak(values, PeakLower::kCompat), {1.6620581867464064, .316809967, 1}, 1e-9);
  expect_law(fit_alpha_peak(values, PeakLower::kExact), {1.6620581867464064, .316809967, 1}, 1e-9);
}

TEST(PowerLaw, WhatStandsBeforeTheEigenvaluesIsNotLookedAt) {
  std::vector<double> values = counting(10);
  values.insert(values.begin(), 11);
  expect_law(fit_alpha(std::span(values).subspan(1)), {4.681550358521012, 0.2532378, 6}, 1e-7);
}

TEST(PowerLaw, OneToAThousand) {
  const std::vector<double> values = counting(1000);
  expect_law(fit_alpha_mid(values), {3.5974745240281463, 0.193548165474, 501}, 1e-12);
  expect_law(fit_alpha(values), {25.977924624831722, .162331689, 924}, 1e-9);
  expect_law(fit_alpha_peak(values, PeakLower::kCompat), {25.977924624831722, .162331689, 924}, 1e-9);
  expect_law(fit_alpha_peak(values, PeakLower::kExact), {25.977924624831722, .162331689, 924}, 1e-9);
}

TEST(PowerLaw, AnExactPowerLaw) {
  const std::vector<double> values = pareto();
  expect_law(fit_alpha_mid(values), {3.0033927071796596, .001345358, 1.4149212}, 1e-9);
  expect_law(fit_alpha(values), {3.0016947488014734, .000672606, kUnknown}, 1e-9);
  expect_law(fit_alpha_peak(values, PeakLower::kCompat), {3.0016947488014734, .000672606, kUnknown}, 1e-9);
  expect_law(fit_alpha_peak(values, PeakLower::kExact), {3.0016947488014734, .000672606, kUnknown}, 1e-9);
}

TEST(PowerLaw, Waves) {
  const std::vector<double> values = waves();
  expect_law(fit_alpha_mid(values), {1.7923513118395067, .215982446, kUnknown}, 1e-9);
  expect_law(fit_alpha(values), {1.4982649440673128, .138543619, .0067668949}, 1e-9);
  expect_law(fit_alpha_peak(values, PeakLower::kCompat), {1.4982649440673128, .138543619, .0067668949}, 1e-9);
  expect_law(fit_alpha_peak(values, PeakLower::kExact), {49.226413104905724, kUnknown, .35752257}, 1e-9);
}

// Both tails begin with equal eigenvalues, whose distances are fractions: 6 of 16, and 3 of the last 8.
TEST(PowerLaw, OfEqualDistancesTheFirstStartIsTaken) {
  std::vector<double> values(7, 1.0);
  values.insert(values.end(), 5, 2.718);
  values.insert(values.end(), 4, 3.143);
  const PowerLaw law = fit_alpha(values).value();
  EXPECT_EQ(law.distance, 0.375);
  EXPECT_EQ(law.start, 0U);
  EXPECT_EQ(law.xmin, 1);
  const PowerLaw later = fit_alpha(std::span(values).subspan(8)).value();
  EXPECT_EQ(later.distance, law.distance);
  EXPECT_EQ(later.xmin, 2.718);
}

// The fullest bin is the last, whose left edge is 345.679, and log10(0.95 * 345.679) = 2.5164 lies between
// the first two eigenvalues. Of the starts from there on each is worse than the one before.
TEST(PowerLaw, CompatTakesStartsFromTheLogarithmOf95PercentOfThePeak) {
  const std::vector<double> values{2.515,  2.517,  3.622,  4.472,   5.66,    7.392,   10.062, 14.489,
                                   22.639, 40.246, 90.554, 362.217, 362.579, 362.942, 363.304};
  EXPECT_EQ(fit_alpha(values)->start, 0U);
  EXPECT_EQ(fit_alpha_peak(values, PeakLower::kCompat)->start, 1U);
  EXPECT_EQ(fit_alpha(std::span(values).subspan(2))->start, 0U);
}

// Bins of half a decade: the fullest begins at 1e10, and holds values beyond 1.5 times that alone.
TEST(PowerLaw, WithoutAStartCompatGivesZeroAndExactTheNextAbove) {
  const std::vector<double> values{1e-25, 2.5e10, 2.6e10, 2.7e10, 1e25};
  const PowerLaw compat = fit_alpha_peak(values, PeakLower::kCompat).value();
  EXPECT_EQ(compat.alpha, 0);
  EXPECT_THAT(compat.note, HasSubstr("alpha is set to 0"));
  const PowerLaw exact = fit_alpha_peak(values, PeakLower::kExact).value();
  EXPECT_EQ(exact.xmin, 2.5e10);
  EXPECT_THAT(exact.note, HasSubstr("the next start above is taken"));
}

TEST(PowerLaw, TheNextStartAboveMayHaveNoLaw) {
  const std::vector<double> values{1, 1e50, 1e50};
  EXPECT_EQ(fit_alpha_peak(values, PeakLower::kCompat)->alpha, 0);
  EXPECT_THAT(fit_alpha_peak(values, PeakLower::kExact).error().to_string(), HasSubstr("equal"));
}

TEST(PowerLaw, RefusesWhatNoLawFits) {
  EXPECT_THAT(fit_alpha(std::vector<double>{1}).error().to_string(), HasSubstr("at least 2"));
  EXPECT_THAT(fit_alpha_mid(std::vector<double>{2, 2, 2}).error().to_string(), HasSubstr("equal"));
  EXPECT_THAT(fit_alpha_peak(std::vector<double>{2, 2}, PeakLower::kCompat).error().to_string(),
              HasSubstr("equal"));
  EXPECT_THAT(fit_alpha(std::vector<double>{0, 1, 2}).error().to_string(), HasSubstr("index 0"));
  EXPECT_THAT(fit_alpha(std::vector<double>{1, 3, 2}).error().to_string(), HasSubstr("index 2"));
  EXPECT_THAT(fit_alpha(std::vector<double>{1, std::nan("")}).error().to_string(), HasSubstr("index 1"));
  EXPECT_THAT(fit_alpha(std::vector<double>{1, INFINITY}).error().to_string(), HasSubstr("index 1"));
}

Spectrum spectrum_of_values(std::vector<double> values) {
  Spectrum spectrum;
  spectrum.rows = spectrum.columns = values.size();
  spectrum.eigenvalues = std::move(values);
  return spectrum;
}

TEST(Metrics, OfKnownSpectra) {
  const Spectrum ten = spectrum_of_values(counting(10));
  const auto of = [](Metric metric, const Spectrum& spectrum) {
    return evaluate(metric, spectrum).value().value;
  };
  EXPECT_EQ(of(Metric::kNorm, ten), 55);
  EXPECT_EQ(of(Metric::kStableRank, ten), 5.5);
  EXPECT_NEAR(of(Metric::kEntropy, ten), .9342897802984251, 1e-9);
  EXPECT_NEAR(of(Metric::kLogAlphaNorm, ten), 5.043095305671568, 1e-13);
  EXPECT_NEAR(of(Metric::kEntropy, spectrum_of_values(counting(1000))), .9721112257020925, 1e-7);
  const Spectrum wave = spectrum_of_values(waves());
  EXPECT_NEAR(of(Metric::kNorm, wave), 58.644582011481134, 1e-12);
  EXPECT_NEAR(of(Metric::kSpectralNorm, wave), .3694454696717625, 1e-15);
  EXPECT_NEAR(of(Metric::kStableRank, wave), 158.73677396446217, 1e-11);
}

TEST(Metrics, FollowFromEachOther) {
  const Spectrum wave = spectrum_of_values(waves());
  const auto of = [&](Metric metric) { return evaluate(metric, wave).value().value; };
  EXPECT_EQ(of(Metric::kLogNorm), std::log10(of(Metric::kNorm)));
  EXPECT_EQ(of(Metric::kLogSpectralNorm), std::log10(of(Metric::kSpectralNorm)));
  EXPECT_EQ(of(Metric::kAlphaHat), of(Metric::kAlpha) * of(Metric::kLogSpectralNorm));
  EXPECT_EQ(evaluate(Metric::kRandomDistance, wave, PeakLower::kCompat, &wave)->value, 0);
}

TEST(Metrics, ZerosAreInNoFitButInTheEntropy) {
  std::vector<double> values = counting(10);
  Spectrum padded = spectrum_of_values({0, 0});
  padded.eigenvalues.insert(padded.eigenvalues.end(), values.begin(), values.end());
  padded.zeros = 2;
  EXPECT_NEAR(evaluate(Metric::kAlphaMid, padded)->value, 4.681550358521012, 1e-12);
  const double without = evaluate(Metric::kEntropy, spectrum_of_values(values))->value;
  EXPECT_NEAR(evaluate(Metric::kEntropy, padded)->value - without,
              -2 * 1e-10 * std::log(1e-10) / std::log(10.0), 1e-12);
}

TEST(Metrics, ZerosAreInTheDistanceToo) {
  Spectrum one = spectrum_of_values({0, 4});
  one.zeros = 1;
  const Spectrum other = spectrum_of_values({3, 3});
  // (0, 1) and (1/2, 1/2), with (1/4, 3/4) between them.
  const double divergences = std::log(4 / 3.) + (std::log(2) + std::log(2 / 3.)) / 2;
  EXPECT_NEAR(evaluate(Metric::kRandomDistance, one, PeakLower::kCompat, &other)->value,
              std::sqrt(divergences / 2), 1e-15);
}

// Of so long rows the law is so narrow that it lies between two points of the density at every scale.
TEST(Metrics, OfEquallyGoodScalesOfTheLawTheFirstIsTaken) {
  Spectrum rows = spectrum_of_values({1, 3});
  rows.columns = std::uint64_t{1} << 60;
  EXPECT_NEAR(evaluate(Metric::kMpSoftrank, rows)->value, 0.05 * 0.05, 1e-15);
}

TEST(Metrics, ARankOfOneHasNoEntropy) {
  Spectrum one = spectrum_of_values({0, 4});
  one.zeros = 1;
  EXPECT_EQ(evaluate(Metric::kEntropy, one)->value, 0);
  EXPECT_EQ(evaluate(Metric::kAlpha, one).error().place, "eigenvalues");
}

TEST(Metrics, AreKnownByTheirNames) {
  EXPECT_EQ(all_metrics().size(), 13U);
  for (const Metric metric : all_metrics()) EXPECT_EQ(metric_from(to_string(metric)), metric);
  EXPECT_EQ(metric_from("alpha_hill"), Metric::kAlphaMid);
  EXPECT_EQ(metric_from("alpha_weighted"), Metric::kAlphaHat);
  EXPECT_EQ(metric_from("Alpha"), std::nullopt);
  EXPECT_EQ(peak_lower_from(to_string(PeakLower::kExact)), PeakLower::kExact);
  EXPECT_EQ(peak_lower_from(to_string(PeakLower::kCompat)), PeakLower::kCompat);
  EXPECT_EQ(peak_lower_from(""), std::nullopt);
  for (const char* name : {"auto", "gram", "svd"}) EXPECT_EQ(to_string(*eigen_method_from(name)), name);
  EXPECT_EQ(eigen_method_from("qr"), std::nullopt);
}

TEST(Metrics, RefuseWhatHasNoNumber) {
  EXPECT_EQ(evaluate(Metric::kNorm, Spectrum{}).error().place, "eigenvalues");
  EXPECT_EQ(evaluate(Metric::kNorm, spectrum_of_values({0, 0})).error().place, "eigenvalues");
  EXPECT_EQ(evaluate(Metric::kNorm, spectrum_of_values({1, kUnknown})).error().place, "eigenvalues");
  Spectrum miscounted = spectrum_of_values({1, 2});
  miscounted.zeros = 2;
  EXPECT_EQ(evaluate(Metric::kNorm, miscounted).error().place, "eigenvalues");
  const Spectrum ten = spectrum_of_values(counting(10));
  EXPECT_EQ(evaluate(Metric::kRandomDistance, ten).error().code, ErrorCode::kMismatch);
  const Spectrum nine = spectrum_of_values(counting(9));
  EXPECT_EQ(evaluate(Metric::kRandomDistance, ten, PeakLower::kCompat, &nine).error().code,
            ErrorCode::kMismatch);
  const Spectrum vast = spectrum_of_values({1e308, 1.1e308});
  EXPECT_EQ(evaluate(Metric::kNorm, vast).error().place, "metric");
}

}  // namespace
}  // namespace assay::layers
