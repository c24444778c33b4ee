// Sums along an axis of a grid of points, against single additions.
#include <gtest/gtest.h>

#include <vector>

#include "curve/vectors_for_test.h"

namespace assay::curve {
namespace {

/// k G for k = 1, 2, ..; every seventh at infinity, and every fifth the opposite of the one before.
std::vector<G1Affine> points_of(std::size_t count) {
  std::vector<Fr> logs(count);
  for (std::size_t i = 0; i < count; ++i) {
    logs[i] = i % 7 == 3 ? Fr::zero() : Fr::from_u64(i + 1);
    if (i % 5 == 4) logs[i] = -logs[i - 1];
  }
  std::vector<G1Affine> points(count);
  multiply_generator_vartime(logs, points);
  return points;
}

TEST(SumAxis, IsWhatSingleAdditionsGive) {
  for_each_kernel([] {
    struct Grid {
      std::size_t outer, nodes, inner;
    };
    for (const Grid& g :
         {Grid{1, 6, 1}, Grid{1, 1, 5}, Grid{7, 3, 1}, Grid{1, 5, 40}, Grid{30, 2, 11}, Grid{3, 20, 300}}) {
      const std::vector<G1Affine> points = points_of(g.outer * g.nodes * g.inner);
      std::vector<G1Affine> sums(g.outer * g.inner), expected(sums.size(), G1Affine::infinity());
      sum_axis(points, g.nodes, g.inner, sums);
      for (std::size_t o = 0; o < g.outer; ++o)
        for (std::size_t j = 0; j < g.nodes; ++j)
          for (std::size_t i = 0; i < g.inner; ++i)
            expected[o * g.inner + i] =
                add(expected[o * g.inner + i], points[(o * g.nodes + j) * g.inner + i]);
      EXPECT_EQ(sums, expected) << g.outer << " " << g.nodes << " " << g.inner;
    }
  });
}

TEST(SumAxis, InMoreThanOneRound) {
  // 8,192 sums are made together; blocks of 3,000 lie across the rounds.
  constexpr std::size_t kOuter = 7, kNodes = 2, kInner = 3000;
  const std::vector<G1Affine> points = points_of(kOuter * kNodes * kInner);
  std::vector<G1Affine> sums(kOuter * kInner);
  sum_axis(points, kNodes, kInner, sums);
  for (std::size_t k = 0; k < sums.size(); k += 97) {
    const std::size_t first = k / kInner * kNodes * kInner + k % kInner;
    EXPECT_EQ(sums[k], add(points[first], points[first + kInner])) << k;
  }
}

}  // namespace
}  // namespace assay::curve
