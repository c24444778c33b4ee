#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "assay/base.h"

namespace assay {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 64;

constexpr std::array<std::uint8_t, 256> make_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNone);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return digits;
}
constexpr std::array<std::uint8_t, 256> kDigits = make_digits();

}  // namespace

std::string to_base64(ByteSpan bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t given = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < given ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += j <= given ? kAlphabet[bits >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

Result<Bytes> from_base64(std::string_view text, std::string_view place) {
  const auto error = [place](ErrorCode code, std::string reason) {
    return Error{code, std::string(place), "base64: " + std::move(reason)};
  };
  if (text.size() % 4 != 0)
    return error(ErrorCode::kMalformed, fmt::format("{} characters, not a multiple of 4", text.size()));
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const std::size_t digits = text.size() - padding;
  Bytes bytes;
  bytes.reserve(digits * 3 / 4);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const std::uint8_t digit = kDigits[static_cast<unsigned char>(text[i])];
    if (digit == kNone)
      return error(ErrorCode::kMalformed, fmt::format("character {} is not of the alphabet", i));
    bits = (bits << 6 | digit) & 0xffffff;
    // After digits 2, 3 and 4 of each group one byte more is complete.
    if (i % 4 != 0) bytes.push_back(static_cast<std::uint8_t>(bits >> (6 - 2 * (i % 4))));
  }
  const std::uint32_t rest = padding == 1 ? bits & 3 : padding == 2 ? bits & 15 : 0;
  if (rest != 0) return error(ErrorCode::kNonCanonical, "bits are set after the last byte");
  return bytes;
}

}  // namespace assay
