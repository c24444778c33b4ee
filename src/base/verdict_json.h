// A verdict as a JSON value, for what is printed around it.
#pragma once

#include "assay/verdict.h"
#include "base/json.h"

namespace assay {

/// The fields of to_json().
[[nodiscard]] Json json_of(const Verdict& verdict);

}  // namespace assay
