// Which secrets of a ceremony an SRS over other axes uses.
#pragma once

#include <vector>

#include "assay/integers.h"

namespace assay::pst::internal {

/// For each axis of `wanted`, in order, the next axis of `offered` that has at least as many nodes: found
/// wherever there is any way to take them in order. Errors: kMismatch, naming the axis that finds none.
[[nodiscard]] Result<std::vector<std::size_t>> fit_axes(const Axes& wanted, const Axes& offered);

}  // namespace assay::pst::internal
