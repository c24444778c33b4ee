#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "assay/base.h"
#include "base/utf8.h"

namespace assay {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr Range kHidden[] = {{0x0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
                             {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},
                             {0x890, 0x891},     {0x8e2, 0x8e2},     {0x115f, 0x1160},   {0x17b4, 0x17b5},
                             {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
                             {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
                             {0xfff0, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
                             {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};

std::string escape_of(char32_t code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  const auto number = static_cast<std::uint32_t>(code);
  return number < 0x10000 ? fmt::format("\\u{:04x}", number) : fmt::format("\\U{:08x}", number);
}

// JSON has escapes of 16 bits, and pairs of them for more.
std::string json_escape_of(char32_t code) {
  const auto unit = [](std::uint32_t bits) { return fmt::format("\\u{:04x}", bits); };
  if (code < 0x10000) return unit(code);
  return unit(0xd7c0 + (code >> 10)) + unit(0xdc00 + (code & 0x3ff));
}

}  // namespace

bool is_hidden(char32_t code) {
  const auto* const range = std::ranges::lower_bound(kHidden, code, {}, &Range::last);
  return range != std::end(kHidden) && range->first <= code;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character next = next_utf8(text.substr(at));
    if (next.size == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at++]));
      continue;
    }
    if (is_hidden(next.code)) {
      out += escape_of(next.code);
    } else {
      out += text.substr(at, next.size);
    }
    at += next.size;
  }
  return out;
}

std::string printable_json(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    // Characters below the space stand outside of strings, where they lay the text out.
    const Utf8Character next = next_utf8(text.substr(at));
    const std::size_t size = std::max<std::size_t>(next.size, 1);
    if (next.size > 0 && next.code >= 0x20 && is_hidden(next.code)) {
      out += json_escape_of(next.code);
    } else {
      out += text.substr(at, size);
    }
    at += size;
  }
  return out;
}

}  // namespace assay
