#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "assay/claim.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/within.h"
#include "claim/repeated.h"

namespace assay::claim {
namespace {

Status check_count(const Axes& axes, const IntegerView& values) {
  if (values.size() == axes.volume()) return {};
  return Error{ErrorCode::kMismatch, "values",
               fmt::format("{} where the axes {} need {}", values.size(), axes.to_string(), axes.volume())};
}

Status check_srs(const pst::Srs& srs, const Header& header) {
  if (header.srs_digest == srs.verifier_key().digest() && header.layout.axes == srs.axes()) return {};
  return Error{ErrorCode::kMismatch, "SRS", "it is not the one that the commitment was made with"};
}

/// The index of the first value outside the range, or the count.
std::size_t find_outside(const IntegerView& values, const tensor::Range& range) {
  return values.visit([&](auto typed) -> std::size_t {
    using T = typename decltype(typed)::value_type;
    if constexpr (std::is_same_v<T, Scalar>) {
      return std::ranges::find_if_not(typed, [&](const Scalar& v) { return range.contains(v); }) -
             typed.begin();
    } else {
      const auto inside = [&](T v) { return range.contains(Scalar::from_i64(v)); };
      const auto [smallest, largest] = std::ranges::minmax_element(typed);
      if (inside(*smallest) && inside(*largest)) return typed.size();
      return std::ranges::find_if_not(typed, inside) - typed.begin();
    }
  });
}

Status check_range(const tensor::Layout& layout, const IntegerView& values, const tensor::Range& range) {
  const std::size_t outside = find_outside(values, range);
  if (outside == values.size()) return {};
  return Error{ErrorCode::kOutOfRange,
               fmt::format("value at {}", ASSAY_TRY(place_of_index(layout, outside)).to_string()),
               fmt::format("{} is no value of this encoding and dtype, which go from {} to {}",
                           values[outside].to_signed_decimal(), range.smallest.to_signed_decimal(),
                           range.largest.to_signed_decimal())};
}

/// The point in its one form, on the grid or off it.
Result<Point> settle(const Point& point, const Axes& axes) {
  Point settled = point.is_on_grid() ? point : Point::anywhere(point.field, axes);
  if (settled.is_on_grid()) {
    const Result<std::uint64_t> index = axes.index_of(settled.grid);
    if (!index) return index.error();
  } else if (settled.field.size() != axes.count()) {
    return Error{ErrorCode::kMismatch, "point",
                 fmt::format("{} coordinates for {} axes", settled.field.size(), axes.count())};
  }
  return settled;
}

}  // namespace

Result<Commitment> commit(const pst::Srs& srs, Header header, const IntegerView& values) {
  header.srs_digest = srs.verifier_key().digest();
  ASSAY_TRY(header.validate());
  if (header.layout.axes != srs.axes())
    return Error{ErrorCode::kMismatch, "SRS",
                 fmt::format("it is for the axes {}, the layout has {}", srs.axes().to_string(),
                             header.layout.axes.to_string())};
  ASSAY_TRY(check_count(srs.axes(), values));
  const tensor::Range range = ASSAY_TRY(header.value_range());
  ASSAY_TRY(check_range(header.layout, values, range));
  const G1Affine point = ASSAY_TRY(pst::commit(srs, values));
  return Commitment{std::move(header), point};
}

Result<Proofs> prove(const pst::Srs& srs, const Commitment& commitment, const IntegerView& values,
                     std::span<const Point> points, pst::KeptQuotients* kept) {
  const Axes& axes = srs.axes();
  ASSAY_TRY(check_srs(srs, commitment.header));
  ASSAY_TRY(check_count(axes, values));
  if (points.empty() || points.size() > Proofs::kMaxCount)
    return Error{ErrorCode::kOutOfRange, "points",
                 fmt::format("{} points, 1 to {} are possible", points.size(), Proofs::kMaxCount)};

  Proofs out{commitment.digest(), static_cast<std::uint32_t>(axes.count()), {}};
  for (std::size_t k = 0; k < points.size(); ++k) {
    Result<Point> settled = settle(points[k], axes);
    if (!settled) return within(fmt::format("point {}", k), settled.error());
    out.proofs.push_back({std::move(*settled), {}});
  }
  if (const auto repeated = internal::find_repeated(out.proofs))
    return Error{
        ErrorCode::kOutOfRange, fmt::format("point {}", *repeated),
        fmt::format("{} stands twice: ask for each point once", out.proofs[*repeated].point.to_string())};

  // Points of the grid go together, for they share the work on their first coordinates.
  std::vector<std::vector<std::uint32_t>> grid_points;
  for (const Proof& proof : out.proofs) {
    if (proof.point.is_on_grid()) grid_points.push_back(proof.point.grid);
  }
  std::vector<pst::Opening> openings = ASSAY_TRY(pst::open_all(srs, values, grid_points, kept));
  auto next = openings.begin();
  for (Proof& proof : out.proofs) {
    proof.opening = proof.point.is_on_grid() ? std::move(*next++)
                                             : ASSAY_TRY(pst::open_at(srs, values, proof.point.field));
  }
  return out;
}

Result<pst::KeptQuotients> keep_first_axis(const pst::Srs& srs, const Commitment& commitment,
                                           const IntegerView& values) {
  ASSAY_TRY(check_srs(srs, commitment.header));
  pst::KeptQuotients kept(srs.axes());
  ASSAY_TRY(pst::keep_first_axis(srs, values, kept));
  return kept;
}

}  // namespace assay::claim
