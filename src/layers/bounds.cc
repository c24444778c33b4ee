#include <algorithm>
#include <numeric>

#include "layers/solvers.h"

namespace assay::layers::internal {
namespace {

using Wide = __int128;

/// The dearest runs of all verifiers together, at most what all layers cost.
std::uint64_t cost_within_reach(const Instance& instance) {
  const std::uint64_t all = std::accumulate(instance.costs.begin(), instance.costs.end(), std::uint64_t{0});
  std::uint64_t reach = 0;
  for (const WindowClass& one : instance.classes) {
    for (std::size_t k = 0; k < one.verifiers.size() && reach < all; ++k)
      reach += std::min(one.dearest, all - reach);
  }
  return reach;
}

}  // namespace

std::int64_t equal_budgets_bound(const Instance& instance) {
  if (instance.classes.empty()) return 0;
  std::size_t verifiers = 0;
  for (const WindowClass& one : instance.classes) verifiers += one.verifiers.size();
  std::vector<std::int64_t> row(instance.sums.size(), 0);
  std::vector<std::int64_t> next(row.size());
  for (std::size_t k = 0; k < verifiers; ++k) {
    extend_row(instance.sums, instance.classes.back().first, row, next);
    if (next == row) break;
    std::swap(row, next);
  }
  return row.back();
}

std::int64_t knapsack_bound(const Instance& instance) {
  std::vector<std::uint32_t> layers(instance.layers());
  std::iota(layers.begin(), layers.end(), 0U);
  const auto value = [&](std::uint32_t i) { return instance.sums[i + 1] - instance.sums[i]; };
  std::ranges::sort(layers, [&](std::uint32_t a, std::uint32_t b) {
    return Wide{value(a)} * instance.costs[b] > Wide{value(b)} * instance.costs[a];
  });
  std::uint64_t left = cost_within_reach(instance);
  std::int64_t bound = 0;
  for (const std::uint32_t i : layers) {
    if (instance.costs[i] > left)
      return bound + static_cast<std::int64_t>(Wide{value(i)} * left / instance.costs[i]);
    left -= instance.costs[i];
    bound += value(i);
  }
  return bound;
}

}  // namespace assay::layers::internal
