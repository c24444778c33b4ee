#include "base/wire.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
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

}  // namespace

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

WireWriter& WireWriter::u32(std::uint32_t value) {
  append_little_endian(bytes_, value);
  return *this;
}

WireWriter& WireWriter::u64(std::uint64_t value) {
  append_little_endian(bytes_, value);
  return *this;
}

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

Status WireReader::expect(std::string_view magic, std::string_view field) {
  const std::size_t shared = std::min(magic.size(), remaining());
  if (shared < magic.size() ||
      !std::equal(magic.begin(), magic.end(), bytes_.begin() + offset_,
                  [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; })) {
    return error(ErrorCode::kMalformed, field, "these bytes are not those of this format and version");
  }
  offset_ += magic.size();
  return {};
}

Result<std::uint8_t> WireReader::u8(std::string_view field) { return ASSAY_TRY(raw(1, field))[0]; }

Result<std::uint32_t> WireReader::u32(std::string_view field) {
  return load_little_endian<std::uint32_t>(ASSAY_TRY(raw(4, field)));
}

Result<std::uint64_t> WireReader::u64(std::string_view field) {
  return load_little_endian<std::uint64_t>(ASSAY_TRY(raw(8, field)));
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
  return {code, fmt::format("{}: {} at byte {}", place_, field, offset_), std::string(reason)};
}

}  // namespace assay
