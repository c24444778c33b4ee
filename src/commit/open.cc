#include <fmt/format.h>

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

/// Fixes one leading axis after the other, and keeps what is left of the values: a slice of the data as long
/// as the coordinates are nodes, field elements after the first that is not.
class Folding {
 public:
  Folding(const Srs& srs, IntegerView values)
      : srs_(srs), integers_(values), largest_(internal::max_magnitude(values)) {}

  /// The quotient commitment of the next axis at node z.
  Result<G1Affine> fix_node(std::uint32_t z) {
    if (in_field_) return fix_value(Fr::from_u64(z));
    const std::uint32_t nodes = srs_.axes()[axis_];
    const std::size_t width = integers_.size() / nodes;
    const internal::QuotientWay way = internal::choose_way(nodes, z, width, largest_);
    const G1Affine quotient =
        ASSAY_TRY(internal::commit_quotient(way, srs_.level(axis_), integers_, nodes, z));
    integers_ = integers_.subview(z * width, width);
    ++axis_;
    return quotient;
  }

  /// The same at any z.
  Result<G1Affine> fix_value(const Fr& z) {
    if (!in_field_) {
      field_ = ASSAY_TRY(internal::allocate<Fr>(integers_.size(), "opening"));
      internal::to_field(integers_, field_);
      in_field_ = true;
    }
    std::vector<Fr> rest = internal::divide_in_place(field_, srs_.axes()[axis_], z);
    const G1Affine quotient = curve::msm_vartime(srs_.level(axis_), field_);
    field_ = std::move(rest);
    ++axis_;
    return quotient;
  }

  /// p(z), when all axes are fixed.
  [[nodiscard]] Fr value() const { return in_field_ ? field_.front() : Fr::from_scalar(integers_[0]); }

 private:
  const Srs& srs_;
  IntegerView integers_;
  UInt128 largest_;
  std::vector<Fr> field_;
  bool in_field_ = false;
  std::size_t axis_ = 0;
};

Status check_prefix(const Axes& axes, std::span<const std::uint32_t> prefix) {
  for (std::size_t i = 0; i < prefix.size(); ++i)
    if (prefix[i] >= axes[i])
      return Error{ErrorCode::kOutOfRange, fmt::format("coordinate {}", i),
                   fmt::format("{} is not below {}", prefix[i], axes[i])};
  return {};
}

Result<std::vector<G1Affine>> fix_prefix(Folding& folding, std::span<const std::uint32_t> prefix) {
  std::vector<G1Affine> quotients;
  Progress progress("open", prefix.size());
  for (const std::uint32_t z : prefix) {
    quotients.push_back(ASSAY_TRY(folding.fix_node(z)));
    progress.advance();
  }
  return quotients;
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
  const Axes& axes = srs.axes();
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  ASSAY_TRY(check_count(grid_point.size(), axes.count(), "coordinates", axes));
  ASSAY_TRY(check_prefix(axes, grid_point));
  Folding folding(srs, values);
  std::vector<G1Affine> quotients = ASSAY_TRY(fix_prefix(folding, grid_point));
  return Opening{folding.value(), std::move(quotients)};
}

Result<Opening> open_at(const Srs& srs, IntegerView values, std::span<const Fr> point) {
  const Axes& axes = srs.axes();
  ASSAY_TRY(check_count(values.size(), axes.volume(), "values", axes));
  ASSAY_TRY(check_count(point.size(), axes.count(), "coordinates", axes));
  Folding folding(srs, values);
  Opening opening;
  Progress progress("open", point.size());
  for (std::size_t i = 0; i < point.size(); ++i) {
    const std::optional<std::uint32_t> node = as_node(point[i], axes[i]);
    opening.quotients.push_back(ASSAY_TRY(node ? folding.fix_node(*node) : folding.fix_value(point[i])));
    progress.advance();
  }
  opening.value = folding.value();
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
  Folding folding(srs, values);
  return fix_prefix(folding, prefix);
}

}  // namespace assay::pst
