#include "claim/interpolate.h"

#include <vector>

#include "base/try.h"
#include "field/to_field.h"
#include "pst/allocate.h"
#include "pst/lagrange.h"

namespace assay::claim::internal {

// The first axis is folded row by row as the integers are read, the others in the field.
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

}  // namespace assay::claim::internal
