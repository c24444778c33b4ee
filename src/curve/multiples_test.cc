#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "curve/endomorphism.h"
#include "curve/vectors_for_test.h"

namespace assay::curve {
namespace {

Fr scalar_of_half(const HalfScalar& half) {
  const Fr magnitude = Fr::from_scalar(Scalar{{half.words[0], half.words[1], 0, 0}});
  return half.negative ? -magnitude : magnitude;
}

Fr lambda() { return Fr::from_scalar(Scalar{kLambda}); }

/// Scalars at which the halves, or their digits, are at their ends.
std::vector<Fr> edge_scalars() {
  std::vector<Fr> out = {Fr::zero(), Fr::one(), Fr::from_i64(-1), lambda(), -lambda(), lambda() + Fr::one()};
  for (std::int64_t k = 2; k <= 40; ++k) {
    out.push_back(Fr::from_i64(k));
    out.push_back(Fr::from_i64(-k));
    out.push_back(lambda() * Fr::from_i64(k));
    out.push_back(lambda() * Fr::from_i64(-k) + Fr::from_i64(k));
  }
  // k (2u + 1) mod r = 2^186: just above a multiple of the first vector, and the second half is negative.
  Fr shifted = Fr::from_u64(2 * kCurveU + 1).inverse();
  for (int i = 0; i < 186; ++i) shifted += shifted;
  out.push_back(shifted);
  Fr power = Fr::one();
  for (int bit = 0; bit < 254; ++bit) {
    out.push_back(power);
    out.push_back(power - Fr::one());
    out.push_back(-power);
    power += power;
  }
  return out;
}

TEST(SplitScalar, HalvesAreShortAndGiveTheScalar) {
  std::mt19937_64 random(1);
  std::vector<Fr> scalars = edge_scalars();
  for (int i = 0; i < 2000; ++i) scalars.push_back(random_element(random));
  bool has_negative = false;
  for (const Fr& scalar : scalars) {
    const SplitScalar halves = split_scalar(scalar.to_scalar().words);
    ASSERT_EQ(scalar_of_half(halves.low) + lambda() * scalar_of_half(halves.high), scalar);
    ASSERT_EQ(halves.low.words[1] >> 63, 0U);
    ASSERT_EQ(halves.high.words[1] >> 63, 0U);
    has_negative = has_negative || halves.low.negative || halves.high.negative;
  }
  EXPECT_TRUE(has_negative);
}

TEST(Endomorphism, MultipliesByLambda) {
  EXPECT_EQ(lambda() * lambda() + lambda() + Fr::one(), Fr::zero());
  for_each_kernel([] {
    const G1Affine p = multiply_vartime(G1Affine::generator(), Fr::from_u64(12345));
    std::vector<G1Affine> out = {p};
    multiply_all_vartime(out, std::vector<Fr>{lambda()});
    EXPECT_EQ(out[0], double_and_add(p, lambda()));
    EXPECT_EQ(out[0].y, p.y);
    EXPECT_NE(out[0].x, p.x);
  });
}

TEST(PointMultiples, AgreeWithOneAfterTheOther) {
  for_each_kernel([] {
    std::mt19937_64 random(2);
    std::vector<Fr> scalars = edge_scalars();
    // More than a block, and no multiple of eight.
    while (scalars.size() < 1024 + 77) scalars.push_back(random_element(random));
    std::vector<Fr> logarithms;
    for (std::size_t i = 0; i < scalars.size(); ++i) logarithms.push_back(random_element(random));
    std::vector<G1Affine> points(scalars.size());
    multiply_generator_vartime(logarithms, points);
    points[3] = points[1050] = G1Affine::infinity();
    const std::vector<G1Affine> before = points;
    multiply_all_vartime(points, scalars);
    EXPECT_EQ(find_invalid_point(points), points.size());
    for (std::size_t i = 0; i < points.size(); ++i)
      ASSERT_EQ(points[i], double_and_add(before[i], scalars[i])) << i;
  });
}

TEST(PointMultiples, EveryPointAtInfinityAndNone) {
  for_each_kernel([] {
    std::vector<G1Affine> points(9, G1Affine::infinity());
    multiply_all_vartime(points, std::vector<Fr>(9, Fr::from_u64(7)));
    double_all_vartime(points);
    add_all_vartime(points, std::vector<G1Affine>(9, G1Affine::infinity()));
    EXPECT_EQ(points, std::vector<G1Affine>(9, G1Affine::infinity()));
    points.clear();
    multiply_all_vartime(points, {});
    double_all_vartime(points);
    add_all_vartime(points, {});
    EXPECT_TRUE(points.empty());
  });
}

TEST(PointSums, AgreeWithOneAfterTheOther) {
  for_each_kernel([] {
    std::mt19937_64 random(3);
    std::vector<Fr> logarithms;
    for (std::size_t i = 0; i < 2100; ++i) logarithms.push_back(random_element(random));
    std::vector<G1Affine> left(logarithms.size());
    multiply_generator_vartime(logarithms, left);
    std::vector<G1Affine> right(left.rbegin(), left.rend());
    right[5] = left[5];  // twice a point
    right[1500] = negate(left[1500]);
    right[9] = left[11] = G1Affine::infinity();
    left[13] = right[13] = G1Affine::infinity();

    std::vector<G1Affine> sums = left, differences = left, doubles = left;
    add_all_vartime(sums, right);
    subtract_all_vartime(differences, right);
    double_all_vartime(doubles);
    for (std::size_t i = 0; i < left.size(); ++i) {
      ASSERT_EQ(sums[i], add(left[i], right[i])) << i;
      ASSERT_EQ(differences[i], add(left[i], negate(right[i]))) << i;
      ASSERT_EQ(doubles[i], add(left[i], left[i])) << i;
    }
  });
}

}  // namespace
}  // namespace assay::curve
