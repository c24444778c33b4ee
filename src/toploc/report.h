// What is reported of each chunk.
#pragma once

#include "assay/toploc_comparison.h"
#include "base/json.h"

namespace assay::toploc {

/// The object of Comparison::to_json.
[[nodiscard]] Json json_of(const Comparison& chunk);

}  // namespace assay::toploc
