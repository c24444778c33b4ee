// Reading and writing binary formats: little-endian, bounds-checked, nothing left over.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "assay/base.h"

namespace assay {

/// Appends to a byte string.
class WireWriter {
 public:
  /// What a format starts with: the tag and the version, as LE32 or, after a tag that ends in "/v", as one
  /// digit ("assay/kept/v1"). What lies within another format may have no tag.
  WireWriter& begin(std::string_view tag, std::uint32_t version);
  WireWriter& raw(ByteSpan bytes);
  WireWriter& raw(std::string_view text);
  WireWriter& u8(std::uint8_t value);
  WireWriter& u16(std::uint16_t value);
  WireWriter& u32(std::uint32_t value);
  WireWriter& u64(std::uint64_t value);
  WireWriter& f32(float value);              ///< the bits of IEEE 754
  WireWriter& f64(double value);             ///< likewise
  WireWriter& text(std::string_view value);  ///< LE32 length, then UTF-8
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

/// Reads what WireWriter wrote. Every read names its field; an error says where in which file.
class WireReader {
 public:
  WireReader(ByteSpan bytes, std::string_view place) : bytes_(bytes), place_(place) {}

  /// Reads what WireWriter::begin wrote. Errors: kMalformed (another tag), kUnsupported (another version, as
  /// check_format_version says it).
  [[nodiscard]] Status begin(std::string_view tag, std::uint32_t version);

  [[nodiscard]] Result<ByteSpan> raw(std::size_t count, std::string_view field);
  [[nodiscard]] Result<std::uint8_t> u8(std::string_view field);
  [[nodiscard]] Result<std::uint16_t> u16(std::string_view field);
  [[nodiscard]] Result<std::uint32_t> u32(std::string_view field);
  [[nodiscard]] Result<std::uint64_t> u64(std::string_view field);
  /// Any bits are a number here; what must be finite is for the format to say.
  [[nodiscard]] Result<float> f32(std::string_view field);
  [[nodiscard]] Result<double> f64(std::string_view field);

  /// Errors: kTooLarge over `max_bytes`, kMalformed when not valid UTF-8.
  [[nodiscard]] Result<std::string> text(std::size_t max_bytes, std::string_view field);

  /// An element count that the remaining bytes can hold at `element_size` each. Errors: kTooLarge.
  [[nodiscard]] Result<std::uint32_t> count(std::size_t element_size, std::uint32_t max,
                                            std::string_view field);

  /// Errors: kMalformed when bytes are left over.
  [[nodiscard]] Status finish() const;

  /// "place: field at byte 12: reason" as an Error.
  [[nodiscard]] Error error(ErrorCode code, std::string_view field, std::string_view reason) const;
  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - offset_; }

 private:
  [[nodiscard]] Result<std::uint32_t> version(std::string_view tag);
  [[nodiscard]] std::string place_of(std::string_view field) const;

  ByteSpan bytes_;
  std::string place_;
  std::size_t offset_ = 0;
};

}  // namespace assay
