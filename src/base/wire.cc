#include "base/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/format_version.h"
#include "base/try.h"
#include "base/utf8.h"

namespace assay {
namespace {

template <class T>
T load_little_endian(ByteSpan bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value | T{bytes[i]} << (8 * i));
  return value;
}

template <class T>
void append_little_endian(Bytes& bytes, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// Whether the version stands behind the tag as a digit that a person can read.
bool is_text_tag(std::string_view tag) { return tag.ends_with("/v"); }

}  // namespace

WireWriter& WireWriter::begin(std::string_view tag, std::uint32_t version) {
  raw(tag);
  if (!is_text_tag(tag)) return u32(version);
  // One digit: a second one could as well be the first byte of what follows.
  ASSAY_CHECK(version >= 1 && version <= 9, version);
  return u8(static_cast<std::uint8_t>('0' + version));
}

WireWriter& WireWriter::raw(ByteSpan bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

WireWriter& WireWriter::raw(std::string_view text) {
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  return *this;
}

WireWriter& WireWriter::u8(std::uint8_t value) {
  bytes_.push_back(value);
  return *this;
}

WireWriter& WireWriter::u16(std::uint16_t value) {
  append_little_endian(bytes_, value);
  return *this;
}

WireWriter& WireWriter::u32(std::uint32_t value) {
  append_little_endian(bytes_, value);
  return *this;
}

WireWriter& WireWriter::u64(std::uint64_t value) {
  append_little_endian(bytes_, value);
  return *this;
}

WireWriter& WireWriter::f32(float value) { return u32(std::bit_cast<std::uint32_t>(value)); }

WireWriter& WireWriter::f64(double value) { return u64(std::bit_cast<std::uint64_t>(value)); }

WireWriter& WireWriter::text(std::string_view value) {
  ASSAY_CHECK_LE(value.size(), UINT32_MAX);
  u32(static_cast<std::uint32_t>(value.size()));
  return raw(value);
}

Result<ByteSpan> WireReader::raw(std::size_t count, std::string_view field) {
  if (count > remaining()) {
    return error(ErrorCode::kMalformed, field,
                 fmt::format("needs {} bytes, {} are left: truncated?", count, remaining()));
  }
  const ByteSpan bytes = bytes_.subspan(offset_, count);
  offset_ += count;
  return bytes;
}

Status WireReader::begin(std::string_view tag, std::uint32_t known) {
  const ByteSpan start = bytes_.subspan(offset_, std::min(tag.size(), remaining()));
  if (!std::ranges::equal(tag, start, {}, [](char c) { return static_cast<std::uint8_t>(c); })) {
    // Binary tags are filled up with zeros.
    const std::string_view shown = tag.substr(0, tag.find('\0'));
    return error(ErrorCode::kMalformed, "tag",
                 fmt::format("these bytes are not '{}': is this another kind of file?", shown));
  }
  offset_ += tag.size();
  std::string place = place_of("version");
  return check_format_version(ASSAY_TRY(version(tag)), known, std::move(place));
}

Result<std::uint32_t> WireReader::version(std::string_view tag) {
  if (!is_text_tag(tag)) return u32("version");
  const std::uint8_t digit = ASSAY_TRY(u8("version"));
  if (digit >= '1' && digit <= '9') return std::uint32_t{digit} - '0';
  --offset_;
  return error(ErrorCode::kMalformed, "version", "not a digit from 1 to 9");
}

Result<std::uint8_t> WireReader::u8(std::string_view field) { return ASSAY_TRY(raw(1, field))[0]; }

Result<std::uint16_t> WireReader::u16(std::string_view field) {
  return load_little_endian<std::uint16_t>(ASSAY_TRY(raw(2, field)));
}

Result<std::uint32_t> WireReader::u32(std::string_view field) {
  return load_little_endian<std::uint32_t>(ASSAY_TRY(raw(4, field)));
}

Result<std::uint64_t> WireReader::u64(std::string_view field) {
  return load_little_endian<std::uint64_t>(ASSAY_TRY(raw(8, field)));
}

Result<float> WireReader::f32(std::string_view field) { return std::bit_cast<float>(ASSAY_TRY(u32(field))); }

Result<double> WireReader::f64(std::string_view field) {
  return std::bit_cast<double>(ASSAY_TRY(u64(field)));
}

Result<std::string> WireReader::text(std::size_t max_bytes, std::string_view field) {
  const std::size_t start = offset_;
  const std::uint32_t length = ASSAY_TRY(u32(field));
  if (length > max_bytes) {
    offset_ = start;
    return error(ErrorCode::kTooLarge, field,
                 fmt::format("text of {} bytes, at most {} are taken", length, max_bytes));
  }
  const ByteSpan bytes = ASSAY_TRY(raw(length, field));
  std::string value(bytes.begin(), bytes.end());
  if (!is_valid_utf8(value)) {
    offset_ = start;
    return error(ErrorCode::kMalformed, field, "text that is not valid UTF-8");
  }
  return value;
}

Result<std::uint32_t> WireReader::count(std::size_t element_size, std::uint32_t max, std::string_view field) {
  ASSAY_CHECK_GT(element_size, 0);
  const std::size_t start = offset_;
  const std::uint32_t value = ASSAY_TRY(u32(field));
  if (value > max || value > remaining() / element_size) {
    const std::size_t held = std::min<std::size_t>(max, remaining() / element_size);
    offset_ = start;
    return error(ErrorCode::kTooLarge, field,
                 fmt::format("a count of {}, there is room for {}", value, held));
  }
  return value;
}

Status WireReader::finish() const {
  if (remaining() > 0) {
    return error(ErrorCode::kMalformed, "end", fmt::format("{} bytes too many", remaining()));
  }
  return {};
}

Error WireReader::error(ErrorCode code, std::string_view field, std::string_view reason) const {
  return {code, place_of(field), std::string(reason)};
}

std::string WireReader::place_of(std::string_view field) const {
  return fmt::format("{}: {} at byte {}", place_, field, offset_);
}

}  // namespace assay
