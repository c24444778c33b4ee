// Branch and bound for verifiers whose budgets are too many for count_vectors(). A node is a sequence of
// classes, from the left; its row says what these verifiers get of the first i layers. To the right of layer
// i the others get at most what as many of the largest class among them would get there.
//
// At the root there are better bounds than that: classes joined into few groups are a problem for
// count_vectors(). With the largest budget of a group for all of it, the optimum bounds ours from above; with
// the smallest one, it is a selection of ours.
#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "layers/solvers.h"

namespace assay::layers::internal {
namespace {

using Row = std::vector<std::int64_t>;
using Sequence = std::vector<std::uint32_t>;  // verifiers from the left

constexpr std::uint64_t kSwapSteps = std::uint64_t{1} << 29;  // of rows, for the swaps at the start
constexpr std::size_t kSuffixCells = std::size_t{1}
                                     << 25;  // of the bounds to the right, all classes together

/// Neighbouring classes joined, `groups` of them, with the windows of the largest or of the smallest of each.
std::vector<WindowClass> grouped(std::span<const WindowClass> classes, std::size_t groups, bool largest) {
  std::vector<WindowClass> joined;
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t from = classes.size() * g / groups;
    const std::size_t to = classes.size() * (g + 1) / groups;
    WindowClass& group = joined.emplace_back(classes[largest ? to - 1 : from]);
    group.verifiers.clear();
    for (std::size_t j = from; j < to; ++j)
      group.verifiers.insert(group.verifiers.end(), classes[j].verifiers.begin(), classes[j].verifiers.end());
  }
  return joined;
}

/// As many groups as a table has room for.
std::size_t most_groups(std::span<const WindowClass> classes, std::size_t states) {
  std::size_t groups = 1;
  while (groups < classes.size() && count_states(grouped(classes, groups + 1, true), states).has_value())
    ++groups;
  return groups;
}

/// Verifiers as their runs stand, from the left; those without a run at the end.
Sequence sequence_of(const std::vector<LayerRun>& runs, const Sequence& all) {
  Sequence order = all;
  std::ranges::stable_sort(order, {}, [&](std::uint32_t k) {
    return runs[k].empty() ? std::numeric_limits<std::uint32_t>::max() : runs[k].begin;
  });
  return order;
}

class Search {
 public:
  Search(const Instance& instance, const SearchLimits& limits)
      : instance_(instance), limits_(limits), suffixes_(instance.classes.size()) {
    for (const WindowClass& one : instance.classes) {
      all_.insert(all_.end(), one.verifiers.begin(), one.verifiers.end());
      left_.push_back(static_cast<std::uint32_t>(one.verifiers.size()));
    }
    bound_ = std::min(equal_budgets_bound(instance), knapsack_bound(instance));
  }

  Searched run() {
    start_with_simple_ones();
    start_with_groups();
    swap_pairs();
    if (best_ < bound_) descend(Row(instance_.sums.size(), 0), all_.size());
    const Found found = fixed_order(instance_, best_order_);
    ASSAY_CHECK_EQ(found.value, best_);
    // Whatever was left open is worth no more than open_; all else was seen.
    return {found, std::min(bound_, std::max(best_, open_))};
  }

 private:
  struct Child {
    std::size_t one;  // its class
    std::int64_t bound;
    Row row;
  };

  void offer(const Sequence& order) {
    const std::int64_t value = fixed_order_value(instance_, order);
    if (value > best_ || best_order_.empty()) best_ = value, best_order_ = order;
  }

  void start_with_simple_ones() {
    Sequence order = all_;  // by ascending budget
    offer(order);
    std::ranges::reverse(order);
    offer(order);
    std::ranges::sort(order);
    offer(order);
    offer(sequence_of(greedy(instance_).runs, all_));
  }

  void start_with_groups() {
    const std::size_t groups = most_groups(instance_.classes, limits_.grouped_states);
    for (const bool largest : {true, false}) {
      const std::vector<WindowClass> classes = grouped(instance_.classes, groups, largest);
      const std::optional<Found> found =
          count_vectors({instance_.sums, instance_.costs, classes, instance_.verifiers});
      if (!found) continue;
      if (largest) bound_ = std::min(bound_, found->value);
      // Whose runs are over their budgets can still stand in a good order.
      offer(sequence_of(found->runs, all_));
    }
  }

  /// Exchanges two verifiers of the best order as long as that helps.
  void swap_pairs() {
    const std::uint64_t cost = all_.size() * instance_.sums.size();
    std::uint64_t left = kSwapSteps / cost;
    for (bool better = true; better && best_ < bound_;) {
      better = false;
      for (std::size_t a = 0; a + 1 < all_.size(); ++a) {
        for (std::size_t b = a + 1; b < all_.size(); ++b) {
          if (left-- == 0 || is_over()) return;
          Sequence order = best_order_;
          std::swap(order[a], order[b]);
          const std::int64_t before = best_;
          offer(order);
          better |= best_ > before;
        }
      }
    }
  }

  bool is_over() {
    stopped_ = stopped_ || nodes_ >= limits_.nodes || std::chrono::steady_clock::now() >= limits_.end;
    return stopped_;
  }

  /// Looks at what can follow `row`, with `rest` verifiers to come.
  void descend(const Row& row, std::size_t rest) {
    ++nodes_;
    std::vector<Child> children = children_of(row, rest);
    std::ranges::stable_sort(children, std::greater<>(), &Child::bound);
    for (const Child& child : children) {
      if (child.bound <= best_) return;
      if (best_ == bound_) return;
      if (is_over()) {
        open_ = std::max(open_, child.bound);
        return;
      }
      const std::vector<std::uint32_t>& members = instance_.classes[child.one].verifiers;
      path_.push_back(members[members.size() - left_[child.one]]);
      --left_[child.one];
      if (child.row.back() > best_) {
        best_ = child.row.back();
        best_order_ = path_;
        for (const std::uint32_t k : all_)
          if (std::ranges::find(path_, k) == path_.end()) best_order_.push_back(k);
      }
      if (rest > 1) descend(child.row, rest - 1);
      ++left_[child.one];
      path_.pop_back();
    }
  }

  std::vector<Child> children_of(const Row& row, std::size_t rest) {
    std::vector<Child> children;
    for (std::size_t one = 0; one < left_.size(); ++one) {
      if (left_[one] == 0) continue;
      Child child{one, 0, Row(row.size())};
      extend_row(instance_.sums, instance_.classes[one].first, row, child.row);
      --left_[one];
      child.bound = bound_after(child.row, rest - 1);
      ++left_[one];
      if (child.bound > best_) children.push_back(std::move(child));
    }
    return children;
  }

  /// What `row` and `rest` verifiers of those left to its right are worth at most.
  std::int64_t bound_after(const Row& row, std::size_t rest) {
    if (rest == 0) return row.back();
    std::size_t largest = left_.size() - 1;
    while (left_[largest] == 0) --largest;
    const std::int64_t* const right = suffix(largest, rest);
    if (right == nullptr) return bound_;
    std::int64_t most = 0;
    for (std::size_t i = 0; i < row.size(); ++i) most = std::max(most, row[i] + right[i]);
    return std::min(most, bound_);
  }

  /// Entry i: what `rest` verifiers of a class get of the layers from i on. Null where there is no room for
  /// it.
  const std::int64_t* suffix(std::size_t one, std::size_t rest) {
    Row& rows = suffixes_[one];
    const std::size_t width = instance_.sums.size();
    if (rows.empty()) {
      if (cells_ + all_.size() * width > kSuffixCells) return nullptr;
      cells_ += all_.size() * width;
      rows = suffix_rows(instance_.classes[one].first);
    }
    return rows.data() + (rest - 1) * width;
  }

  [[nodiscard]] Row suffix_rows(const std::vector<std::uint32_t>& first) const {
    const std::size_t width = instance_.sums.size();
    // Where a run that begins at i ends at the latest.
    std::vector<std::uint32_t> last(width);
    for (std::size_t i = 0, end = 0; i < width; ++i) {
      end = std::max(end, i);
      while (end + 1 < width && first[end + 1] <= i) ++end;
      last[i] = static_cast<std::uint32_t>(end);
    }
    Row rows(all_.size() * width);
    const Row none(width, 0);
    for (std::size_t r = 0; r < all_.size(); ++r) {
      std::int64_t* const row = rows.data() + r * width;
      const std::int64_t* const fewer = r == 0 ? none.data() : row - width;
      row[width - 1] = 0;
      for (std::size_t i = width - 1; i-- > 0;)
        row[i] = std::max(row[i + 1], fewer[last[i]] + instance_.sums[last[i]] - instance_.sums[i]);
    }
    return rows;
  }

  const Instance& instance_;
  const SearchLimits& limits_;
  Sequence all_;                     // the verifiers of all classes
  std::vector<std::uint32_t> left_;  // of each class, not on the path
  Sequence path_;
  std::vector<Row> suffixes_;  // by class
  std::size_t cells_ = 0;      // that suffixes_ hold
  std::int64_t bound_;
  std::int64_t best_ = 0;
  std::int64_t open_ = 0;  // the largest bound of a node that was not looked at
  Sequence best_order_;
  std::uint64_t nodes_ = 0;
  bool stopped_ = false;
};

}  // namespace

Searched search(const Instance& instance, const SearchLimits& limits) {
  if (instance.classes.empty()) return {{0, std::vector<LayerRun>(instance.verifiers)}, 0};
  return Search(instance, limits).run();
}

}  // namespace assay::layers::internal
