#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "pst/allocate.h"
#include "pst/quotients.h"

namespace assay::pst {
namespace {

Status check_count(std::uint64_t count, std::uint64_t expected, std::string_view what, const Axes& axes) {
  if (count == expected) return {};
  return Error{ErrorCode::kMismatch, std::string(what),
               fmt::format("{} where the axes {} need {}", count, axes.to_string(), expected)};
}

/// The node that z is, if it is one of 0..nodes-1.
std::optional<std::uint32_t> as_node(const Fr& z, std::uint32_t nodes) {
  const Scalar scalar = z.to_scalar();
  if (scalar.bit_width() > 32 || scalar.words[0] >= nodes) return std::nullopt;
  return static_cast<std::uint32_t>(scalar.words[0]);
}

/// The quotient commitments that openings need, each once: that of axis i at a point depends on the point's
/// first i + 1 coordinates. What is left of the values where leading axes are fixed is a slice of them.
class Quotients {
 public:
  Quotients(const Srs& srs, IntegerView values, KeptQuotients* kept)
      : srs_(srs), values_(values), kept_(kept) {}

  /// Notes what a point, or its leading coordinates, needs.
  void need(std::span<const std::uint32_t> prefix) {
    for (std::size_t count = 1; count <= prefix.size(); ++count) {
      Prefix key(prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(count));
      if (points_.contains(key)) continue;
      const G1Affine* const known = kept_ != nullptr ? kept_->find(key) : nullptr;
      if (known == nullptr) missing_.push_back(key);
      points_.emplace(std::move(key), known != nullptr ? *known : G1Affine::infinity());
    }
  }

  /// Commits to all that were noted.
  Status make() {
    std::vector<internal::QuotientTask> tasks;
    for (const Prefix& key : missing_) {
      const std::size_t axis = key.size() - 1;
      tasks.push_back({srs_.level(axis), slice(std::span(key).first(axis)), srs_.axes()[axis], key[axis]});
    }
    if (tasks.empty()) return {};
    const std::vector<G1Affine> made = ASSAY_TRY(internal::commit_quotients(tasks, max_magnitude(values_)));
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (kept_ != nullptr) kept_->keep(missing_[i], made[i]);
      points_[missing_[i]] = made[i];
    }
    missing_.clear();
    return {};
  }

  /// Those of the axes that the prefix fixes.
  [[nodiscard]] std::vector<G1Affine> along(std::span<const std::uint32_t> prefix) const {
    std::vector<G1Affine> out;
    for (std::size_t count = 1; count <= prefix.size(); ++count)
      out.push_back(points_.at(Prefix(prefix.begin(), prefix.begin() + static_cast<std::ptrdiff_t>(count))));
    return out;
  }

  /// That of the prefix's last axis.
  [[nodiscard]] const G1Affine& at(const std::vector<std::uint32_t>& prefix) const {
    return points_.at(prefix);
  }

  /// The values where the prefix's axes are fixed.
  [[nodiscard]] IntegerView slice(std::span<const std::uint32_t> prefix) const {
    std::size_t first = 0;
    for (std::size_t axis = 0; axis < prefix.size(); ++axis)
      first += prefix[axis] * srs_.axes().volume(axis + 1);
    return values_.subview(first, srs_.axes().volume(prefix.size()));
  }

 private:
  using Prefix = std::vector<std::uint32_t>;

  const Srs& srs_;
  IntegerView values_;
  KeptQuotients* kept_;
  std::map<Prefix, G1Affine> points_;
  std::vector<Prefix> missing_;
};

Status check_prefix(const Axes& axes, std::span<const std::uint32_t> prefix) {
  for (std::size_t i = 0; i < prefix.size(); ++i)
    if (prefix[i] >= axes[i])
      return Error{ErrorCode::kOutOfRange, fmt::format("coordinate {}", i),
                   fmt::format("{} is not below {}", prefix[i], axes[i])};
  return {};
}

/// Counts of values and coordinates, and the coordinates themselves.
Status check_grid_point(const Axes& axes, IntegerView values, std::span<const std::uint32_t> point) {
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  ASSAY_TRY(check_count(point.size(), axes.count(), "coordinates", axes));
  return check_prefix(axes, point);
}

/// Some axes of a grid, in ascending order, as what lies along one of them sees the others.
class Remaining {
 public:
  /// All axes from `first` on.
  Remaining(const Axes& axes, std::size_t first) : axes_(axes) {
    for (std::size_t axis = first; axis < axes.count(); ++axis)
      left_.push_back(static_cast<std::uint32_t>(axis));
  }
  [[nodiscard]] std::size_t before(std::uint32_t axis) const {
    return product([&](std::uint32_t other) { return other < axis; });
  }
  [[nodiscard]] std::size_t behind(std::uint32_t axis) const {
    return product([&](std::uint32_t other) { return other > axis; });
  }
  void remove(std::uint32_t axis) { std::erase(left_, axis); }

 private:
  template <class Counts>
  [[nodiscard]] std::size_t product(const Counts& counts) const {
    std::size_t size = 1;
    for (const std::uint32_t axis : left_) size *= counts(axis) ? axes_[axis] : 1;
    return size;
  }

  const Axes& axes_;
  std::vector<std::uint32_t> left_;
};

/// A view and what keeps its memory.
struct HeldValues {
  IntegerView view;
  std::shared_ptr<const void> owner;
};

/// The row z of every block of `nodes` rows.
Result<HeldValues> rows_at(IntegerView values, std::uint32_t nodes, std::uint32_t z, std::size_t inner) {
  const std::size_t block = nodes * inner;
  return values.visit([&](auto typed) -> Result<HeldValues> {
    using T = typename decltype(typed)::value_type;
    auto rows = std::make_shared<std::vector<T>>();
    *rows = ASSAY_TRY(internal::allocate<T>(typed.size() / nodes, "opening"));
    auto out = rows->begin();
    for (std::size_t first = z * inner; first < typed.size(); first += block)
      out = std::ranges::copy(typed.subspan(first, inner), out).out;
    return HeldValues{IntegerView(*rows), rows};
  });
}

Result<std::vector<G1Affine>> sums_along(std::span<const G1Affine> points, std::uint32_t nodes,
                                         std::size_t inner) {
  std::vector<G1Affine> sums = ASSAY_TRY(internal::allocate<G1Affine>(points.size() / nodes, "basis"));
  curve::sum_axis(points, nodes, inner, sums);
  return sums;
}

/// The quotients along fixed axes that are not the grid's first ones: of each axis in turn, over the basis of
/// the axes that were not fixed before.
class LaterQuotients {
 public:
  struct Wanted {
    std::vector<std::uint32_t> prefix;  ///< coordinates on the fixed axes up to this one
    G1Affine* out;
  };

  LaterQuotients(const Srs& srs, IntegerView values, const Selection& selection)
      : srs_(srs), selection_(selection), largest_(max_magnitude(values)) {}

  /// `wanted` has those of the axis selection.fixed[i] at i; `slice` gives the values behind leading
  /// coordinates.
  template <class Slice>
  Status make(const std::vector<std::vector<Wanted>>& wanted, const Slice& slice) const {
    const std::size_t leading = selection_.leading();
    Remaining left(srs_.axes(), leading);
    std::span<const G1Affine> basis = srs_.level(leading);
    std::vector<G1Affine> sums;
    for (std::size_t i = leading; i < wanted.size(); ++i) {
      const std::uint32_t axis = selection_.fixed[i], nodes = srs_.axes()[axis];
      // As many at a time as have about as many values as the tensor.
      const std::size_t together = std::max<std::size_t>(1, srs_.level(0).size() / basis.size());
      for (std::size_t first = 0; first < wanted[i].size(); first += together) {
        const auto some = std::span(wanted[i]).subspan(first, std::min(together, wanted[i].size() - first));
        std::vector<HeldValues> held;
        std::vector<internal::QuotientTask> tasks;
        for (const Wanted& one : some) {
          held.push_back(ASSAY_TRY(fixed_values(slice(std::span(one.prefix).first(leading)), one.prefix, i)));
          tasks.push_back({basis, held.back().view, nodes, one.prefix[i], left.before(axis)});
        }
        const std::vector<G1Affine> made = ASSAY_TRY(internal::commit_quotients(tasks, largest_));
        for (std::size_t k = 0; k < made.size(); ++k) *some[k].out = made[k];
      }
      if (i + 1 == wanted.size()) break;
      sums = ASSAY_TRY(sums_along(basis, nodes, left.behind(axis)));
      basis = sums;
      left.remove(axis);
    }
    return {};
  }

 private:
  /// What is left of the values behind the leading axes when those up to the i-th are fixed.
  [[nodiscard]] Result<HeldValues> fixed_values(IntegerView values, std::span<const std::uint32_t> prefix,
                                                std::size_t i) const {
    HeldValues held{values, nullptr};
    Remaining left(srs_.axes(), selection_.leading());
    for (std::size_t k = selection_.leading(); k < i; ++k) {
      const std::uint32_t axis = selection_.fixed[k];
      held = ASSAY_TRY(rows_at(held.view, srs_.axes()[axis], prefix[k], left.behind(axis)));
      left.remove(axis);
    }
    return held;
  }

  const Srs& srs_;
  const Selection& selection_;
  UInt128 largest_;
};

}  // namespace

Result<G1Affine> commit(const Srs& srs, IntegerView values) { return commit_slice(srs, 0, values); }

Result<G1Affine> commit_slice(const Srs& srs, std::size_t first_axis, IntegerView values) {
  const Axes& axes = srs.axes();
  if (first_axis > axes.count())
    return Error{ErrorCode::kOutOfRange, "first axis",
                 fmt::format("{} of {} axes", first_axis, axes.count())};
  ASSAY_TRY(srs.require_level(first_axis));
  ASSAY_TRY(check_count(values.size(), axes.volume(first_axis), "values", axes));
  return curve::msm_vartime(srs.level(first_axis), values);
}

Result<Opening> open(const Srs& srs, IntegerView values, std::span<const std::uint32_t> grid_point,
                     KeptQuotients* kept) {
  const std::vector<std::uint32_t> point(grid_point.begin(), grid_point.end());
  std::vector<Opening> openings = ASSAY_TRY(open_all(srs, values, std::span(&point, 1), kept));
  return std::move(openings.front());
}

Result<std::vector<Opening>> open_all(const Srs& srs, IntegerView values,
                                      std::span<const std::vector<std::uint32_t>> grid_points,
                                      KeptQuotients* kept) {
  if (kept != nullptr) ASSAY_CHECK_EQ(kept->axes(), srs.axes());
  ASSAY_TRY(srs.require_level(0));
  Quotients quotients(srs, values, kept);
  for (const std::vector<std::uint32_t>& point : grid_points) {
    ASSAY_TRY(check_grid_point(srs.axes(), values, point));
    quotients.need(point);
  }
  ASSAY_TRY(quotients.make());
  std::vector<Opening> openings;
  for (const std::vector<std::uint32_t>& point : grid_points)
    openings.push_back({Fr::from_scalar(quotients.slice(point)[0]), quotients.along(point)});
  return openings;
}

Status keep_first_axis(const Srs& srs, IntegerView values, KeptQuotients& kept) {
  const Axes& axes = srs.axes();
  ASSAY_CHECK_EQ(kept.axes(), axes);
  ASSAY_TRY(srs.require_level(0));
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  Quotients quotients(srs, values, &kept);
  for (std::uint32_t z = 0; z < axes[0]; ++z) quotients.need(std::span(&z, 1));
  return quotients.make();
}

Result<Opening> open_at(const Srs& srs, IntegerView values, std::span<const Fr> point) {
  const Axes& axes = srs.axes();
  ASSAY_TRY(srs.require_level(0));
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  ASSAY_TRY(check_count(point.size(), axes.count(), "coordinates", axes));
  // As long as the coordinates are nodes, what is left are data; after the first that is none, field
  // elements.
  std::vector<std::uint32_t> nodes;
  for (std::size_t axis = 0; axis < point.size(); ++axis) {
    const std::optional<std::uint32_t> node = as_node(point[axis], axes[axis]);
    if (!node) break;
    nodes.push_back(*node);
  }
  Quotients quotients(srs, values, nullptr);
  quotients.need(nodes);
  ASSAY_TRY(quotients.make());
  Opening opening{Fr::zero(), quotients.along(nodes)};
  const IntegerView slice = quotients.slice(nodes);
  std::vector<Fr> rest = ASSAY_TRY(internal::allocate<Fr>(slice.size(), "opening"));
  to_field(slice, rest);
  Progress progress("open", point.size() - nodes.size());
  for (std::size_t axis = nodes.size(); axis < point.size(); ++axis) {
    std::vector<Fr> next = internal::divide_in_place(rest, axes[axis], point[axis]);
    opening.quotients.push_back(curve::msm_vartime(srs.level(axis), rest));
    rest = std::move(next);
    progress.advance();
  }
  opening.value = rest.front();
  return opening;
}

Result<std::vector<G1Affine>> open_slice(const Srs& srs, IntegerView values,
                                         std::span<const std::uint32_t> prefix) {
  const Axes& axes = srs.axes();
  ASSAY_TRY(srs.require_level(0));
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  if (prefix.size() > axes.count())
    return Error{ErrorCode::kMismatch, "coordinates",
                 fmt::format("{} for {} axes", prefix.size(), axes.count())};
  ASSAY_TRY(check_prefix(axes, prefix));
  Quotients quotients(srs, values, nullptr);
  quotients.need(prefix);
  ASSAY_TRY(quotients.make());
  return quotients.along(prefix);
}

std::uint64_t quotients_of(const Selection& selection, const Axes& axes) {
  std::uint64_t count = 0;
  for (std::size_t k = 0; k < selection.positions.size(); ++k)
    count += selection.fixed.size() - selection.shared(axes, k);
  return count;
}

Result<std::vector<G1Affine>> open_parts(const Srs& srs, IntegerView values, const Selection& selection,
                                         KeptQuotients* kept) {
  const Axes& axes = srs.axes();
  if (kept != nullptr) ASSAY_CHECK_EQ(kept->axes(), axes);
  ASSAY_TRY(srs.require_level(0));
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  ASSAY_TRY(selection.check(axes, "parts"));
  const std::size_t fixed = selection.fixed.size(), leading = selection.leading();
  std::vector<G1Affine> out(quotients_of(selection, axes));
  Quotients quotients(srs, values, kept);
  std::vector<std::vector<LaterQuotients::Wanted>> wanted(fixed);
  auto next = out.begin();
  for (std::size_t k = 0; k < selection.positions.size(); ++k) {
    const std::vector<std::uint32_t> coordinates = selection.coordinates(axes, k);
    for (std::size_t i = selection.shared(axes, k); i < fixed; ++i) {
      wanted[i].push_back(
          {{coordinates.begin(), coordinates.begin() + static_cast<std::ptrdiff_t>(i + 1)}, &*next++});
      if (i < leading) quotients.need(wanted[i].back().prefix);
    }
  }
  ASSAY_TRY(quotients.make());
  for (std::size_t i = 0; i < leading; ++i)
    for (const LaterQuotients::Wanted& one : wanted[i]) *one.out = quotients.at(one.prefix);
  if (leading < fixed)
    ASSAY_TRY(LaterQuotients(srs, values, selection).make(wanted, [&](std::span<const std::uint32_t> prefix) {
      return quotients.slice(prefix);
    }));
  return out;
}

Result<PartBasis> PartBasis::make(const Srs& srs, std::span<const std::uint32_t> fixed) {
  const Selection selection{{fixed.begin(), fixed.end()}, {0}};
  const std::size_t leading = selection.leading();
  ASSAY_TRY(srs.require_level(leading));
  PartBasis basis(srs, srs.level(leading));
  Remaining left(srs.axes(), leading);
  for (std::size_t i = leading; i < fixed.size(); ++i) {
    basis.sums_ = ASSAY_TRY(sums_along(basis.points_, srs.axes()[fixed[i]], left.behind(fixed[i])));
    basis.points_ = basis.sums_;
    left.remove(fixed[i]);
  }
  return basis;
}

}  // namespace assay::pst
