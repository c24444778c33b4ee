// Transforms over points against those of their exponents.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "curve/vectors_for_test.h"

namespace assay::curve {
namespace {

std::vector<Fr> random_elements(std::size_t count) {
  std::mt19937_64 rng(count);
  std::vector<Fr> out(count);
  for (Fr& each : out) {
    std::array<std::uint8_t, 48> bytes;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng());
    each = Fr::from_bytes_reduced(bytes);
  }
  return out;
}

std::vector<G1Affine> times_generator(std::span<const Fr> scalars) {
  std::vector<G1Affine> out;
  for (const Fr& scalar : scalars) out.push_back(multiply_vartime(G1Affine::generator(), scalar));
  return out;
}

TEST(PointTransform, IsTheTransformOfTheExponents) {
  for_each_kernel([] {
    const RootDomain domain(7);
    for (unsigned bits = 0; bits <= 7; ++bits) {
      std::vector<Fr> exponents = random_elements(std::size_t{1} << bits);
      std::vector<G1Affine> points = times_generator(exponents);
      const std::vector<G1Affine> coefficients = points;
      evaluate_vartime(domain, points);
      domain.evaluate(exponents);
      EXPECT_EQ(points, times_generator(exponents)) << bits;
      interpolate_vartime(domain, points);
      EXPECT_EQ(points, coefficients) << bits;
    }
  });
}

TEST(PointTransform, TakesEqualAndInfinitePoints) {
  const RootDomain domain(3);
  // Of equal points all values but the first are infinity, and sums on the way meet P + P and P - P.
  std::vector<G1Affine> points(8, G1Affine::generator());
  evaluate_vartime(domain, points);
  EXPECT_EQ(points[0], multiply_vartime(G1Affine::generator(), Fr::from_u64(8)));
  for (std::size_t i = 1; i < 8; ++i) EXPECT_TRUE(points[i].is_infinity()) << i;
  interpolate_vartime(domain, points);
  EXPECT_EQ(points, std::vector<G1Affine>(8, G1Affine::generator()));
  std::vector<G1Affine> nothing(4);
  evaluate_vartime(domain, nothing);
  EXPECT_EQ(nothing, std::vector<G1Affine>(4));
}

}  // namespace
}  // namespace assay::curve
