// Which layers each verifier checks: one contiguous run of layers within its budget, so that the runs are
// worth most together (multi-verifier budgeted contiguous selection).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/layers.h"
#include "assay/world.h"

namespace assay::layers {

/// Which verifier may stand left of which.
enum class Order : std::uint8_t {
  kFree,    ///< any: the optimum, or the best found within the time limit
  kFixed,   ///< each verifier stands right of those before it: the optimum among those
  kGreedy,  ///< the largest budget first, each takes what adds most: at least half of the optimum
};

/// "free", "fixed" or "greedy".
[[nodiscard]] std::string_view to_string(Order order);
[[nodiscard]] std::optional<Order> order_from(std::string_view name);

/// The layers begin, .., end - 1; none where begin == end, and then both are 0.
struct LayerRun {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  [[nodiscard]] bool empty() const { return begin == end; }
  friend bool operator==(const LayerRun&, const LayerRun&) = default;
};

/// Values, costs and budgets, checked.
///
/// Values are taken as integers of one scale: value_i 2^e, rounded to the nearest, with the largest e for
/// which they sum to less than 2^62. Budgets are floored. So all comparisons are exact, and two selections of
/// equal worth are equal.
class SelectionProblem {
 public:
  static constexpr std::size_t kMaxLayers = Scores::kMaxLayers;
  static constexpr std::uint64_t kCostLimit = std::uint64_t{1} << 62;  ///< all costs together are below it
  static constexpr std::size_t kMaxVerifiers = 4096;
  static constexpr std::size_t kMaxCells = std::size_t{1} << 25;  ///< verifiers times layers

  /// One value and one cost for each layer. Errors, with the place "values[3]": kOutOfRange (no layer or no
  /// verifier; a value that is negative or not finite; a cost that is 0, or that reaches
  /// kCostLimit with those before it; a budget that is not
  /// above 0), kMismatch (as many values as costs), kTooLarge.
  static Result<SelectionProblem> make(std::vector<double> values, std::vector<std::uint64_t> costs,
                                       const std::vector<double>& budgets);
  /// What scores say: significance_score for values, num_parameters for costs.
  static Result<SelectionProblem> make(const Scores& scores, const std::vector<double>& budgets);

  [[nodiscard]] std::size_t layers() const { return values_.size(); }
  [[nodiscard]] std::size_t verifiers() const { return budgets_.size(); }
  [[nodiscard]] const std::vector<double>& values() const { return values_; }
  [[nodiscard]] const std::vector<std::uint64_t>& costs() const { return costs_; }
  /// Floored.
  [[nodiscard]] const std::vector<std::uint64_t>& budgets() const { return budgets_; }

  /// Of a run within the layers. The value is rounded once, from the exact sum of the scaled values.
  [[nodiscard]] double value_of(const LayerRun& run) const;
  [[nodiscard]] std::uint64_t cost_of(const LayerRun& run) const;
  /// value * 2^scale is the integer taken for a value.
  [[nodiscard]] int scale() const { return scale_; }
  /// Prefix sums of those integers: layers() + 1 of them.
  [[nodiscard]] const std::vector<std::int64_t>& scaled_sums() const { return scaled_sums_; }
  /// What so much is worth in the unit of values().
  [[nodiscard]] double unscaled(std::int64_t sum) const;

 private:
  SelectionProblem() = default;

  std::vector<double> values_;
  std::vector<std::uint64_t> costs_;
  std::vector<std::uint64_t> budgets_;
  std::vector<std::int64_t> scaled_sums_;
  std::vector<std::uint64_t> cost_sums_;
  int scale_ = 0;
};

struct Selection {
  Order order = Order::kFree;
  std::vector<LayerRun> runs;    ///< one for each verifier; disjoint, each within its budget
  double value = 0;              ///< of all runs together
  double upper_bound = 0;        ///< no selection in any order is worth more
  bool proven_optimal = false;   ///< none is worth more than this one
  double fixed_order_value = 0;  ///< the most that the given order of the verifiers allows
};

struct SelectionLimits {
  /// For the search among more orders than fit a table; the best found is given when it ends. Exact ways are
  /// not cut short: their tables bound their work.
  double seconds = 10;
};

/// The same selection whatever the number of threads, unless a search was cut short by time.
///
/// A run neither begins nor ends with a layer of value 0. Of selections of equal worth, in this order: a
/// verifier that is not needed stays without layers, the later before the earlier (for budgets that allow the
/// same runs: the later ones); then runs end as far left as they can, the rightmost run first; then it goes
/// to the verifier with the smaller budget. Verifiers whose budgets allow the same runs stand in their own
/// order.
///
/// Source: for a fixed order, dynamic programming over verifiers and layers, where the leftmost start that
/// the budget allows is always best; over subsets of the verifiers for a free one. docs/layers.md has the
/// proofs.
[[nodiscard]] Selection select(const SelectionProblem& problem, Order order,
                               const SelectionLimits& limits = {});

/// Runs that were drawn, and what they are worth and cost together.
struct Drawn {
  std::vector<LayerRun> runs;
  double value = 0;
  std::uint64_t cost = 0;
};

/// Selections that nobody can foresee: each value times an independent draw from the exponential distribution
/// of mean 1, then selected as `select` does.
struct Draws {
  Digest key{};  ///< what the draws come from: keep it secret until the checks are done
  std::vector<Drawn> drawn;
  std::vector<double> chance;   ///< of each layer, to be checked in one draw: its share of the simulated ones
  std::uint64_t simulated = 0;  ///< draws from a public key that the chances were counted in
};

struct DrawOptions {
  static constexpr std::uint64_t kMaxDraws = std::uint64_t{1} << 20;
  std::uint64_t count = 1;
  /// A chance is within 1 / sqrt(simulated) of the true one, 19 times in 20.
  std::uint64_t simulated = 2000;
  Order order = Order::kFree;
  SelectionLimits limits = {};  ///< of each selection
};

/// Draw t of a key takes its randomness from the ChaCha20 stream of SHA-256("assay/layers/draw/v1" || key ||
/// LE64(t)); layer i from the i-th number of it, u in 64 bits: -ln((floor(u / 2^11) + 1) / 2^53).
/// Errors: kIo (no randomness), kOutOfRange (count or simulated 0, or over kMaxDraws).
[[nodiscard]] Result<Draws> draw(const SelectionProblem& problem, const DrawOptions& options,
                                 const World& world = World::system());

}  // namespace assay::layers
