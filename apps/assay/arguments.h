// Values that flags take, read from their text. Every error names the flag.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "assay/claim.h"

namespace assay::cli {

/// The parts of "A,B,..", which may be empty.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text);

/// "0,5,2". Errors: kMalformed.
[[nodiscard]] Result<std::vector<std::uint32_t>> parse_coordinates(std::string_view text,
                                                                   std::string_view flag);

/// "3,-1,0x1f": field elements, in decimal (negative ones too) or in hexadecimal, most significant digit
/// first. Errors: kMalformed, kOutOfRange, kNonCanonical.
[[nodiscard]] Result<std::vector<Fr>> parse_field_point(std::string_view text, std::string_view flag);

/// 64 hexadecimal digits. Errors: kMalformed.
[[nodiscard]] Result<Digest> parse_digest(std::string_view text, std::string_view flag);

/// "layer_3:17", or with coordinates in the layer "layer_3:0,5,17". The layer's name may hold colons itself.
/// Errors: kMalformed; kOutOfRange where the layout has no such entry.
[[nodiscard]] Result<claim::Place> parse_entry(std::string_view text, const encode::Layout& layout,
                                               std::string_view flag);

/// "5", or "3..7", of which both ends count. Errors: kMalformed.
[[nodiscard]] Result<std::pair<std::uint64_t, std::uint64_t>> parse_range(std::string_view text,
                                                                          std::string_view flag);

/// What --layer, --token and --dim name; they are empty, or not given, where they say nothing.
struct SliceFlags {
  std::string layer;
  std::string token;
  std::optional<std::uint64_t> dim;

  [[nodiscard]] bool any() const { return !layer.empty() || !token.empty() || dim.has_value(); }
  /// Errors: those of parse_range and of claim::query_of_slice.
  [[nodiscard]] Result<claim::Query> query(const encode::Layout& layout) const;
};

using FlagNames = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// The error of a library's function with a flag in place of the argument that it names.
[[nodiscard]] Error named_by_flags(Error error, FlagNames flags);
template <class T>
[[nodiscard]] Result<T> named_by_flags(Result<T> result, FlagNames flags) {
  if (!result.ok()) return named_by_flags(result.error(), flags);
  return result;
}

}  // namespace assay::cli
