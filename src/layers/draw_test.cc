#include <gtest/gtest.h>

#include <cmath>

#include "assay/layers_selection.h"
#include "base/threads.h"

namespace assay::layers {
namespace {

World world_of(std::uint8_t seed) {
  World world = World::system();
  world.fill_random = [seed](std::span<std::uint8_t> out) {
    std::ranges::fill(out, seed);
    return Status{};
  };
  return world;
}

SelectionProblem problem() {
  return SelectionProblem::make({3, 1, 2, 0, 5, 1, 1, 4}, {2, 1, 3, 2, 1, 4, 2, 2}, {4, 3}).value();
}

TEST(Draw, FollowsItsStatedChances) {
  const SelectionProblem p = problem();
  constexpr std::uint64_t kDraws = 10000;
  const Draws draws = draw(p, {.count = kDraws, .simulated = kDraws}, world_of(7)).value();
  ASSERT_EQ(draws.drawn.size(), kDraws);
  std::vector<double> hits(p.layers());
  for (const Drawn& one : draws.drawn) {
    for (const LayerRun& run : one.runs)
      for (std::uint32_t i = run.begin; i < run.end; ++i) ++hits[i];
  }
  for (std::size_t i = 0; i < p.layers(); ++i) {
    const double chance = draws.chance[i];
    // Both shares scatter; five standard deviations of their difference.
    const double allowed = 5 * std::sqrt(2 * std::max(chance * (1 - chance), 1e-4) / kDraws);
    EXPECT_NEAR(hits[i] / kDraws, chance, allowed) << i;
  }
}

/// One verifier that can take one of two layers. Of exponential variables of means a and b, the first is the
/// larger with the chance a / (a + b).
TEST(Draw, HasTheChanceThatExponentialsHave) {
  const SelectionProblem p = SelectionProblem::make({3, 1}, {1, 1}, {1}).value();
  const Draws draws = draw(p, {.count = 1, .simulated = 20000}, world_of(1)).value();
  EXPECT_NEAR(draws.chance[0], 0.75, 5 * std::sqrt(0.75 * 0.25 / 20000));
  EXPECT_NEAR(draws.chance[1], 0.25, 5 * std::sqrt(0.75 * 0.25 / 20000));
}

TEST(Draw, IsReplayedFromItsKey) {
  const SelectionProblem p = problem();
  const auto runs = [&](std::uint8_t seed, unsigned threads) {
    const ThreadLimitScope scope(threads);
    std::vector<std::vector<LayerRun>> all;
    for (const Drawn& one : draw(p, {.count = 50, .simulated = 10}, world_of(seed)).value().drawn)
      all.push_back(one.runs);
    return all;
  };
  EXPECT_EQ(runs(1, 1), runs(1, 2));
  EXPECT_NE(runs(1, 1), runs(2, 1));
  EXPECT_EQ(draw(p, {}, world_of(9)).value().key, (Digest{9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
                                                          9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}));
}

TEST(Draw, SaysWhatItsRunsAreWorth) {
  const SelectionProblem p = problem();
  for (const Drawn& one : draw(p, {.count = 100, .simulated = 1}, world_of(3)).value().drawn) {
    double value = 0;
    std::uint64_t cost = 0;
    for (std::size_t k = 0; k < one.runs.size(); ++k) {
      EXPECT_LE(p.cost_of(one.runs[k]), p.budgets()[k]);
      value += p.value_of(one.runs[k]);
      cost += p.cost_of(one.runs[k]);
    }
    EXPECT_EQ(one.value, value);
    EXPECT_EQ(one.cost, cost);
  }
}

// The largest value, that others are taken relative to, is 0 then.
TEST(Draw, OfLayersThatAreWorthNothingAreEmpty) {
  const SelectionProblem p = SelectionProblem::make({0, 0}, {1, 1}, {1, 1}).value();
  const Draws draws = draw(p, {.count = 2, .simulated = 3}, world_of(1)).value();
  ASSERT_EQ(draws.drawn.size(), 2U);
  for (const Drawn& one : draws.drawn) EXPECT_EQ(one.runs, std::vector<LayerRun>(2));
  EXPECT_EQ(draws.chance, (std::vector<double>{0, 0}));
}

TEST(Draw, RefusesCountsAndAWorldWithoutRandomness) {
  const SelectionProblem p = problem();
  EXPECT_EQ(draw(p, {.count = 0}).error().place, "count");
  EXPECT_EQ(draw(p, {.count = DrawOptions::kMaxDraws + 1}).error().place, "count");
  EXPECT_EQ(draw(p, {.simulated = 0}).error().place, "simulated");
  World world = World::system();
  world.fill_random = [](std::span<std::uint8_t>) { return Status(Error{ErrorCode::kIo, "random", "none"}); };
  EXPECT_EQ(draw(p, {}, world).error().code, ErrorCode::kIo);
  // As many as are possible come as far as that.
  const DrawOptions most{.count = DrawOptions::kMaxDraws, .simulated = DrawOptions::kMaxDraws};
  EXPECT_EQ(draw(p, most, world).error().place, "random");
}

}  // namespace
}  // namespace assay::layers
