#include "assay/layers_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.h"
#include "base/try.h"
#include "layers/solvers.h"

namespace assay::layers {
namespace {

constexpr std::int64_t kSumLimit = std::int64_t{1} << 62;

Error refused_selection(ErrorCode code, std::string place, std::string reason) {
  return {code, std::move(place), std::move(reason)};
}

/// The prefix sums of values 2^scale, each rounded to the nearest; empty where they reach 2^62.
std::vector<std::int64_t> sums_at_scale(const std::vector<double>& values, int scale) {
  std::vector<std::int64_t> sums{0};
  for (const double value : values) {
    const double scaled = std::nearbyint(std::ldexp(value, scale));
    if (!(scaled < static_cast<double>(kSumLimit))) return {};
    const std::int64_t sum = sums.back() + static_cast<std::int64_t>(scaled);
    if (sum >= kSumLimit) return {};
    sums.push_back(sum);
  }
  return sums;
}

Status check_counts(std::size_t values, std::size_t costs, std::size_t budgets) {
  using Problem = SelectionProblem;
  if (values != costs)
    return refused_selection(ErrorCode::kMismatch, "costs",
                             fmt::format("{} costs of {} values", costs, values));
  if (values == 0 || values > Problem::kMaxLayers)
    return refused_selection(ErrorCode::kOutOfRange, "values",
                             fmt::format("{} layers, and 1 to {} are taken", values, Problem::kMaxLayers));
  if (budgets == 0 || budgets > Problem::kMaxVerifiers)
    return refused_selection(
        ErrorCode::kOutOfRange, "budgets",
        fmt::format("{} verifiers, and 1 to {} are taken", budgets, Problem::kMaxVerifiers));
  if (budgets > Problem::kMaxCells / values)
    return refused_selection(ErrorCode::kTooLarge, "budgets",
                             fmt::format("{} verifiers for {} layers: at most {} are taken", budgets, values,
                                         Problem::kMaxCells / values));
  return {};
}

/// A bound that no search is needed for. By greedy: the optimum is at most twice as much.
std::int64_t simple_bound(const internal::Instance& instance) {
  const std::int64_t twice = 2 * std::min(internal::greedy(instance).value, kSumLimit / 2);
  return std::min({internal::equal_budgets_bound(instance), internal::knapsack_bound(instance), twice});
}

internal::Searched select_free(const internal::Instance& instance, const SelectionLimits& limits) {
  if (std::optional<internal::Found> found = internal::count_vectors(instance)) return {*found, found->value};
  internal::SearchLimits search;
  const double seconds = std::clamp(limits.seconds, 0.0, 1e9);
  search.end = std::chrono::steady_clock::now() +
               std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                   std::chrono::duration<double>(std::isnan(seconds) ? 0 : seconds));
  return internal::search(instance, search);
}

}  // namespace

std::string_view to_string(Order order) {
  switch (order) {
    case Order::kFree:
      return "free";
    case Order::kFixed:
      return "fixed";
    case Order::kGreedy:
      break;
  }
  return "greedy";
}

std::optional<Order> order_from(std::string_view name) {
  for (const Order order : {Order::kFree, Order::kFixed, Order::kGreedy})
    if (name == to_string(order)) return order;
  return std::nullopt;
}

Result<SelectionProblem> SelectionProblem::make(std::vector<double> values, std::vector<std::uint64_t> costs,
                                                const std::vector<double>& budgets) {
  ASSAY_TRY(check_counts(values.size(), costs.size(), budgets.size()));
  double largest = 0, total = 0;
  std::uint64_t cost = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(std::isfinite(values[i]) && values[i] >= 0))
      return refused_selection(ErrorCode::kOutOfRange, fmt::format("values[{}]", i),
                               fmt::format("{} is not a finite number of at least 0", values[i]));
    if (costs[i] == 0 || costs[i] >= kCostLimit - cost)
      return refused_selection(
          ErrorCode::kOutOfRange, fmt::format("costs[{}]", i),
          fmt::format("{} is not at least 1, and below 2^62 with those before it", costs[i]));
    cost += costs[i];
    largest = std::max(largest, values[i]);
    total += values[i];
  }
  if (total > std::numeric_limits<double>::max() / 2)
    return refused_selection(ErrorCode::kOutOfRange, "values", "their sum is too large for a double");
  SelectionProblem problem;
  for (std::size_t k = 0; k < budgets.size(); ++k) {
    if (!(std::isfinite(budgets[k]) && budgets[k] > 0))
      return refused_selection(ErrorCode::kOutOfRange, fmt::format("budgets[{}]", k),
                               fmt::format("{} is not a finite number above 0", budgets[k]));
    // All layers together cost less than 2^62.
    problem.budgets_.push_back(
        static_cast<std::uint64_t>(std::min(std::floor(budgets[k]), static_cast<double>(kSumLimit))));
  }
  // The largest value alone is below 2^62 at this scale.
  problem.scale_ = largest > 0 ? 61 - std::ilogb(largest) : 0;
  while (problem.scaled_sums_.empty()) problem.scaled_sums_ = sums_at_scale(values, problem.scale_--);
  ++problem.scale_;
  problem.values_ = std::move(values);
  problem.costs_ = std::move(costs);
  return problem;
}

Result<SelectionProblem> SelectionProblem::make(const Scores& scores, const std::vector<double>& budgets) {
  std::vector<double> values;
  std::vector<std::uint64_t> costs;
  for (const LayerScore& layer : scores.layers) {
    values.push_back(layer.significance_score);
    costs.push_back(layer.num_parameters);
  }
  return make(std::move(values), std::move(costs), budgets);
}

double SelectionProblem::unscaled(std::int64_t sum) const {
  return std::ldexp(static_cast<double>(sum), -scale_);
}

double SelectionProblem::value_of(const LayerRun& run) const {
  return unscaled(scaled_sums_[run.end] - scaled_sums_[run.begin]);
}

std::uint64_t SelectionProblem::cost_of(const LayerRun& run) const {
  return std::accumulate(costs_.begin() + run.begin, costs_.begin() + run.end, std::uint64_t{0});
}

Selection select(const SelectionProblem& problem, Order order, const SelectionLimits& limits) {
  const std::vector<internal::WindowClass> classes = internal::classes_of(problem);
  const internal::Instance instance{problem.scaled_sums(), problem.costs(), classes, problem.verifiers()};
  std::vector<std::uint32_t> in_order(problem.verifiers());
  std::iota(in_order.begin(), in_order.end(), 0U);
  internal::Searched best;
  if (order == Order::kFree) {
    best = select_free(instance, limits);
  } else {
    best.found =
        order == Order::kFixed ? internal::fixed_order(instance, in_order) : internal::greedy(instance);
    best.upper_bound = simple_bound(instance);
  }
  ASSAY_CHECK_LE(best.found.value, best.upper_bound);
  return {order,
          std::move(best.found.runs),
          problem.unscaled(best.found.value),
          problem.unscaled(best.upper_bound),
          best.found.value == best.upper_bound,
          problem.unscaled(internal::fixed_order_value(instance, in_order))};
}

}  // namespace assay::layers
