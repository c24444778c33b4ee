// Selection among 224 layers, as many as 32 blocks of 7 linear layers have, for verifiers whose budgets all
// differ, or are all equal.
#include <benchmark/benchmark.h>

#include <vector>

#include "assay/layers_selection.h"
#include "base/check.h"
#include "base/random.h"

namespace {

using namespace assay::layers;  // NOLINT(google-build-using-namespace)

SelectionProblem problem_of(std::size_t verifiers, bool equal) {
  assay::ChaCha20Stream stream(assay::Digest{1});
  std::vector<double> values, budgets;
  std::vector<std::uint64_t> costs;
  double total = 0;
  for (int i = 0; i < 224; ++i) {
    // No two budgets allow the same runs, as they might where costs repeat.
    costs.push_back((std::uint64_t{16} << 20) + stream.below(std::uint64_t{28} << 20));
    total += static_cast<double>(costs.back());
    values.push_back(0.05 + static_cast<double>(stream.below(1000)) / 1000);
  }
  // Half of the model, in all.
  const double mean = total / 2 / static_cast<double>(verifiers);
  for (std::size_t k = 0; k < verifiers; ++k)
    budgets.push_back(equal ? total / 100
                            : mean * (0.5 + static_cast<double>(k) / static_cast<double>(verifiers)));
  return SelectionProblem::make(values, costs, budgets).value();
}

/// Arguments: verifiers, threads.
void free_order(benchmark::State& state) {
  const SelectionProblem problem = problem_of(static_cast<std::size_t>(state.range(0)), false);
  const assay::ThreadLimitScope scope(static_cast<unsigned>(state.range(1)));
  for (auto _ : state) {
    const Selection selection = select(problem, Order::kFree);
    ASSAY_CHECK(selection.proven_optimal, selection.value);
  }
}

/// Arguments: verifiers of 1 % of the parameters each, threads.
void equal_budgets(benchmark::State& state) {
  const SelectionProblem problem = problem_of(static_cast<std::size_t>(state.range(0)), true);
  const assay::ThreadLimitScope scope(static_cast<unsigned>(state.range(1)));
  for (auto _ : state) {
    const Selection selection = select(problem, Order::kFree);
    ASSAY_CHECK(selection.proven_optimal, selection.value);
  }
}

BENCHMARK(free_order)
    ->Args({3, 1})
    ->Args({12, 1})
    ->Args({16, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(free_order)->Args({20, 2})->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(equal_budgets)->Args({96, 1})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
