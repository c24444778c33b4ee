// What is reported of an evaluation.
#pragma once

#include "assay/probe_training.h"
#include "base/json.h"

namespace assay::probe {

/// Its figures, without the scores and labels that they come from.
[[nodiscard]] Json json_of(const Evaluation& evaluation);

}  // namespace assay::probe
