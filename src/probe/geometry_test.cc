#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "assay/probe_attestation.h"
#include "probe/gram_sum.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

/// Of an unembedding, by its definition, in long double.
std::vector<double> direct(const Unembedding& u, bool centred, const std::vector<float>& gain) {
  std::vector<long double> mean(u.width);
  const auto at = [&](std::size_t i, std::size_t j) -> long double {
    float value;
    std::memcpy(&value, u.values.data() + (i * u.width + j) * 4, 4);
    return static_cast<long double>(value) * (gain.empty() ? 1.0L : static_cast<long double>(gain[j]));
  };
  for (std::size_t i = 0; centred && i < u.tokens; ++i)
    for (std::size_t j = 0; j < u.width; ++j) mean[j] += at(i, j) / static_cast<long double>(u.tokens);
  std::vector<double> out(std::size_t{u.width} * u.width);
  for (std::size_t j = 0; j < u.width; ++j)
    for (std::size_t k = 0; k < u.width; ++k) {
      long double sum = 0;
      for (std::size_t i = 0; i < u.tokens; ++i) sum += (at(i, j) - mean[j]) * (at(i, k) - mean[k]);
      out[j * u.width + k] = static_cast<double>(sum / static_cast<long double>(u.tokens));
    }
  return out;
}

TEST(ProbeGeometry, IsTheCovarianceOfTheUnembedding) {
  for (const std::uint32_t width : {1U, 5U, 130U, 300U}) {
    const Unembedding u = test::unembedding_of(width, 600);
    std::vector<float> gain;
    for (std::uint32_t j = 0; j < width; ++j) gain.push_back(0.5F + static_cast<float>(j % 3));
    for (const bool centred : {true, false}) {
      const std::vector<float> folded = centred ? gain : std::vector<float>();
      const Geometry geometry = geometry_of(u, centred, folded).value();
      EXPECT_THAT(geometry.phi, testing::Pointwise(testing::DoubleNear(1e-12), direct(u, centred, folded)));
      double trace = 0;
      for (std::size_t j = 0; j < width; ++j) trace += geometry.phi[j * width + j];
      EXPECT_NEAR(geometry.trace, trace, 1e-9);
    }
  }
  const Unembedding u = test::unembedding_of(4);
  EXPECT_EQ(geometry_of(u, true, std::vector<float>(3, 1)).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(geometry_of(u, true, std::vector<float>(4, INFINITY)).error().code, ErrorCode::kOutOfRange);
}

TEST(ProbeGeometry, TheFactorAndItsInverse) {
  const Geometry geometry = geometry_of(test::unembedding_of(6), true, {}).value();
  const Factor factor = factor_of(geometry).value();
  EXPECT_EQ(factor.jitter, 0);
  const std::vector<double> x = {1, -2, 0.5, 0, 3, 1};
  // L^T (L^-T x) = x
  const std::vector<double> solved = factor.solve_transposed(x);
  for (std::size_t j = 0; j < 6; ++j) {
    double back = 0;
    for (std::size_t i = j; i < 6; ++i) back += factor.lower[i * 6 + j] * solved[i];
    EXPECT_NEAR(back, x[j], 1e-12);
  }
  const std::vector<double> applied = factor.apply(x);
  EXPECT_NEAR(applied[0], factor.lower[0], 1e-12);
}

TEST(ProbeGeometry, FewTokensNeedAJitter) {
  const Geometry geometry = geometry_of(test::unembedding_of(8, 4), true, {}).value();
  const Factor factor = factor_of(geometry).value();
  EXPECT_NEAR(factor.jitter, 1e-6 * geometry.trace / 8, 1e-15);
  Geometry nothing = geometry;
  std::fill(nothing.phi.begin(), nothing.phi.end(), 0);
  nothing.trace = 0;
  EXPECT_EQ(factor_of(nothing).error().code, ErrorCode::kOutOfRange);
}

// The jitter is 1e-6 of the mean of the diagonal, 1 here.
TEST(ProbeGeometry, APivotAsLargeAsTheJitterNeedsNone) {
  Geometry geometry{2, {1, 0, 0, 1999999}};
  geometry.trace = 2000000;
  EXPECT_EQ(factor_of(geometry).value().jitter, 0);
  geometry.phi[3] = 2000001;
  geometry.trace = 2000002;
  EXPECT_NEAR(factor_of(geometry).value().jitter, 1.000001, 1e-12);
}

TEST(ProbeGeometry, DriftOfAMatrixAndItsRotationIsNone) {
  // Rotating the tokens leaves U^T U alone.
  const Unembedding u = test::unembedding_of(3, 2);
  std::vector<float> values(6);
  std::memcpy(values.data(), u.values.data(), 24);
  const float c = 0.6F;
  const float s = 0.8F;
  std::vector<float> rotated(6);
  for (std::size_t j = 0; j < 3; ++j) {
    rotated[j] = c * values[j] - s * values[3 + j];
    rotated[3 + j] = s * values[j] + c * values[3 + j];
  }
  Unembedding other = u;
  other.values = {reinterpret_cast<const std::uint8_t*>(rotated.data()), 24};
  const auto phi = geometry_of(u, false, {}).value().phi;
  const auto turned = geometry_of(other, false, {}).value().phi;
  EXPECT_LT(drift(turned, phi).value(), 1e-6);
  EXPECT_EQ(drift(phi, phi).value(), 0);
  const std::vector<double> w = {1, 2, 3};
  EXPECT_LT(directional_drift(turned, phi, w).value(), 1e-6);
  std::vector<double> twice = phi;
  for (double& value : twice) value *= 2;
  EXPECT_NEAR(drift(twice, phi).value(), 1, 1e-15);
  EXPECT_NEAR(directional_drift(twice, phi, w).value(), 1, 1e-15);
  EXPECT_EQ(drift(phi, w).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(directional_drift(phi, phi, phi).error().code, ErrorCode::kMismatch);
  const std::vector<double> zero(9);
  EXPECT_EQ(drift(phi, zero).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(directional_drift(phi, zero, w).error().code, ErrorCode::kOutOfRange);
}

TEST(ProbeGeometry, SumsRefuseSides) {
  EXPECT_EQ(internal::GramSum::make(0).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(internal::GramSum::make(40000).error().code, ErrorCode::kTooLarge);
}

TEST(ProbeGeometry, AnotherWidthIsAMismatch) {
  const test::World world = test::world(60);
  const ProbeSet set = test::set_of(world, test::trained(world));
  EXPECT_EQ(geometry_mismatch(geometry_of(test::unembedding_of(4), true, {}).value(), *set.details),
            "U is 4 wide, the probes are 8");
  EXPECT_TRUE(geometry_mismatch(geometry_of(world.unembedding, false, {}).value(), *set.details));
}

TEST(ProbeGeometry, TraceNormAndCovectorsAreHeldAgainstTheSet) {
  const Geometry geometry{2, {1, 0, 0, 2}, 3, std::sqrt(5.0)};
  SetDetails details;
  details.width = 2;
  details.geometry.trace = geometry.trace;
  details.geometry.frobenius = geometry.frobenius;
  details.probes.resize(1);
  details.probes[0].vector = {1, 1};
  details.probes[0].covector = {1, 2};
  EXPECT_EQ(geometry_mismatch(geometry, details), std::nullopt);
  for (double GeometryOptions::*number : {&GeometryOptions::trace, &GeometryOptions::frobenius}) {
    SetDetails other = details;
    other.geometry.*number *= 1 + 1e-8;
    EXPECT_THAT(geometry_mismatch(geometry, other).value_or(""), testing::StartsWith("Phi has trace 3 "));
  }
  details.probes[0].covector = {1, 2.1};
  EXPECT_THAT(geometry_mismatch(geometry, details).value_or(""),
              testing::StartsWith("of probe 0 the covector"));
  // Nothing is the image of anything under a Phi that is nothing.
  details.geometry = {};
  details.probes[0].covector = {0, 0};
  EXPECT_EQ(geometry_mismatch(Geometry{2, {0, 0, 0, 0}}, details), std::nullopt);
}

}  // namespace
}  // namespace assay::probe
