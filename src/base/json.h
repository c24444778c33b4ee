// JSON, by nlohmann's library, with what a careful reader needs on top: a cap on depth and size, no duplicate keys, and
// integers of any size, which the seeds' files hold. An integer that does not fit 64 bits is kept as its digits.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "assay/base.h"

namespace assay {

using Json = nlohmann::ordered_json;

/// Errors: kMalformed (with the offset), kTooLarge (deeper than 64).
[[nodiscard]] Result<Json> parse_json(std::string_view text, std::string_view place);

/// An integer of any size from its decimal digits (with optional '-'): a plain number where 64 bits do.
[[nodiscard]] Json json_integer(std::string_view decimal);

/// The decimal digits of a number or of an integer kept by json_integer. Errors: kMalformed.
[[nodiscard]] Result<std::string> json_decimal(const Json& value, std::string_view place);

/// Text with integers of any size written as plain numbers; `indent` < 0 for one line.
[[nodiscard]] std::string dump_json(const Json& value, int indent = 2);

}  // namespace assay
