#include <fmt/format.h>

#include "assay/claim.h"
#include "base/try.h"
#include "claim/statement.h"
#include "field/to_field.h"
#include "pst/allocate.h"
#include "pst/lagrange.h"

namespace assay::claim {
namespace {

/// p(point) of the polynomial through the values: the first axis folded row by row as the integers are read,
/// the others in the field.
Result<Fr> interpolate_at(const Axes& axes, const IntegerView& values, std::span<const Fr> point) {
  const std::size_t width = axes.volume(1);
  std::vector<Fr> rest = ASSAY_TRY(pst::internal::allocate<Fr>(width, "interpolation"));
  std::vector<Fr> row = ASSAY_TRY(pst::internal::allocate<Fr>(width, "interpolation"));
  const std::vector<Fr> factors = pst::internal::lagrange_at(axes[0], point[0]);
  for (std::size_t j = 0; j < factors.size(); ++j) {
    to_field(values.subview(j * width, width), row);
    add_scaled(rest, factors[j], row);
  }
  for (std::size_t axis = 1; axis < axes.count(); ++axis)
    rest = pst::internal::combine_rows(rest, pst::internal::lagrange_at(axes[axis], point[axis]));
  return rest.front();
}

Result<Fr> captured_at(const Axes& axes, const IntegerView& captured, const Point& point) {
  if (!point.is_on_grid()) return interpolate_at(axes, captured, point.field);
  return Fr::from_scalar(captured[ASSAY_TRY(axes.index_of(point.grid))]);
}

std::string place_name(const encode::Layout& layout, const Point& point) {
  if (!point.is_on_grid()) return "off the grid";
  const Result<Place> place = place_of(layout, point.grid);
  return place ? place->to_string() : "unknown";
}

Verdict compare(const Commitment& commitment, const Proofs& proofs, const IntegerView& captured) {
  const Axes& axes = commitment.header.layout.axes;
  if (proofs.proofs.empty()) return Verdict::inconclusive("no proofs", "there is nothing to compare");
  if (proofs.commitment_digest != commitment.digest())
    return Verdict::rejected("commitment digest", "the proofs are for another commitment");
  if (captured.size() != axes.volume())
    return Verdict::rejected(
        "captured tensor",
        fmt::format("{} values where the axes {} need {}", captured.size(), axes.to_string(), axes.volume()));
  for (std::size_t k = 0; k < proofs.proofs.size(); ++k) {
    const Proof& proof = proofs.proofs[k];
    const std::string fault = internal::fault_of_point(proof.point, axes);
    if (!fault.empty()) return Verdict::rejected("proof shape", fault).at_item(k);
    const Result<Fr> value = captured_at(axes, captured, proof.point);
    if (!value) return Verdict::inconclusive("captured tensor", value.error().to_string());
    if (*value == proof.opening.value) continue;
    return Verdict::rejected("captured values", "the opened value is not the captured one")
        .at_item(k)
        .add_figure("place", place_name(commitment.header.layout, proof.point))
        .add_figure("opened", proof.opening.value.to_scalar().to_signed_decimal())
        .add_figure("captured", value->to_scalar().to_signed_decimal());
  }
  return Verdict::accepted().add_figure("compared", proofs.proofs.size());
}

}  // namespace

Verdict cross_check(const Commitment& commitment, const Proofs& proofs, const IntegerView& captured) {
  Verdict verdict = compare(commitment, proofs, captured);
  internal::name_point(verdict, proofs.proofs);
  return verdict;
}

}  // namespace assay::claim
