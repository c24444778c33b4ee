// The polynomial through a tensor's integers, away from the grid.
#pragma once

#include <span>

#include "assay/base.h"
#include "assay/field.h"
#include "assay/integers.h"

namespace assay::claim::internal {

/// p(point) of the polynomial through the values, by barycentric Lagrange interpolation axis by axis, in O(N)
/// (Berrut and Trefethen, "Barycentric Lagrange Interpolation", SIAM Review 46(3), 2004). Errors: kTooLarge
/// (memory).
[[nodiscard]] Result<Fr> interpolate_at(const Axes& axes, const IntegerView& values,
                                        std::span<const Fr> point);

}  // namespace assay::claim::internal
