// F(n, i), the most that n_j verifiers of each class j get of the first i layers, in any order, is
//   F(n, i) = max(F(n, i-1), max over j with n_j > 0 of F(n - e_j, r) + V(i) - V(r)),   r = first_j[i],
// for the rightmost verifier is of some class, and takes the earliest start (see fixed_order.cc). Where all
// budgets differ these are the subsets of the verifiers; where they are equal, a row for each number of them.
//
// A level are the states that use equally many verifiers; it follows from the level below. Where a table of
// all states is too large, two levels are held. They tell the first step back from the optimum: which
// verifier to do without, or who stands rightmost. The rest is the same problem with one verifier less, and
// with the layers left of that run, and is solved anew: with at most half of the states where all budgets
// differ.
#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/threads.h"
#include "layers/solvers.h"

namespace assay::layers::internal {
namespace {

using Counts = std::vector<std::uint32_t>;

/// States 0, .., product of (counts_j + 1) - 1, as numbers of mixed radix.
class Grid {
 public:
  explicit Grid(const Counts& counts) : counts_(counts), strides_(counts.size()) {
    std::size_t stride = 1;
    for (std::size_t j = 0; j < counts.size(); ++j) {
      strides_[j] = stride;
      stride *= counts[j] + 1;
    }
    levels_.resize(std::accumulate(counts.begin(), counts.end(), std::size_t{0}) + 1);
    rank_.resize(stride);
    for (std::size_t state = 0; state < stride; ++state) {
      std::vector<std::uint32_t>& level = levels_[level_of(state)];
      rank_[state] = static_cast<std::uint32_t>(level.size());
      level.push_back(static_cast<std::uint32_t>(state));
    }
  }

  [[nodiscard]] std::size_t states() const { return rank_.size(); }
  [[nodiscard]] std::size_t levels() const { return levels_.size(); }
  [[nodiscard]] const std::vector<std::uint32_t>& level(std::size_t l) const { return levels_[l]; }
  /// Which of its level a state is.
  [[nodiscard]] std::size_t rank(std::size_t state) const { return rank_[state]; }
  [[nodiscard]] std::size_t stride(std::size_t j) const { return strides_[j]; }
  [[nodiscard]] std::size_t classes() const { return counts_.size(); }
  [[nodiscard]] bool uses(std::size_t state, std::size_t j) const {
    return state / strides_[j] % (counts_[j] + 1) > 0;
  }
  [[nodiscard]] std::size_t two_largest_levels() const {
    std::size_t most = 0;
    for (std::size_t l = 1; l < levels(); ++l)
      most = std::max(most, levels_[l].size() + levels_[l - 1].size());
    return most;
  }

 private:
  [[nodiscard]] std::size_t level_of(std::size_t state) const {
    std::size_t level = 0;
    for (std::size_t j = 0; j < counts_.size(); ++j) level += state / strides_[j] % (counts_[j] + 1);
    return level;
  }

  Counts counts_;
  std::vector<std::size_t> strides_;
  std::vector<std::vector<std::uint32_t>> levels_;
  std::vector<std::uint32_t> rank_;
};

/// Follows the optimum back, from the right: what is still to be given out, and the runs that are.
class Trace {
 public:
  explicit Trace(const Instance& instance) : instance_(instance), end_(instance.layers()) {
    runs_.resize(instance.verifiers);
    for (const WindowClass& one : instance.classes)
      counts_.push_back(static_cast<std::uint32_t>(one.verifiers.size()));
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t end() const { return end_; }
  [[nodiscard]] std::vector<LayerRun>& runs() { return runs_; }

  /// One step, by the row of the counts, which is worth something at end(), and those with one verifier less:
  /// below(j) of class j. Gives the class.
  template <class Below>
  std::size_t step(const std::int64_t* row, const Below& below) {
    std::size_t chosen = counts_.size();
    for (std::size_t j = 0; j < counts_.size(); ++j) {
      if (counts_[j] == 0 || below(j)[end_] != row[end_]) continue;
      if (chosen == counts_.size() || last(j) > last(chosen)) chosen = j;
    }
    if (chosen < counts_.size()) {
      --counts_[chosen];
      return chosen;
    }
    while (row[end_ - 1] == row[end_]) --end_;
    for (chosen = 0;; ++chosen) {
      if (counts_[chosen] == 0) continue;
      const LayerRun run{instance_.classes[chosen].first[end_], static_cast<std::uint32_t>(end_)};
      if (below(chosen)[run.begin] + instance_.value_of(run) != row[end_]) continue;
      runs_[last(chosen)] = run;
      end_ = run.begin;
      --counts_[chosen];
      return chosen;
    }
  }

 private:
  /// The last verifier of the class that is not done yet.
  [[nodiscard]] std::uint32_t last(std::size_t j) const {
    return instance_.classes[j].verifiers[counts_[j] - 1];
  }

  const Instance& instance_;
  Counts counts_;
  std::size_t end_;
  std::vector<LayerRun> runs_;
};

/// What the row of a state is made of, for so many layers.
class Rows {
 public:
  Rows(const Instance& instance, std::size_t layers) : instance_(instance), width_(layers + 1) {
    for (const WindowClass& one : instance.classes) {
      std::vector<std::int64_t>& gains = gains_.emplace_back(width_);
      for (std::size_t i = 0; i < width_; ++i) gains[i] = instance.sums[i] - instance.sums[one.first[i]];
    }
  }

  [[nodiscard]] std::size_t width() const { return width_; }

  /// below(j) is the row of the state with one verifier less of class j.
  template <class Below>
  void fill(const Grid& grid, std::size_t state, const Below& below, std::int64_t* row) const {
    std::fill_n(row, width_, 0);
    for (std::size_t j = 0; j < grid.classes(); ++j) {
      if (!grid.uses(state, j)) continue;
      const std::int64_t* under = below(j);
      const std::uint32_t* first = instance_.classes[j].first.data();
      const std::int64_t* gains = gains_[j].data();
      for (std::size_t i = 0; i < width_; ++i) row[i] = std::max(row[i], under[first[i]] + gains[i]);
    }
    for (std::size_t i = 1; i < width_; ++i) row[i] = std::max(row[i], row[i - 1]);
  }

 private:
  const Instance& instance_;
  std::size_t width_;
  std::vector<std::vector<std::int64_t>> gains_;
};

constexpr std::size_t kStatesPerTask = 64;

/// Of all states, in one table; then the trace is followed to its end.
void solve_in_table(const Instance& instance, const Grid& grid, Trace& trace) {
  const Rows rows(instance, trace.end());
  std::vector<std::int64_t> table(grid.states() * rows.width());
  const auto row = [&](std::size_t state) { return table.data() + state * rows.width(); };
  for (std::size_t l = 1; l < grid.levels(); ++l) {
    const std::vector<std::uint32_t>& level = grid.level(l);
    parallel_for(0, level.size(), kStatesPerTask, [&](std::size_t from, std::size_t to) {
      for (std::size_t s = from; s < to; ++s) {
        const std::size_t state = level[s];
        rows.fill(
            grid, state, [&](std::size_t j) { return row(state - grid.stride(j)); }, row(state));
      }
    });
  }
  std::size_t state = grid.states() - 1;
  while (row(state)[trace.end()] > 0)
    state -= grid.stride(trace.step(row(state), [&](std::size_t j) { return row(state - grid.stride(j)); }));
}

/// Level after level, two of which are held; then one step of the trace. False where nothing is left to give
/// out.
bool step_by_levels(const Instance& instance, const Grid& grid, Trace& trace) {
  const Rows rows(instance, trace.end());
  std::vector<std::int64_t> below;
  std::vector<std::int64_t> level(rows.width(), 0);
  const auto row_below = [&](std::size_t state) { return below.data() + grid.rank(state) * rows.width(); };
  Progress progress("selecting", grid.states());
  for (std::size_t l = 1; l < grid.levels(); ++l) {
    const std::vector<std::uint32_t>& states = grid.level(l);
    std::swap(below, level);
    level.clear();  // so that growing copies nothing
    level.resize(states.size() * rows.width());
    parallel_for(0, states.size(), kStatesPerTask, [&](std::size_t from, std::size_t to) {
      for (std::size_t s = from; s < to; ++s) {
        const std::size_t state = states[s];
        rows.fill(
            grid, state, [&](std::size_t j) { return row_below(state - grid.stride(j)); },
            level.data() + s * rows.width());
      }
      progress.advance(to - from);
    });
  }
  const std::size_t last = grid.states() - 1;
  if (level[trace.end()] == 0) return false;
  trace.step(level.data(), [&](std::size_t j) { return row_below(last - grid.stride(j)); });
  return true;
}

}  // namespace

std::optional<std::size_t> count_states(std::span<const WindowClass> classes, std::size_t most) {
  std::size_t states = 1;
  for (const WindowClass& one : classes) {
    if (one.verifiers.size() >= most / states) return std::nullopt;
    states *= one.verifiers.size() + 1;
  }
  return states;
}

std::optional<Found> count_vectors(const Instance& instance, const TableLimits& limits) {
  if (!count_states(instance.classes, limits.states)) return std::nullopt;
  Trace trace(instance);
  while (true) {
    const Grid grid(trace.counts());
    const std::size_t width = trace.end() + 1;
    if (grid.states() <= limits.cells / width) {
      solve_in_table(instance, grid, trace);
      break;
    }
    if (grid.two_largest_levels() > limits.level_cells / width) return std::nullopt;
    if (!step_by_levels(instance, grid, trace)) break;
  }
  trim(instance, trace.runs());
  return Found{value_of(instance, trace.runs()), std::move(trace.runs())};
}

}  // namespace assay::layers::internal
