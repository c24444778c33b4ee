#include "layers/windows.h"

#include <algorithm>
#include <numeric>

namespace assay::layers::internal {

std::vector<std::uint32_t> windows_of(std::span<const std::uint64_t> costs, std::uint64_t budget) {
  std::vector<std::uint32_t> first(costs.size() + 1, 0);
  std::uint64_t cost = 0;
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    cost += costs[i];
    while (cost > budget) cost -= costs[begin++];
    first[i + 1] = begin;
  }
  return first;
}

std::vector<WindowClass> classes_of(const SelectionProblem& problem) {
  const std::vector<std::uint64_t>& budgets = problem.budgets();
  std::vector<std::uint32_t> by_budget(budgets.size());
  std::iota(by_budget.begin(), by_budget.end(), 0U);
  std::ranges::stable_sort(by_budget, {}, [&](std::uint32_t k) { return budgets[k]; });
  const std::uint64_t cheapest = std::ranges::min(problem.costs());
  std::vector<WindowClass> classes;
  for (const std::uint32_t k : by_budget) {
    if (budgets[k] < cheapest) continue;
    if (!classes.empty() && classes.back().budget == budgets[k]) {
      classes.back().verifiers.push_back(k);
      continue;
    }
    std::vector<std::uint32_t> first = windows_of(problem.costs(), budgets[k]);
    if (classes.empty() || classes.back().first != first) {
      const std::uint64_t dearest = dearest_run(problem.costs(), first);
      classes.push_back({budgets[k], dearest, std::move(first), {k}});
    } else {
      classes.back().verifiers.push_back(k);
    }
  }
  for (WindowClass& one : classes) std::ranges::sort(one.verifiers);
  return classes;
}

std::uint64_t dearest_run(std::span<const std::uint64_t> costs, std::span<const std::uint32_t> first) {
  std::uint64_t cost = 0, dearest = 0;
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    cost += costs[i];
    while (begin < first[i + 1]) cost -= costs[begin++];
    dearest = std::max(dearest, cost);
  }
  return dearest;
}

std::int64_t value_of(const Instance& instance, std::span<const LayerRun> runs) {
  std::int64_t value = 0;
  for (const LayerRun& run : runs) value += instance.value_of(run);
  return value;
}

void trim(const Instance& instance, std::vector<LayerRun>& runs) {
  const auto is_worthless = [&](std::uint32_t layer) { return instance.value_of({layer, layer + 1}) == 0; };
  for (LayerRun& run : runs) {
    while (!run.empty() && is_worthless(run.begin)) ++run.begin;
    if (run.empty()) run = {};
  }
}

}  // namespace assay::layers::internal
