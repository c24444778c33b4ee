// The ways to select. Each takes verifiers by their classes; those that no layer fits get no run.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "layers/windows.h"

namespace assay::layers::internal {

/// One more verifier to the right of those that `below` is about: row[i] is the most that the layers before i
/// are worth. `first` is of its class; both rows have as many entries.
void extend_row(std::span<const std::int64_t> sums, std::span<const std::uint32_t> first,
                std::span<const std::int64_t> below, std::span<std::int64_t> row);

/// The optimum where verifiers stand in this order, from the left.
[[nodiscard]] Found fixed_order(const Instance& instance, std::span<const std::uint32_t> order);
/// What it is worth.
[[nodiscard]] std::int64_t fixed_order_value(const Instance& instance, std::span<const std::uint32_t> order);

/// The largest budget first, each takes the run that adds most.
[[nodiscard]] Found greedy(const Instance& instance);

/// How many states count_vectors() has: a state says how many verifiers of each class are used. None where
/// there are more than `most`.
[[nodiscard]] std::optional<std::size_t> count_states(std::span<const WindowClass> classes, std::size_t most);

/// Sizes that count_vectors() works within.
struct TableLimits {
  std::size_t cells = std::size_t{1} << 25;          ///< entries of 8 bytes of a table of all states
  std::size_t states = std::size_t{1} << 20;         ///< at most, when only two levels are held
  std::size_t level_cells = std::size_t{150} << 20;  ///< entries of two levels: 1.2 GB
};

/// The optimum over all orders, where limits allow it; otherwise none.
[[nodiscard]] std::optional<Found> count_vectors(const Instance& instance, const TableLimits& limits = {});

/// No selection is worth more: as if every verifier had the largest budget.
[[nodiscard]] std::int64_t equal_budgets_bound(const Instance& instance);
/// No selection is worth more: as if layers could be divided, and one verifier had all budgets.
[[nodiscard]] std::int64_t knapsack_bound(const Instance& instance);

struct SearchLimits {
  std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();
  std::uint64_t nodes = std::numeric_limits<std::uint64_t>::max();
  std::size_t grouped_states = 1 << 16;  ///< of the problem with classes joined, which gives a bound first
};

struct Searched {
  Found found;
  std::int64_t upper_bound = 0;  ///< found.value where that is proven to be the optimum
};

/// Branch and bound over who stands next from the left. Ends with the optimum, or at a limit with the best
/// that was found and a bound that holds.
[[nodiscard]] Searched search(const Instance& instance, const SearchLimits& limits);

}  // namespace assay::layers::internal
