// What a verifier expects of a header, held against it.
#pragma once

#include <optional>
#include <string>

#include "assay/verifier.h"

namespace assay::claim::internal {

/// Whether the header says what is expected. Step: "expectation".
[[nodiscard]] Verdict check_expectation(const Expectation& expected, const Header& header);

/// "bf16", or "unknown".
[[nodiscard]] std::string name_of(const std::optional<tensor::Dtype>& dtype);

}  // namespace assay::claim::internal
