#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "assay/layers_spectra.h"
#include "base/check.h"
#include "base/try.h"
#include "layers/marchenko_pastur.h"

namespace assay::layers {
namespace {

struct Name {
  Metric metric;
  std::string_view name;
};

// The first of a metric's names is the one that is written.
constexpr std::array<Name, 15> kNames{{{Metric::kAlpha, "alpha"},
                                       {Metric::kAlphaMid, "alpha_mid"},
                                       {Metric::kAlphaMid, "alpha_hill"},
                                       {Metric::kAlphaPeak, "alpha_peak"},
                                       {Metric::kAlphaHat, "alphahat"},
                                       {Metric::kAlphaHat, "alpha_weighted"},
                                       {Metric::kEntropy, "entropy"},
                                       {Metric::kNorm, "norm"},
                                       {Metric::kLogNorm, "log_norm"},
                                       {Metric::kSpectralNorm, "spectral_norm"},
                                       {Metric::kLogSpectralNorm, "log_spectral_norm"},
                                       {Metric::kStableRank, "stable_rank"},
                                       {Metric::kLogAlphaNorm, "log_alpha_norm"},
                                       {Metric::kMpSoftrank, "mp_softrank"},
                                       {Metric::kRandomDistance, "random_distance"}}};
constexpr std::array<Metric, 13> kMetrics{
    Metric::kAlpha,           Metric::kAlphaMid,   Metric::kAlphaPeak,    Metric::kAlphaHat,
    Metric::kEntropy,         Metric::kNorm,       Metric::kLogNorm,      Metric::kSpectralNorm,
    Metric::kLogSpectralNorm, Metric::kStableRank, Metric::kLogAlphaNorm, Metric::kMpSoftrank,
    Metric::kRandomDistance};

double sum_of(const Spectrum& spectrum) {
  return std::accumulate(spectrum.eigenvalues.begin(), spectrum.eigenvalues.end(), 0.0);
}

/// -sum p ln p / ln rank with p = l / sum l + 1e-10, which lifts zeros off the logarithm's pole. A rank of 1
/// has the logarithm 0, and no entropy.
double entropy_of(const Spectrum& spectrum) {
  const std::size_t rank = spectrum.nonzero().size();
  if (rank == 1) return 0;
  const double sum = sum_of(spectrum);
  double entropy = 0;
  for (const double eigenvalue : spectrum.eigenvalues) {
    const double p = eigenvalue / sum + 1e-10;
    entropy -= p * std::log(p);
  }
  return entropy / std::log(static_cast<double>(rank));
}

/// log10 sum l^alpha, over the largest: l^alpha alone may be beyond the doubles.
double log_alpha_norm_of(const Spectrum& spectrum, double alpha) {
  const double largest = spectrum.eigenvalues.back();
  double sum = 0;
  for (const double eigenvalue : spectrum.nonzero()) sum += std::pow(eigenvalue / largest, alpha);
  return alpha * std::log10(largest) + std::log10(sum);
}

/// sum p ln(p / m), with 0 ln 0 = 0.
double divergence(std::span<const double> p, double scale, std::span<const double> middle) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double value = p[i] * scale;
    if (value > 0) sum += value * std::log(value / middle[i]);
  }
  return sum;
}

/// The distance of Jensen and Shannon, the root of the divergence in nats, between the two sorted spectra,
/// each scaled to sum 1.
double distance_of(const Spectrum& a, const Spectrum& b) {
  const double scale_a = 1 / sum_of(a);
  const double scale_b = 1 / sum_of(b);
  std::vector<double> middle(a.eigenvalues.size());
  for (std::size_t i = 0; i < middle.size(); ++i)
    middle[i] = (a.eigenvalues[i] * scale_a + b.eigenvalues[i] * scale_b) / 2;
  const double sum = divergence(a.eigenvalues, scale_a, middle) + divergence(b.eigenvalues, scale_b, middle);
  return std::sqrt(std::max(sum, 0.0) / 2);
}

Result<MetricValue> of_law(Result<PowerLaw> law) {
  if (!law.ok()) return law.error();
  return MetricValue{law->alpha, std::move(law->note)};
}

Result<MetricValue> compute(Metric metric, const Spectrum& spectrum, PeakLower lower,
                            const Spectrum* shuffled) {
  const double largest = spectrum.eigenvalues.back();
  switch (metric) {
    case Metric::kAlpha:
      return of_law(fit_alpha(spectrum.nonzero()));
    case Metric::kAlphaMid:
      return of_law(fit_alpha_mid(spectrum.nonzero()));
    case Metric::kAlphaPeak:
      return of_law(fit_alpha_peak(spectrum.nonzero(), lower));
    case Metric::kAlphaHat:
      return MetricValue{ASSAY_TRY(fit_alpha(spectrum.nonzero())).alpha * std::log10(largest), {}};
    case Metric::kEntropy:
      return MetricValue{entropy_of(spectrum), {}};
    case Metric::kNorm:
      return MetricValue{sum_of(spectrum), {}};
    case Metric::kLogNorm:
      return MetricValue{std::log10(sum_of(spectrum)), {}};
    case Metric::kSpectralNorm:
      return MetricValue{largest, {}};
    case Metric::kLogSpectralNorm:
      return MetricValue{std::log10(largest), {}};
    case Metric::kStableRank:
      return MetricValue{sum_of(spectrum) / largest, {}};
    case Metric::kLogAlphaNorm:
      return MetricValue{log_alpha_norm_of(spectrum, ASSAY_TRY(fit_alpha(spectrum.nonzero())).alpha), {}};
    case Metric::kMpSoftrank:
      return MetricValue{internal::mp_softrank(spectrum), {}};
    case Metric::kRandomDistance:
      if (shuffled == nullptr || shuffled->eigenvalues.size() != spectrum.eigenvalues.size())
        return Error{ErrorCode::kMismatch, "metric",
                     "random_distance takes the spectrum of the shuffled weight"};
      return MetricValue{distance_of(spectrum, *shuffled), {}};
  }
  ASSAY_CHECK(false, metric);
  return MetricValue{};
}

}  // namespace

std::span<const Metric> all_metrics() { return kMetrics; }

std::string_view to_string(Metric metric) { return std::ranges::find(kNames, metric, &Name::metric)->name; }

std::optional<Metric> metric_from(std::string_view name) {
  const auto* const found = std::ranges::find(kNames, name, &Name::name);
  if (found == kNames.end()) return std::nullopt;
  return found->metric;
}

std::string_view to_string(PeakLower lower) { return lower == PeakLower::kCompat ? "compat" : "exact"; }

std::optional<PeakLower> peak_lower_from(std::string_view name) {
  if (name == "compat") return PeakLower::kCompat;
  if (name == "exact") return PeakLower::kExact;
  return std::nullopt;
}

Result<MetricValue> evaluate(Metric metric, const Spectrum& spectrum, PeakLower lower,
                             const Spectrum* shuffled) {
  if (spectrum.eigenvalues.empty() || !(spectrum.eigenvalues.back() > 0) ||
      spectrum.zeros >= spectrum.eigenvalues.size())
    return Error{ErrorCode::kOutOfRange, "eigenvalues", "none is above 0"};
  MetricValue value = ASSAY_TRY(compute(metric, spectrum, lower, shuffled));
  if (!std::isfinite(value.value))
    return Error{ErrorCode::kOutOfRange, "metric", fmt::format("{} is not finite", to_string(metric))};
  return value;
}

}  // namespace assay::layers
