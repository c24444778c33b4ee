// What a comparison found, as JSON.
#pragma once

#include <optional>

#include "assay/tensor_comparison.h"
#include "base/json.h"

namespace assay::tensor {

/// What Comparison::to_json writes.
[[nodiscard]] Json json_of(const Comparison& comparison, std::optional<double> tolerance);

}  // namespace assay::tensor
