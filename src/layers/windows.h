// What budgets allow, and what the solvers share: integers, windows, runs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assay/layers_selection.h"

namespace assay::layers::internal {

using Sums = std::vector<std::int64_t>;

/// Budgets that allow the same runs. A run that ends before layer i begins at first[i] at the earliest.
struct WindowClass {
  std::uint64_t budget = 0;              ///< the smallest of them
  std::uint64_t dearest = 0;             ///< what the dearest run costs that they allow
  std::vector<std::uint32_t> first;      ///< layers + 1 entries; first[i] == i where no layer fits
  std::vector<std::uint32_t> verifiers;  ///< ascending
};

/// Earliest starts for one budget, by two pointers. Costs are positive.
[[nodiscard]] std::vector<std::uint32_t> windows_of(std::span<const std::uint64_t> costs,
                                                    std::uint64_t budget);

/// What the dearest of those runs costs.
[[nodiscard]] std::uint64_t dearest_run(std::span<const std::uint64_t> costs,
                                        std::span<const std::uint32_t> first);

/// The classes by ascending budget. Verifiers that no layer fits are in none.
[[nodiscard]] std::vector<WindowClass> classes_of(const SelectionProblem& problem);

/// What one run of a solver is about: prefix sums of values, and the windows that budgets allow.
struct Instance {
  std::span<const std::int64_t> sums;
  std::span<const std::uint64_t> costs;
  std::span<const WindowClass> classes;
  std::size_t verifiers = 0;

  [[nodiscard]] std::size_t layers() const { return sums.size() - 1; }
  [[nodiscard]] std::int64_t value_of(const LayerRun& run) const { return sums[run.end] - sums[run.begin]; }
};

/// Runs of all verifiers, and what they are worth together.
struct Found {
  std::int64_t value = 0;
  std::vector<LayerRun> runs;
};

[[nodiscard]] std::int64_t value_of(const Instance& instance, std::span<const LayerRun> runs);

/// Takes layers of value 0 from the start of every run. None ends with one: solvers end runs as far left as
/// they can.
void trim(const Instance& instance, std::vector<LayerRun>& runs);

}  // namespace assay::layers::internal
