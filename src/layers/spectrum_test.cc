#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "assay/layers_spectra.h"
#include "base/file.h"
#include "base/json.h"
#include "base/threads.h"

namespace assay::layers {
namespace {

using tensor::Dtype;
using tensor::TensorView;
using testing::HasSubstr;

/// A weight with the memory that its values lie in.
struct Weight {
  Bytes bytes;
  TensorView view;
};

template <class T>
Weight weight_of(const std::vector<T>& values, tensor::Shape shape, Dtype dtype) {
  Weight weight;
  weight.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(weight.bytes.data(), values.data(), weight.bytes.size());
  weight.view = {"w", dtype, std::move(shape), {}, nullptr};
  weight.view.bytes = weight.bytes;
  return weight;
}

Weight f64(const std::vector<double>& values, tensor::Shape shape) {
  return weight_of(values, std::move(shape), Dtype::kF64);
}

Weight f32(const std::vector<float>& values, tensor::Shape shape) {
  return weight_of(values, std::move(shape), Dtype::kF32);
}

/// vectors/layers/generate.py has the same stream and kinds of matrix.
std::vector<double> draws(std::uint64_t seed, std::size_t count) {
  std::vector<double> out(count);
  for (double& value : out) {
    seed += 0x9E3779B97F4A7C15;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    value = (static_cast<double>(z >> 40) - 0x1p23) / 0x1p20;
  }
  return out;
}

std::vector<double> matrix_of(const Json& vector, std::uint64_t seed) {
  const auto rows = vector["shape"][0].get<std::size_t>();
  const auto columns = vector["shape"][1].get<std::size_t>();
  const auto kind = vector["kind"].get<std::string>();
  std::vector<double> values = draws(seed, rows * columns);
  const std::vector<double> other = draws(seed + 1000, rows * columns);
  for (std::size_t i = 0; i < rows; ++i) {
    double* row = values.data() + i * columns;
    if (kind == "singular")
      row[columns - 1] =
          row[0] + row[1] + std::ldexp(other[(i + 1) * columns - 1], -vector["shift"].get<int>());
    if (kind != "tail") continue;
    const double scale = std::exp2(-std::nearbyint(std::log2(static_cast<double>(i + 1))));
    for (std::size_t j = 0; j < columns; ++j) row[j] *= scale;
  }
  return values;
}

const Json& vectors() {
  static const Json document =
      read_json_file(std::string(ASSAY_VECTORS) + "/layers/spectra.json", std::uint64_t{1} << 22, "").value();
  return document;
}

Weight weight_of(const Json& vector, std::uint64_t offset = 0) {
  return f64(matrix_of(vector, vector["seed"].get<std::uint64_t>() + offset),
             vector["shape"].get<tensor::Shape>());
}

void expect_metrics(const Json& vector, const Spectrum& spectrum, double tolerance) {
  for (const auto& [name, expected] : vector["metrics"].items()) {
    const bool exact = name == "alpha_peak exact";
    const Metric metric = metric_from(exact ? "alpha_peak" : name).value();
    const double value =
        evaluate(metric, spectrum, exact ? PeakLower::kExact : PeakLower::kCompat).value().value;
    EXPECT_NEAR(value / expected.get<double>(), 1, tolerance) << name;
  }
}

TEST(Spectrum, MetricsOfFiftyRandomMatricesAreNumpys) {
  int counted = 0;
  for (const Json& vector : vectors()) {
    if (vector["kind"] == "singular") continue;
    SCOPED_TRACE(vector["seed"].dump());
    const Spectrum spectrum = spectrum_of(weight_of(vector).view).value();
    EXPECT_EQ(spectrum.method, EigenMethod::kGram);
    expect_metrics(vector, spectrum, 1e-9);
    ++counted;
  }
  EXPECT_EQ(counted, 50);
}

TEST(Spectrum, NearSingularMatricesHaveNumpysSingularValues) {
  int counted = 0;
  for (const Json& vector : vectors()) {
    if (vector["kind"] != "singular") continue;
    SCOPED_TRACE(vector["seed"].dump());
    const Spectrum spectrum = spectrum_of(weight_of(vector).view).value();
    EXPECT_EQ(spectrum.method, EigenMethod::kSvd);
    EXPECT_EQ(spectrum.zeros, 0U);
    const auto expected = vector["singular_values"].get<std::vector<double>>();
    ASSERT_EQ(spectrum.eigenvalues.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(std::sqrt(spectrum.eigenvalues[i]) / expected[i], 1, 1e-6) << i;
    expect_metrics(vector, spectrum, 1e-6);
    ++counted;
  }
  EXPECT_EQ(counted, 10);
}

TEST(Spectrum, DistanceOfTwoSpectraIsNumpys) {
  for (const Json& vector : vectors()) {
    if (vector["kind"] == "singular") continue;
    const Spectrum one = spectrum_of(weight_of(vector).view).value();
    const Spectrum other = spectrum_of(weight_of(vector, 5000).view).value();
    const double distance = evaluate(Metric::kRandomDistance, one, PeakLower::kCompat, &other).value().value;
    EXPECT_NEAR(distance, vector["distance_to_seed_5000_on"].get<double>(), 1e-9);
  }
}

TEST(Spectrum, BothMethodsAgreeAndTheTransposeHasTheSame) {
  const std::vector<double> values = draws(7, 300 * 20);
  std::vector<double> transposed(values.size());
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t j = 0; j < 20; ++j) transposed[j * 300 + i] = values[i * 20 + j];
  const Spectrum gram = spectrum_of(f64(values, {300, 20}).view, EigenMethod::kGram).value();
  EXPECT_EQ(gram.eigenvalues, spectrum_of(f64(transposed, {20, 300}).view, EigenMethod::kGram)->eigenvalues);
  const Spectrum svd = spectrum_of(f64(transposed, {20, 300}).view, EigenMethod::kSvd).value();
  EXPECT_EQ(svd.method, EigenMethod::kSvd);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_NEAR(svd.eigenvalues[i] / gram.eigenvalues[i], 1, 1e-11);
}

TEST(Spectrum, OfEveryDtype) {
  // 1.5, -0.25; 2^-24, the least f16; 0
  const std::vector<float> values{1.5F, -0.25F, 0x1p-24F, 0};
  const Spectrum expected = spectrum_of(f32(values, {2, 2}).view, EigenMethod::kSvd).value();
  const Weight f16 = weight_of<std::uint16_t>({0x3e00, 0xb400, 0x0001, 0x8000}, {2, 2}, Dtype::kF16);
  const Weight bf16 = weight_of<std::uint16_t>({0x3fc0, 0xbe80, 0x3380, 0x0000}, {2, 2}, Dtype::kBF16);
  EXPECT_EQ(spectrum_of(f16.view, EigenMethod::kSvd).value(), expected);
  EXPECT_EQ(spectrum_of(bf16.view, EigenMethod::kSvd).value(), expected);
  EXPECT_NE(weight_digest(f16.view), weight_digest(bf16.view));
  EXPECT_EQ(spectrum_of(weight_of<std::uint16_t>({0x7bff}, {1, 1}, Dtype::kF16).view)->eigenvalues[0],
            65504.0 * 65504);
}

TEST(Spectrum, ZerosAreCounted) {
  // Rank 2 of 4: a block of two columns, and their copies.
  std::vector<double> values;
  for (const double value : draws(9, 2 * 50)) values.push_back(value);
  std::vector<double> doubled;
  for (std::size_t i = 0; i < 50; ++i)
    for (const std::size_t j : {0U, 1U, 0U, 1U}) doubled.push_back(values[2 * i + j]);
  for (const EigenMethod method : {EigenMethod::kAuto, EigenMethod::kGram, EigenMethod::kSvd}) {
    const Spectrum spectrum = spectrum_of(f64(doubled, {50, 4}).view, method).value();
    EXPECT_EQ(spectrum.zeros, 2U) << to_string(method);
    EXPECT_EQ(spectrum.nonzero().size(), 2U);
    const Spectrum half = spectrum_of(f64(values, {50, 2}).view, method).value();
    EXPECT_NEAR(spectrum.nonzero()[1] / half.eigenvalues[1], 2, 1e-12);
  }
}

// Of 4 rows: up to 2^-50 of the largest.
TEST(Spectrum, WhatRoundingMayLeaveIsZero) {
  const auto zeros = [](double least) {
    return spectrum_of(f64({1, 0, 0, least, 0, 0, 0, 0}, {4, 2}).view, EigenMethod::kGram)->zeros;
  };
  EXPECT_EQ(zeros(0x1p-25), 1U);
  EXPECT_EQ(zeros(0x1.1p-25), 0U);
}

TEST(Spectrum, SingularValuesAreTakenBelowATenBillionth) {
  const auto method = [](double least) { return spectrum_of(f64({1e5, 0, 0, least}, {2, 2}).view)->method; };
  EXPECT_EQ(method(1), EigenMethod::kGram);
  EXPECT_EQ(method(0.999), EigenMethod::kSvd);
}

TEST(Spectrum, OfAConvolutionIsThatOfItsSlices) {
  const std::vector<double> values = draws(3, 5 * 4 * 3 * 2);
  std::vector<double> pooled;
  for (std::size_t slice = 0; slice < 6; ++slice) {
    std::vector<double> part;
    for (std::size_t i = 0; i < 20; ++i) part.push_back(values[i * 6 + slice]);
    const Spectrum own = spectrum_of(f64(part, {5, 4}).view).value();
    for (const double value : own.eigenvalues) pooled.push_back(value / 2);
  }
  std::ranges::sort(pooled);
  const Spectrum spectrum = spectrum_of(f64(values, {5, 4, 3, 2}).view).value();
  EXPECT_EQ(spectrum.eigenvalues, pooled);
  EXPECT_EQ(spectrum.rows, 5U);
  EXPECT_EQ(spectrum.columns, 4U);
}

TEST(Spectrum, AShuffleKeepsTheNormAndIsSeeded) {
  const Weight weight = f64(draws(4, 600), {20, 30});
  const Spectrum spectrum = spectrum_of(weight.view).value();
  const Spectrum one = shuffled_spectrum_of(weight.view, 1).value();
  EXPECT_EQ(one, shuffled_spectrum_of(weight.view, 1).value());
  EXPECT_NE(one.eigenvalues, shuffled_spectrum_of(weight.view, 2)->eigenvalues);
  EXPECT_NE(one.eigenvalues, spectrum.eigenvalues);
  const double norm = evaluate(Metric::kNorm, spectrum)->value;
  EXPECT_NEAR(evaluate(Metric::kNorm, one)->value / norm, 1, 1e-12);
}

TEST(Spectrum, SameBitsOnOneAndTwoThreads) {
  std::vector<std::vector<double>> found;
  for (const unsigned threads : {1U, 2U}) {
    set_thread_limit(threads);
    std::vector<double> all(20);
    parallel_for(0, all.size(), 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i)
        all[i] = evaluate(Metric::kAlpha, spectrum_of(weight_of(vectors()[i]).view).value()).value().value;
    });
    found.push_back(all);
  }
  set_thread_limit(0);
  EXPECT_EQ(found[0], found[1]);
}

std::string refusal(const TensorView& weight) {
  const Result<Spectrum> spectrum = spectrum_of(weight);
  return spectrum.ok() ? "none" : spectrum.error().to_string();
}

TEST(Spectrum, RefusesWhatIsNotFinite) {
  std::vector<float> values(300 * 3, 1);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7);
  values[700] = std::nanf("");
  EXPECT_EQ(refusal(f32(values, {300, 3}).view), "w: the value at index 700 is NaN");
  EXPECT_EQ(refusal(f32(values, {3, 300}).view), "w: the value at index 700 is NaN");
  EXPECT_EQ(refusal(f32(values, {30, 5, 3, 2}).view), "w: the value at index 700 is NaN");
  values[700] = -INFINITY;
  EXPECT_EQ(refusal(f32(values, {300, 3}).view), "w: the value at index 700 is infinite");
  EXPECT_EQ(refusal(weight_of<std::uint16_t>({0, 0x7c00}, {1, 2}, Dtype::kF16).view),
            "w: the value at index 1 is infinite");
  EXPECT_EQ(refusal(weight_of<std::uint16_t>({0xfc01, 0}, {1, 2}, Dtype::kF16).view),
            "w: the value at index 0 is NaN");
  EXPECT_EQ(refusal(weight_of<std::uint16_t>({0x7f80, 0}, {1, 2}, Dtype::kBF16).view),
            "w: the value at index 0 is infinite");
}

// At the edge of the doubles rounding decides whether the square of the one singular value is among them.
TEST(Spectrum, NoEigenvalueIsInfinite) {
  const double most = std::nextafter(std::sqrt(std::numeric_limits<double>::max()), 0);
  for (const EigenMethod method : {EigenMethod::kSvd, EigenMethod::kGram})
    for (std::size_t side = 1; side <= 12; ++side) {
      const std::vector<double> values(side * side, most / static_cast<double>(side));
      const Result<Spectrum> spectrum = spectrum_of(f64(values, {side, side}).view, method);
      if (spectrum.ok()) {
        EXPECT_TRUE(std::isfinite(spectrum->eigenvalues.back())) << side;
      } else {
        EXPECT_THAT(spectrum.error().to_string(), HasSubstr("beyond the doubles")) << side;
      }
    }
}

TEST(Spectrum, RefusesWhatIsNoMatrix) {
  EXPECT_EQ(refusal(f32(std::vector<float>(6), {2, 3}).view), "w: all of its values are 0, or nearly");
  EXPECT_EQ(refusal(f64(std::vector<double>(6, 1e-300), {2, 3}).view),
            "w: all of its values are 0, or nearly");
  EXPECT_EQ(refusal(f64(std::vector<double>(6, 1e200), {2, 3}).view),
            "w: the products of its numbers are beyond the doubles");
  EXPECT_THAT(refusal(f32({}, {0, 3}).view), HasSubstr("no values"));
  EXPECT_THAT(refusal(f32({1, 2}, {2}).view), HasSubstr("has 1 axes"));
  EXPECT_THAT(refusal(f32({1, 2}, {2, 2}).view), HasSubstr("its shape takes 4 values"));
  Weight cut = f32({1, 2, 3, 4}, {2, 2});
  cut.bytes.push_back(0);
  cut.view.bytes = cut.bytes;
  EXPECT_EQ(refusal(cut.view), "w: has 17 bytes, its shape takes 4 values");
  EXPECT_THAT(refusal(weight_of<std::int16_t>({1, 2}, {1, 2}, Dtype::kI16).view), HasSubstr("is of I16"));
  EXPECT_THAT(refusal(weight_of<std::int16_t>({1, 2}, {2}, Dtype::kI16).view), HasSubstr("is of I16"));
  TensorView vast{"w", Dtype::kF16, {1 << 16, 1 << 16}, {}, nullptr};
  EXPECT_THAT(refusal(vast), HasSubstr("bytes"));
  std::vector<std::uint16_t> values(std::size_t{2} << 20, 0x3c00);
  EXPECT_THAT(refusal(weight_of(values, {1, 1, 1 << 20, 2}, Dtype::kF16).view), HasSubstr("at most 1048576"));
  // So many are possible: the values are looked at.
  values.resize(std::size_t{1} << 20);
  values[0] = 0x7e00;
  EXPECT_EQ(refusal(weight_of(values, {1, 1, 1 << 20, 1}, Dtype::kF16).view),
            "w: the value at index 0 is NaN");
}

}  // namespace
}  // namespace assay::layers
