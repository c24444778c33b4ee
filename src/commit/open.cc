#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "base/threads.h"
#include "base/try.h"
#include "commit/allocate.h"
#include "commit/quotients.h"

namespace assay::pst {
namespace {

using internal::UInt128;

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

/// Fixes leading axes at nodes, one after the other, and can go back: what is left of the values is a slice
/// of them.
class Prefix {
 public:
  Prefix(const Srs& srs, IntegerView values)
      : srs_(srs), largest_(internal::max_magnitude(values)), slices_{values} {}

  /// Fixes the next axis at z; its quotient commitment.
  Status fix(std::uint32_t z) {
    const std::size_t axis = quotients_.size();
    const std::uint32_t nodes = srs_.axes()[axis];
    const std::size_t width = slice().size() / nodes;
    const internal::QuotientWay way = internal::choose_way(nodes, z, width, largest_);
    quotients_.push_back(ASSAY_TRY(internal::commit_quotient(way, srs_.level(axis), slice(), nodes, z)));
    slices_.push_back(slice().subview(z * width, width));
    return {};
  }

  /// Frees all axes but the first `count`.
  void keep(std::size_t count) {
    quotients_.resize(count);
    slices_.resize(count + 1);
  }

  [[nodiscard]] const IntegerView& slice() const { return slices_.back(); }
  [[nodiscard]] const std::vector<G1Affine>& quotients() const { return quotients_; }

 private:
  const Srs& srs_;
  UInt128 largest_;
  std::vector<IntegerView> slices_;  // one more than there are quotients
  std::vector<G1Affine> quotients_;
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

}  // namespace

Result<G1Affine> commit(const Srs& srs, IntegerView values) { return commit_slice(srs, 0, values); }

Result<G1Affine> commit_slice(const Srs& srs, std::size_t first_axis, IntegerView values) {
  const Axes& axes = srs.axes();
  if (first_axis > axes.count())
    return Error{ErrorCode::kOutOfRange, "first axis",
                 fmt::format("{} of {} axes", first_axis, axes.count())};
  ASSAY_TRY(check_count(values.size(), axes.volume(first_axis), "values", axes));
  return curve::msm_vartime(srs.level(first_axis), values);
}

Result<Opening> open(const Srs& srs, IntegerView values, std::span<const std::uint32_t> grid_point) {
  ASSAY_TRY(check_grid_point(srs.axes(), values, grid_point));
  Prefix prefix(srs, values);
  Progress progress("open", grid_point.size());
  for (const std::uint32_t z : grid_point) {
    ASSAY_TRY(prefix.fix(z));
    progress.advance();
  }
  return Opening{Fr::from_scalar(prefix.slice()[0]), prefix.quotients()};
}

Result<std::vector<Opening>> open_all(const Srs& srs, IntegerView values,
                                      std::span<const std::vector<std::uint32_t>> grid_points) {
  for (const std::vector<std::uint32_t>& point : grid_points)
    ASSAY_TRY(check_grid_point(srs.axes(), values, point));
  std::vector<std::size_t> order(grid_points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return grid_points[a] < grid_points[b]; });

  std::vector<Opening> openings(grid_points.size());
  Progress progress("open", grid_points.size());
  Prefix prefix(srs, values);
  std::span<const std::uint32_t> previous;
  for (const std::size_t k : order) {
    const std::vector<std::uint32_t>& point = grid_points[k];
    const auto differs = std::mismatch(previous.begin(), previous.end(), point.begin()).first;
    prefix.keep(static_cast<std::size_t>(differs - previous.begin()));
    for (std::size_t i = prefix.quotients().size(); i < point.size(); ++i) ASSAY_TRY(prefix.fix(point[i]));
    openings[k] = {Fr::from_scalar(prefix.slice()[0]), prefix.quotients()};
    previous = point;
    progress.advance();
  }
  return openings;
}

Result<Opening> open_at(const Srs& srs, IntegerView values, std::span<const Fr> point) {
  const Axes& axes = srs.axes();
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  ASSAY_TRY(check_count(point.size(), axes.count(), "coordinates", axes));
  Progress progress("open", point.size());
  // As long as the coordinates are nodes, what is left are data; after the first that is none, field
  // elements.
  Prefix prefix(srs, values);
  std::size_t axis = 0;
  for (; axis < point.size(); ++axis) {
    const std::optional<std::uint32_t> node = as_node(point[axis], axes[axis]);
    if (!node) break;
    ASSAY_TRY(prefix.fix(*node));
    progress.advance();
  }
  Opening opening{Fr::zero(), prefix.quotients()};
  std::vector<Fr> rest = ASSAY_TRY(internal::allocate<Fr>(prefix.slice().size(), "opening"));
  internal::to_field(prefix.slice(), rest);
  for (; axis < point.size(); ++axis) {
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
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  if (prefix.size() > axes.count())
    return Error{ErrorCode::kMismatch, "coordinates",
                 fmt::format("{} for {} axes", prefix.size(), axes.count())};
  ASSAY_TRY(check_prefix(axes, prefix));
  Prefix fixed(srs, values);
  Progress progress("open", prefix.size());
  for (const std::uint32_t z : prefix) {
    ASSAY_TRY(fixed.fix(z));
    progress.advance();
  }
  return fixed.quotients();
}

}  // namespace assay::pst
