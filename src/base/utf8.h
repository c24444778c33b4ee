// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace assay {

struct Utf8Character {
  char32_t code = 0;
  std::size_t size = 0;  ///< in bytes; 0 where what stands there is not well-formed
};

/// The first character of a text that is not empty.
[[nodiscard]] Utf8Character next_utf8(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text);

}  // namespace assay
