// What an integer looks like in JSON, and how long it may be.
#pragma once

#include <cstddef>
#include <string_view>

namespace assay::internal {

/// What nlohmann's lexer, which goes through a double, takes for finite whatever the digits are.
inline constexpr std::size_t kMaxIntegerDigits = 308;

/// The number of digits of -?(0|[1-9][0-9]*); 0 for another text.
std::size_t count_integer_digits(std::string_view text);

}  // namespace assay::internal
