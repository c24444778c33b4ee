#include <fmt/format.h>

#include "assay/base.h"

namespace assay {
namespace {

// 0 to 15, or -1.
int nibble_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_hex(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text, std::string_view place) {
  if (text.size() % 2 != 0) {
    return Error{ErrorCode::kMalformed, std::string(place), "hexadecimal text of odd length"};
  }
  Bytes bytes(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int nibble = nibble_of(text[i]);
    if (nibble < 0) {
      return Error{ErrorCode::kMalformed, std::string(place),
                   fmt::format("not a hexadecimal digit at character {}", i)};
    }
    bytes[i / 2] = static_cast<std::uint8_t>(bytes[i / 2] << 4 | nibble);
  }
  return bytes;
}

}  // namespace assay
