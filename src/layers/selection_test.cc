#include "assay/layers_selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "layers/solvers.h"
#include "layers/test_support.h"

namespace assay::layers {
namespace {

using enum ErrorCode;
using internal::Found;
using internal::Instance;

/// A problem with all that the solvers want.
struct Prepared {
  SelectionProblem problem;
  std::vector<internal::WindowClass> classes;

  Prepared(std::vector<double> values, std::vector<std::uint64_t> costs, const std::vector<double>& budgets)
      : problem(SelectionProblem::make(std::move(values), std::move(costs), budgets).value()),
        classes(internal::classes_of(problem)) {}
  [[nodiscard]] Instance instance() const {
    return {problem.scaled_sums(), problem.costs(), classes, problem.verifiers()};
  }
};

// --- the oracle: every way to give runs, one verifier after another ---

std::int64_t best_from(const SelectionProblem& problem, std::size_t verifier, std::vector<bool>& taken,
                       bool fixed, std::uint32_t from) {
  if (verifier == problem.verifiers()) return 0;
  std::int64_t best = best_from(problem, verifier + 1, taken, fixed, from);
  const auto layers = static_cast<std::uint32_t>(problem.layers());
  for (std::uint32_t begin = fixed ? from : 0; begin < layers; ++begin) {
    std::uint64_t cost = 0;
    std::uint32_t end = begin;
    for (; end < layers && !taken[end]; ++end) {
      cost += problem.costs()[end];
      if (cost > problem.budgets()[verifier]) break;
      taken[end] = true;
      const std::int64_t value = problem.scaled_sums()[end + 1] - problem.scaled_sums()[begin];
      best = std::max(best, value + best_from(problem, verifier + 1, taken, fixed, end + 1));
    }
    for (std::uint32_t i = begin; i < end; ++i) taken[i] = false;
  }
  return best;
}

std::int64_t brute_force(const SelectionProblem& problem, bool fixed) {
  std::vector<bool> taken(problem.layers());
  return best_from(problem, 0, taken, fixed, 0);
}

// --- what every selection must satisfy ---

void expect_sound(const SelectionProblem& problem, const std::vector<LayerRun>& runs, bool fixed,
                  const std::string& what) {
  ASSERT_EQ(runs.size(), problem.verifiers()) << what;
  std::vector<bool> taken(problem.layers());
  std::uint32_t from = 0;
  for (std::size_t k = 0; k < runs.size(); ++k) {
    const LayerRun& run = runs[k];
    if (run.empty()) {
      ASSERT_EQ(run, LayerRun{}) << what;
      continue;
    }
    ASSERT_LT(run.begin, run.end) << what;
    ASSERT_LE(run.end, problem.layers()) << what;
    ASSERT_LE(problem.cost_of(run), problem.budgets()[k]) << what;
    ASSERT_GT(problem.value_of({run.begin, run.begin + 1}), 0) << what;
    ASSERT_GT(problem.value_of({run.end - 1, run.end}), 0) << what;
    for (std::uint32_t i = run.begin; i < run.end; ++i) {
      ASSERT_FALSE(taken[i]) << what;
      taken[i] = true;
    }
    if (!fixed) continue;
    ASSERT_GE(run.begin, from) << what;
    from = run.end;
  }
}

/// Small problems with zeros, ties, layers over every budget, equal budgets.
class Random {
 public:
  explicit Random(std::uint8_t seed) : stream_(Digest{seed}) {}

  Prepared problem(std::size_t max_layers = 10, std::size_t max_verifiers = 4) {
    const std::size_t layers = 1 + stream_.below(max_layers);
    std::vector<double> values;
    std::vector<std::uint64_t> costs;
    const std::uint64_t spread = 1 + stream_.below(9);
    for (std::size_t i = 0; i < layers; ++i) {
      values.push_back(stream_.below(4) == 0 ? 0 : static_cast<double>(1 + stream_.below(spread)));
      costs.push_back(stream_.below(6) == 0 ? 40 : 1 + stream_.below(spread));
    }
    std::vector<double> budgets(1 + stream_.below(max_verifiers));
    const bool equal = stream_.below(4) == 0;
    for (double& budget : budgets)
      budget = equal && &budget != budgets.data() ? budgets[0] : 1 + static_cast<double>(stream_.below(16));
    return {values, costs, budgets};
  }

 private:
  ChaCha20Stream stream_;
};

std::string shown(const SelectionProblem& problem) {
  return fmt::format("values {} costs {} budgets {}", problem.values(), problem.costs(), problem.budgets());
}

// --- published cases ---

struct Case {
  char name;
  std::vector<double> values;
  std::vector<std::uint64_t> costs;
  std::vector<double> budgets;
  double fixed, free;
};

std::vector<Case> cases() {
  const std::vector<double> ones{1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1};
  return {{'A', {10, 1, 1}, {3, 1, 1}, {2, 3}, 10, 12},
          {'B', {6, 6, 5}, {2, 2, 1}, {1, 4}, 12, 17},
          {'C', {1, 0, 1}, {2, 9, 1}, {1, 2}, 1, 2},
          {'D', {5}, {10}, {10, 1}, 5, 5},
          {'E', {3, 4}, {1, 5}, {6, 1}, 7, 7},
          {'F',
           {4, 0, 2, 0, 2, 0, 1, 0, 1, 0, 1, 0, 1},
           {7, 99, 6, 99, 5, 99, 4, 99, 3, 99, 2, 99, 1},
           {1, 2, 3, 4, 5, 6, 7},
           4,
           12},
          {'G', {10, 5, 8, 12, 3, 15, 7}, {2, 1, 3, 2, 1, 4, 2}, {5, 6}, 42, 43},
          {'H', {4, 4, 4, 0, 5, 5, 0, 7}, {1, 1, 1, 9, 1, 1, 9, 1}, {1, 2, 3}, 22, 29},
          {'I', ones, {1, 1, 1, 1, 1, 1, 9, 1, 1, 1, 1, 1, 1}, {1, 2, 3, 1, 2, 3}, 12, 12}};
}

TEST(Selection, PublishedCases) {
  for (const Case& one : cases()) {
    const SelectionProblem problem = SelectionProblem::make(one.values, one.costs, one.budgets).value();
    const Selection fixed = select(problem, Order::kFixed);
    EXPECT_EQ(fixed.value, one.fixed) << one.name;
    EXPECT_GE(fixed.upper_bound, one.free) << one.name;
    expect_sound(problem, fixed.runs, true, std::string(1, one.name));
    const Selection free = select(problem, Order::kFree);
    EXPECT_EQ(free.value, one.free) << one.name;
    EXPECT_EQ(free.upper_bound, one.free) << one.name;
    EXPECT_TRUE(free.proven_optimal) << one.name;
    EXPECT_EQ(free.fixed_order_value, one.fixed) << one.name;
    expect_sound(problem, free.runs, false, std::string(1, one.name));
    const Selection greedy = select(problem, Order::kGreedy);
    EXPECT_GE(2 * greedy.value, one.free) << one.name;
    EXPECT_LE(greedy.value, one.free) << one.name;
    EXPECT_GE(greedy.upper_bound, one.free) << one.name;
    expect_sound(problem, greedy.runs, false, std::string(1, one.name));
  }
}

TEST(Selection, PublishedCasesByEverySolver) {
  for (const Case& one : cases()) {
    const Prepared prepared(one.values, one.costs, one.budgets);
    const Instance instance = prepared.instance();
    const auto expected = static_cast<std::int64_t>(std::ldexp(one.free, prepared.problem.scale()));
    EXPECT_EQ(internal::count_vectors(instance)->value, expected) << one.name;
    EXPECT_EQ(internal::count_vectors(instance, {.cells = 1})->value, expected) << one.name;
    const internal::Searched searched = internal::search(instance, {});
    EXPECT_EQ(searched.found.value, expected) << one.name;
    EXPECT_EQ(searched.upper_bound, expected) << one.name;
  }
}

TEST(Selection, RunsOfTheOriginalsOwnFixture) {
  const Case g = cases()[6];
  const SelectionProblem problem = SelectionProblem::make(g.values, g.costs, g.budgets).value();
  EXPECT_EQ(select(problem, Order::kFree).runs, (std::vector<LayerRun>{{4, 6}, {1, 4}}));
}

// --- against brute force ---

constexpr int kInstances = 5000;

TEST(Selection, FixedOrderIsBruteForce) {
  Random random(1);
  for (int n = 0; n < kInstances; ++n) {
    const Prepared prepared = random.problem();
    const std::int64_t best = brute_force(prepared.problem, true);
    const Selection fixed = select(prepared.problem, Order::kFixed);
    ASSERT_EQ(fixed.value, prepared.problem.unscaled(best)) << shown(prepared.problem);
    ASSERT_EQ(fixed.fixed_order_value, fixed.value) << shown(prepared.problem);
    expect_sound(prepared.problem, fixed.runs, true, shown(prepared.problem));
  }
}

TEST(Selection, FreeOrderIsBruteForce) {
  Random random(2);
  for (int n = 0; n < kInstances; ++n) {
    const Prepared prepared = random.problem();
    const std::int64_t best = brute_force(prepared.problem, false);
    const Selection free = select(prepared.problem, Order::kFree);
    ASSERT_EQ(free.value, prepared.problem.unscaled(best)) << shown(prepared.problem);
    ASSERT_TRUE(free.proven_optimal);
    expect_sound(prepared.problem, free.runs, false, shown(prepared.problem));
    // Two levels at a time give the same runs as the whole table.
    const Found by_levels = *internal::count_vectors(prepared.instance(), {.cells = 1});
    ASSERT_EQ(by_levels.runs, free.runs) << shown(prepared.problem);
  }
}

TEST(Selection, BranchAndBoundIsBruteForce) {
  Random random(3);
  for (int n = 0; n < kInstances; ++n) {
    const Prepared prepared = random.problem();
    const std::int64_t best = brute_force(prepared.problem, false);
    internal::SearchLimits limits;
    limits.grouped_states = 1;  // otherwise a table has the answer
    const internal::Searched searched = internal::search(prepared.instance(), limits);
    ASSERT_EQ(searched.found.value, best) << shown(prepared.problem);
    ASSERT_EQ(searched.upper_bound, best) << shown(prepared.problem);
    expect_sound(prepared.problem, searched.found.runs, false, shown(prepared.problem));
  }
}

TEST(Selection, GreedyIsAtLeastHalf) {
  Random random(4);
  for (int n = 0; n < kInstances; ++n) {
    const Prepared prepared = random.problem();
    const std::int64_t best = brute_force(prepared.problem, false);
    const Found found = internal::greedy(prepared.instance());
    ASSERT_LE(found.value, best) << shown(prepared.problem);
    ASSERT_GE(2 * found.value, best) << shown(prepared.problem);
    ASSERT_EQ(internal::value_of(prepared.instance(), found.runs), found.value);
    const Selection selection = select(prepared.problem, Order::kGreedy);
    ASSERT_GE(selection.upper_bound, prepared.problem.unscaled(best)) << shown(prepared.problem);
    ASSERT_EQ(selection.proven_optimal, selection.value == selection.upper_bound);
    expect_sound(prepared.problem, found.runs, false, shown(prepared.problem));
  }
}

TEST(Selection, BoundsHold) {
  Random random(5);
  for (int n = 0; n < kInstances; ++n) {
    const Prepared prepared = random.problem();
    const std::int64_t best = brute_force(prepared.problem, false);
    ASSERT_GE(internal::equal_budgets_bound(prepared.instance()), best) << shown(prepared.problem);
    ASSERT_GE(internal::knapsack_bound(prepared.instance()), best) << shown(prepared.problem);
  }
}

TEST(Selection, TheKnapsackBoundDividesALayer) {
  // The dearest run costs 3: the first layer, and a third of the second.
  const Prepared prepared({6, 6}, {2, 3}, {4});
  EXPECT_EQ(prepared.problem.unscaled(internal::knapsack_bound(prepared.instance())), 8);
}

/// Cut off after so many nodes, and with all that comes before them, the search still says what is true.
TEST(Selection, ASearchCutShortKeepsItsBound) {
  Random random(6);
  int open = 0;
  for (int n = 0; n < 1000; ++n) {
    const Prepared prepared = random.problem(24, 9);
    const std::int64_t best = internal::count_vectors(prepared.instance())->value;
    internal::SearchLimits limits;
    limits.nodes = static_cast<std::uint64_t>(n % 5);
    limits.grouped_states = n % 2 == 0 ? 1 : 16;
    const internal::Searched searched = internal::search(prepared.instance(), limits);
    ASSERT_LE(searched.found.value, best) << shown(prepared.problem);
    ASSERT_GE(searched.upper_bound, best) << shown(prepared.problem);
    expect_sound(prepared.problem, searched.found.runs, false, shown(prepared.problem));
    open += searched.found.value < searched.upper_bound ? 1 : 0;
  }
  EXPECT_GT(open, 20);  // otherwise nothing was cut short
}

// Whoever stands left, the only other one is the largest that is left.
TEST(Selection, OfTwoVerifiersTheFirstNodeHasTheOptimumForItsBound) {
  Random random(9);
  int open = 0;
  for (int n = 0; n < 1000; ++n) {
    const Prepared prepared = random.problem(10, 2);
    const internal::Searched searched =
        internal::search(prepared.instance(), {.nodes = 1, .grouped_states = 1});
    ASSERT_EQ(searched.upper_bound, brute_force(prepared.problem, false)) << shown(prepared.problem);
    open += searched.upper_bound < internal::equal_budgets_bound(prepared.instance()) ? 1 : 0;
  }
  EXPECT_GT(open, 20);  // otherwise the simple bound is the optimum
}

TEST(Selection, ASearchThatIsOverAtOnceExchangesNobody) {
  Random random(10);
  int better = 0;
  for (int n = 0; n < 200; ++n) {
    const Prepared prepared = random.problem(24, 9);
    const auto searched = [&](const internal::SearchLimits& limits) {
      return internal::search(prepared.instance(), limits);
    };
    const internal::Searched at_once = searched({.nodes = 0, .grouped_states = 1});
    const internal::Searched timed =
        searched({.end = std::chrono::steady_clock::time_point::min(), .grouped_states = 1});
    ASSERT_EQ(timed.found.runs, at_once.found.runs) << shown(prepared.problem);
    ASSERT_EQ(timed.upper_bound, at_once.upper_bound) << shown(prepared.problem);
    better += searched({.nodes = 1, .grouped_states = 1}).found.value > at_once.found.value ? 1 : 0;
  }
  EXPECT_GT(better, 0);  // otherwise there was nobody to exchange
}

// --- one result ---

TEST(Selection, ThreadsChangeNothing) {
  Random random(7);
  for (int n = 0; n < 20; ++n) {
    const Prepared prepared = random.problem(40, 11);
    std::vector<std::vector<LayerRun>> results;
    for (const unsigned threads : {1U, 2U}) {
      const ThreadLimitScope scope(threads);
      results.push_back(select(prepared.problem, Order::kFree).runs);
      results.push_back(internal::count_vectors(prepared.instance(), {.cells = 5000})->runs);
    }
    for (const std::vector<LayerRun>& runs : results) ASSERT_EQ(runs, results[0]) << shown(prepared.problem);
  }
}

TEST(Selection, TiesGoAsDocumented) {
  const auto runs = [](std::vector<double> values, std::vector<std::uint64_t> costs,
                       const std::vector<double>& budgets, Order order = Order::kFree) {
    return select(SelectionProblem::make(std::move(values), std::move(costs), budgets).value(), order).runs;
  };
  // One of two is enough: the later stays without layers.
  EXPECT_EQ(runs({1, 1}, {1, 1}, {2, 2}), (std::vector<LayerRun>{{0, 2}, {}}));
  EXPECT_EQ(runs({1, 1}, {1, 1}, {2, 2}, Order::kFixed), (std::vector<LayerRun>{{0, 2}, {}}));
  EXPECT_EQ(runs({0, 0}, {1, 1}, {1}), (std::vector<LayerRun>{{}})) << "nothing is worth anything";
  EXPECT_EQ(runs({1, 0, 0, 0}, {1, 1, 1, 1}, {2, 3}), (std::vector<LayerRun>{{0, 1}, {}}));
  EXPECT_EQ(runs({1, 0, 0, 0}, {1, 1, 1, 1}, {3, 2}), (std::vector<LayerRun>{{0, 1}, {}}));
  // A run ends as far left as it can.
  EXPECT_EQ(runs({3, 3, 3}, {1, 1, 1}, {1}), (std::vector<LayerRun>{{0, 1}}));
  EXPECT_EQ(runs({3, 3, 3}, {1, 1, 1}, {1}, Order::kFixed), (std::vector<LayerRun>{{0, 1}}));
  EXPECT_EQ(runs({3, 3, 3}, {1, 1, 1}, {1}, Order::kGreedy), (std::vector<LayerRun>{{0, 1}}));
  // Equal budgets stand in their own order.
  EXPECT_EQ(runs({1, 0, 1}, {1, 9, 1}, {1, 1}), (std::vector<LayerRun>{{0, 1}, {2, 3}}));
  // Ends that are worth nothing are left out, and who would have nothing else stays without.
  EXPECT_EQ(runs({0, 1, 0, 1, 0}, {1, 1, 1, 1, 1}, {5}), (std::vector<LayerRun>{{1, 4}}));
  EXPECT_EQ(runs({0, 0}, {1, 1}, {5, 5}), (std::vector<LayerRun>{{}, {}}));
  // No layer fits.
  for (const Order order : {Order::kFree, Order::kFixed, Order::kGreedy})
    EXPECT_EQ(runs({5}, {10}, {9.99, 0.5}, order), (std::vector<LayerRun>{{}, {}}));
}

// --- numbers ---

TEST(Selection, ValuesAreExact) {
  // 0.1 + 0.2 > 0.3 as doubles, and here too, by one unit in the last place of 0.3.
  const SelectionProblem problem = SelectionProblem::make({0.1, 0.2, 0.3}, {1, 1, 2}, {2}).value();
  EXPECT_EQ(select(problem, Order::kFree).runs, (std::vector<LayerRun>{{0, 2}}));
  EXPECT_LT(problem.scaled_sums().back(), std::int64_t{1} << 62);
  EXPECT_GE(problem.scaled_sums().back(), std::int64_t{1} << 60);
  // Far below an absolute tolerance, and at both ends of the doubles.
  for (const double unit : {1e-12, std::numeric_limits<double>::denorm_min(), 1e307}) {
    const SelectionProblem small =
        SelectionProblem::make({unit, 3 * unit, 2 * unit}, {1, 9, 1}, {1, 1}).value();
    const Selection selection = select(small, Order::kFree);
    EXPECT_EQ(selection.runs, (std::vector<LayerRun>{{0, 1}, {2, 3}}));
    EXPECT_EQ(selection.value, 3 * unit);
  }
  EXPECT_EQ(SelectionProblem::make({1}, {1}, {1e300}).value().budgets()[0], std::uint64_t{1} << 62);
  EXPECT_EQ(SelectionProblem::make({1}, {1}, {7.9}).value().budgets()[0], 7U);
  EXPECT_EQ(SelectionProblem::make({0, 0}, {1, 1}, {1}).value().scale(), 0);
}

TEST(Selection, RefusesBadInput) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto refusal = [](std::vector<double> values, std::vector<std::uint64_t> costs,
                          const std::vector<double>& budgets) {
    const auto problem = SelectionProblem::make(std::move(values), std::move(costs), budgets);
    EXPECT_FALSE(problem.ok());
    return problem.ok() ? Error{kIo, "", ""} : problem.error();
  };
  struct Bad {
    Error error;
    ErrorCode code;
    std::string place;
  };
  const std::vector<Bad> all = {
      {refusal({1, -1}, {1, 1}, {1}), kOutOfRange, "values[1]"},
      {refusal({kNaN}, {1}, {1}), kOutOfRange, "values[0]"},
      {refusal({kInfinity}, {1}, {1}), kOutOfRange, "values[0]"},
      {refusal({1e308, 1e308}, {1, 1}, {1}), kOutOfRange, "values"},
      {refusal({1}, {0}, {1}), kOutOfRange, "costs[0]"},
      {refusal({1}, {SelectionProblem::kCostLimit}, {1}), kOutOfRange, "costs[0]"},
      {refusal({1, 1}, {SelectionProblem::kCostLimit - 1, 1}, {1}), kOutOfRange, "costs[1]"},
      {refusal({1}, {1}, {1, 0}), kOutOfRange, "budgets[1]"},
      {refusal({1}, {1}, {-3}), kOutOfRange, "budgets[0]"},
      {refusal({1}, {1}, {kNaN}), kOutOfRange, "budgets[0]"},
      {refusal({1}, {1}, {kInfinity}), kOutOfRange, "budgets[0]"},
      {refusal({1, 1}, {1}, {1}), kMismatch, "costs"},
      {refusal({}, {}, {1}), kOutOfRange, "values"},
      {refusal({1}, {1}, {}), kOutOfRange, "budgets"},
      {refusal({1}, {1}, std::vector<double>(SelectionProblem::kMaxVerifiers + 1, 1)), kOutOfRange,
       "budgets"},
      {refusal(std::vector<double>(1 << 15, 1), std::vector<std::uint64_t>(1 << 15, 1),
               std::vector<double>(1025, 1)),
       kTooLarge, "budgets"},
  };
  for (const Bad& bad : all) {
    EXPECT_EQ(bad.error.code, bad.code) << bad.error.to_string();
    EXPECT_EQ(bad.error.place, bad.place) << bad.error.to_string();
  }
}

TEST(Selection, TakesAsManyLayersAndVerifiersAsItSays) {
  const auto made = [](std::size_t layers, std::size_t verifiers) {
    return SelectionProblem::make(std::vector<double>(layers, 1), std::vector<std::uint64_t>(layers, 1),
                                  std::vector<double>(verifiers, 1))
        .ok();
  };
  EXPECT_TRUE(made(SelectionProblem::kMaxLayers, 1));
  EXPECT_FALSE(made(SelectionProblem::kMaxLayers + 1, 1));
  EXPECT_TRUE(made(1, SelectionProblem::kMaxVerifiers));
  EXPECT_TRUE(made(1 << 15, 1024));
  EXPECT_TRUE(SelectionProblem::make({1}, {SelectionProblem::kCostLimit - 1}, {1}).ok());
  EXPECT_TRUE(SelectionProblem::make({std::numeric_limits<double>::max() / 2}, {1}, {1}).ok());
}

TEST(Selection, ReadsValuesAndCostsFromScores) {
  const Scores scores = test::small_scores();
  const SelectionProblem problem = SelectionProblem::make(scores, {35}).value();
  EXPECT_EQ(problem.costs(), (std::vector<std::uint64_t>{14, 21, 35, 14, 21, 35}));
  EXPECT_EQ(problem.values()[0], scores.layers[0].significance_score);
  EXPECT_EQ(select(problem, Order::kFree).runs, (std::vector<LayerRun>{{0, 2}}));
}

TEST(Selection, OrdersHaveNames) {
  for (const Order order : {Order::kFree, Order::kFixed, Order::kGreedy})
    EXPECT_EQ(order_from(to_string(order)), order);
  EXPECT_FALSE(order_from("best").has_value());
}

// --- more verifiers than a table has room for ---

// Three of equal budgets have four states, one in each level, and a row of six entries for each.
TEST(Selection, TablesAreAsLargeAsTheirLimits) {
  const Prepared prepared({1, 0, 2, 0, 4}, {1, 9, 1, 9, 1}, {1, 1, 1});
  EXPECT_EQ(internal::count_states(prepared.classes, 4), 4U);
  EXPECT_EQ(internal::count_states(prepared.classes, 3), std::nullopt);
  const auto found = [&](const internal::TableLimits& limits) {
    return internal::count_vectors(prepared.instance(), limits).has_value();
  };
  EXPECT_TRUE(found({.cells = 24, .states = 4, .level_cells = 0}));
  EXPECT_FALSE(found({.cells = 23, .states = 4, .level_cells = 0}));
  EXPECT_FALSE(found({.cells = 24, .states = 3, .level_cells = 0}));
  EXPECT_TRUE(found({.cells = 0, .states = 4, .level_cells = 12}));
  EXPECT_FALSE(found({.cells = 0, .states = 4, .level_cells = 11}));
}

TEST(Selection, ManyBudgetsAreSearchedWithinTheTime) {
  ChaCha20Stream stream(Digest{8});
  std::vector<double> values, budgets;
  std::vector<std::uint64_t> costs;
  for (int i = 0; i < 90; ++i) {
    values.push_back(static_cast<double>(1 + stream.below(1000)));
    costs.push_back(10 + stream.below(40));
  }
  for (int k = 0; k < 26; ++k) budgets.push_back(40 + 7 * k);
  const Prepared prepared(values, costs, budgets);
  ASSERT_FALSE(internal::count_vectors(prepared.instance()).has_value());
  const Selection selection = select(prepared.problem, Order::kFree, {.seconds = 0.2});
  expect_sound(prepared.problem, selection.runs, false, "26 budgets");
  EXPECT_GE(selection.value, select(prepared.problem, Order::kFixed).value);
  EXPECT_GE(selection.value, select(prepared.problem, Order::kGreedy).value);
  EXPECT_GE(selection.upper_bound, selection.value);
  EXPECT_LE(selection.upper_bound, select(prepared.problem, Order::kGreedy).upper_bound);
  EXPECT_EQ(selection.proven_optimal, selection.value == selection.upper_bound);
}

}  // namespace
}  // namespace assay::layers
