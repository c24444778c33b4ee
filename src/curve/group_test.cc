#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "curve/kernel.h"
#include "curve/vectors_for_test.h"

namespace assay::curve {
namespace {

// Two names for one table would have every comparison of kernels compare it with itself.
TEST(CurveKernels, HaveATableEach) {
  std::set<const CurveKernel*> tables;
  for_each_kernel([&] { EXPECT_TRUE(tables.insert(&active_curve_kernel()).second); });
}

TEST(G1, MatchesAnIndependentImplementation) {
  for_each_kernel([] {
    for (const Json& each : test_vectors()["multiples"]) {
      const Fr k = scalar_of(each["k"]);
      const G1Affine expected = g1_of(each["g1"]);
      EXPECT_EQ(multiply_vartime(G1Affine::generator(), k), expected);
      std::vector<G1Affine> out(1);
      multiply_generator_vartime(std::vector<Fr>{k}, out);
      EXPECT_EQ(out[0], expected);
      EXPECT_EQ(add(expected, negate(expected)), G1Affine::infinity());
    }
    for (const Json& each : test_vectors()["sums"]) {
      EXPECT_EQ(add(g1_of(each["a"]), g1_of(each["b"])), g1_of(each["sum"]));
      EXPECT_EQ(add(g1_of(each["a"]), G1Affine::infinity()), g1_of(each["a"]));
      EXPECT_EQ(add(G1Affine::infinity(), g1_of(each["a"])), g1_of(each["a"]));
    }
  });
}

TEST(G2, MatchesAnIndependentImplementation) {
  for_each_kernel([] {
    for (const Json& each : test_vectors()["multiples"]) {
      const G2Affine expected = g2_of(each["g2"]);
      EXPECT_EQ(multiply_vartime(G2Affine::generator(), scalar_of(each["k"])), expected);
      EXPECT_EQ(add(expected, negate(expected)), G2Affine::infinity());
    }
    for (const Json& each : test_vectors()["sums"]) {
      EXPECT_EQ(add(g2_of(each["a2"]), g2_of(each["b2"])), g2_of(each["sum2"]));
    }
  });
}

TEST(GeneratorMultiples, LargeBatchesUseTheLargeTableAndAgree) {
  for_each_kernel([] {
    std::vector<Fr> scalars(1U << 16);
    Fr k = Fr::from_i64(-1);
    for (Fr& each : scalars) {
      each = k;
      k = k * Fr::from_u64(0x9e3779b97f4a7c15) + Fr::one();
    }
    scalars[17] = Fr::zero();
    std::vector<G1Affine> out(scalars.size());
    multiply_generator_vartime(scalars, out);
    for (std::size_t i = 0; i < scalars.size(); i += 997) {
      EXPECT_EQ(out[i], multiply_vartime(G1Affine::generator(), scalars[i]));
    }
    EXPECT_EQ(out[17], G1Affine::infinity());
    EXPECT_EQ(out[0], negate(G1Affine::generator()));
    EXPECT_EQ(find_invalid_point(out), out.size());
  });
}

TEST(GeneratorMultiples, AdditionMeetsItsOwnTablePoint) {
  // With 16-bit windows the top digit d of a scalar s can make the sum so far equal to the table's d 2^240 G:
  // then s = 2 d 2^240 - r. The slope of a doubling is needed there.
  for_each_kernel([] {
    std::vector<Fr> scalars(1U << 16, Fr::one());
    Fr power = Fr::one();
    for (int i = 0; i < 240; ++i) power += power;
    for (std::uint64_t d = 0x3060; d < 0x3070; ++d) scalars[d] = Fr::from_u64(2 * d) * power;
    for (std::uint64_t d = 0x1830; d < 0x1836; ++d) scalars[d] = Fr::from_u64(2 * d) * power;
    std::vector<G1Affine> out(scalars.size());
    multiply_generator_vartime(scalars, out);
    for (std::size_t i = 0x1830; i < 0x3070; i += i == 0x1835 ? 0x3060 - 0x1835 : 1) {
      EXPECT_EQ(out[i], multiply_vartime(G1Affine::generator(), scalars[i]));
    }
  });
}

TEST(FindInvalidPoint, NamesTheFirst) {
  for_each_kernel([] {
    std::vector<G1Affine> points(20000, G1Affine::generator());
    points[5] = G1Affine::infinity();
    EXPECT_EQ(find_invalid_point(points), points.size());
    points[15000].y = points[15000].x;
    points[12345].x.limbs[3] = ~std::uint64_t{0};
    EXPECT_EQ(find_invalid_point(points), 12345U);
    points[7].y.limbs[3] = ~std::uint64_t{0};
    EXPECT_EQ(find_invalid_point(points), 7U);
  });
}

}  // namespace
}  // namespace assay::curve
