#include "arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/try.h"

namespace assay::cli {
namespace {

Error malformed(std::string_view flag, std::string reason) {
  return {ErrorCode::kMalformed, std::string(flag), std::move(reason)};
}

template <class T>
Result<T> parse_count(std::string_view text, std::string_view flag) {
  T value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size())
    return malformed(flag, fmt::format("'{}' is not a whole number that is allowed here", text));
  return value;
}

/// A residue below r, or a signed integer in decimal.
Result<Scalar> parse_coordinate(std::string_view text, std::string_view flag) {
  const Error what_is_one =
      malformed(flag, fmt::format("'{}' is no coordinate: write a residue below r in decimal or as 0x with 1 "
                                  "to 64 hexadecimal digits",
                                  text));
  if (!text.starts_with("0x")) {
    const Result<Scalar> decimal = Scalar::from_decimal(text, flag);
    return decimal.ok() || decimal.error().code == ErrorCode::kOutOfRange ? decimal : what_is_one;
  }
  const std::string_view digits = text.substr(2);
  if (digits.empty() || digits.size() > 64) return what_is_one;
  const Result<Bytes> read = from_hex(std::string(64 - digits.size(), '0').append(digits), flag);
  if (!read.ok()) return what_is_one;
  const Bytes bytes(read->rbegin(), read->rend());
  return Scalar::from_bytes(bytes, flag);
}

}  // namespace

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

Result<std::vector<std::uint32_t>> parse_coordinates(std::string_view text, std::string_view flag) {
  std::vector<std::uint32_t> out;
  for (const std::string_view part : split(text))
    out.push_back(ASSAY_TRY(parse_count<std::uint32_t>(part, flag)));
  return out;
}

Result<std::vector<Fr>> parse_field_point(std::string_view text, std::string_view flag) {
  std::vector<Fr> out;
  for (const std::string_view part : split(text)) {
    out.push_back(Fr::from_scalar(ASSAY_TRY(parse_coordinate(part, flag))));
  }
  return out;
}

Result<Digest> parse_digest(std::string_view text, std::string_view flag) {
  const Result<Bytes> bytes = from_hex(text, flag);
  Digest digest{};
  if (!bytes.ok() || bytes->size() != digest.size())
    return malformed(flag, fmt::format("'{}' is no digest: it has 64 hexadecimal digits", text));
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

Result<claim::Place> parse_entry(std::string_view text, const encode::Layout& layout, std::string_view flag) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return malformed(flag, fmt::format("'{}' is not of the form LAYER:POSITION", text));
  const std::string_view layer = text.substr(0, colon);
  if (layer.empty()) return malformed(flag, fmt::format("'{}' names no layer before the colon", text));
  const std::vector<std::string_view> parts = split(text.substr(colon + 1));
  if (parts.size() == 1) {
    const auto position = ASSAY_TRY(parse_count<std::uint64_t>(parts[0], flag));
    return claim::place_of_entry(layout, layer, position);
  }
  std::vector<std::uint64_t> coordinates;
  coordinates.reserve(parts.size());
  for (const std::string_view part : parts)
    coordinates.push_back(ASSAY_TRY(parse_count<std::uint64_t>(part, flag)));
  Result<claim::Place> place = claim::place_of_entry(layout, layer, coordinates);
  if (place.ok()) return place;
  return Error{place.error().code, fmt::format("{} {}", flag, text), place.error().to_string()};
}

Result<std::pair<std::uint64_t, std::uint64_t>> parse_range(std::string_view text, std::string_view flag) {
  const std::size_t dots = text.find("..");
  const std::uint64_t first = ASSAY_TRY(parse_count<std::uint64_t>(text.substr(0, dots), flag));
  if (dots == std::string_view::npos) return std::pair(first, first);
  return std::pair(first, ASSAY_TRY(parse_count<std::uint64_t>(text.substr(dots + 2), flag)));
}

Error named_by_flags(Error error, FlagNames flags) {
  for (const auto& [argument, flag] : flags)
    if (error.place == argument) error.place = flag;
  return error;
}

Result<claim::Query> SliceFlags::query(const encode::Layout& layout) const {
  claim::SliceNames names;
  if (!layer.empty()) names.layer = layer;
  if (!token.empty()) names.tokens = ASSAY_TRY(parse_range(token, "--token"));
  names.dim = dim;
  return claim::query_of_slice(layout, names);
}

}  // namespace assay::cli
