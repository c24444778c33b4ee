// What an integer looks like in JSON, and how long it may be.
#pragma once

#include <cstddef>
#include <string_view>

namespace assay::internal {

/// 308 digits and a sign: what nlohmann's lexer, which goes through a double, takes for finite.
inline constexpr std::size_t kMaxIntegerText = 309;

/// -?(0|[1-9][0-9]*)
bool is_decimal_integer(std::string_view text);

}  // namespace assay::internal
