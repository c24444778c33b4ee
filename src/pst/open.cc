#include <fmt/format.h>

#include <map>
#include <optional>

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
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  Quotients quotients(srs, values, &kept);
  for (std::uint32_t z = 0; z < axes[0]; ++z) quotients.need(std::span(&z, 1));
  return quotients.make();
}

Result<Opening> open_at(const Srs& srs, IntegerView values, std::span<const Fr> point) {
  const Axes& axes = srs.axes();
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

}  // namespace assay::pst
