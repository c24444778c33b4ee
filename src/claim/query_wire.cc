#include "claim/query_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>

#include "base/check.h"
#include "base/try.h"

namespace assay::claim::internal {
namespace {

constexpr std::uint8_t kEntry = 0;
constexpr std::uint8_t kFieldPoint = 1;
constexpr std::uint8_t kSlice = 2;
constexpr std::uint8_t kSet = 3;

std::uint32_t mask_of(const std::vector<std::uint32_t>& fixed) {
  std::uint32_t mask = 0;
  for (const std::uint32_t axis : fixed) mask |= std::uint32_t{1} << axis;
  return mask;
}

std::uint32_t read_u32(ByteSpan bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{bytes[at + i]} << (8 * i);
  return value;
}

/// Which axes a slice fixes: some, and not all.
Result<std::vector<std::uint32_t>> read_fixed(WireReader& reader, std::uint32_t axis_count) {
  const std::uint32_t mask = ASSAY_TRY(reader.u32("fixed axes"));
  std::vector<std::uint32_t> fixed;
  for (std::uint32_t axis = 0; axis < 32; ++axis)
    if ((mask >> axis & 1) != 0) fixed.push_back(axis);
  if (!fixed.empty() && fixed.back() < axis_count && fixed.size() < axis_count) return fixed;
  return reader.error(ErrorCode::kOutOfRange, "fixed axes",
                      fmt::format("a slice of {} axes fixes 1 to {} of them", axis_count, axis_count - 1));
}

Result<std::vector<std::uint32_t>> read_positions(WireReader& reader, std::uint32_t least) {
  const std::uint32_t count = ASSAY_TRY(reader.count(4, Proofs::kMaxCount, "count of positions"));
  if (count < least)
    return reader.error(ErrorCode::kOutOfRange, "count of positions",
                        fmt::format("{}, there are {} at least", count, least));
  std::vector<std::uint32_t> positions(count);
  for (std::uint32_t k = 0; k < count; ++k) {
    positions[k] = ASSAY_TRY(reader.u32("position"));
    if (k > 0 && positions[k] <= positions[k - 1])
      return reader.error(ErrorCode::kNonCanonical, "position", "not in ascending order");
  }
  return positions;
}

/// Where each integer is a T as it lies in memory.
template <class T>
std::vector<T> integers_in(ByteSpan bytes) {
  std::vector<T> out(bytes.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}
static_assert(std::endian::native == std::endian::little);

template <class T>
bool fits_in(const Scalar& value) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  const Scalar magnitude = value.magnitude();
  if (magnitude.bit_width() > 64) return false;
  return magnitude.words[0] <= kLargest + (value.is_negative() ? 1 : 0);
}

/// The least width that holds all.
template <class T>
std::uint8_t width_of(std::span<const T> values) {
  if constexpr (std::is_same_v<T, Scalar>) {
    std::uint8_t width = 1;
    for (const Scalar& value : values) {
      while (width < 32 && !(width == 1   ? fits_in<std::int8_t>(value)
                             : width == 2 ? fits_in<std::int16_t>(value)
                             : width == 4 ? fits_in<std::int32_t>(value)
                                          : fits_in<std::int64_t>(value)))
        width = width == 8 ? 32 : static_cast<std::uint8_t>(2 * width);
      if (width == 32) break;
    }
    return width;
  } else {
    std::int64_t smallest = 0, largest = 0;
    for (const T value : values) {
      smallest = std::min<std::int64_t>(smallest, value);
      largest = std::max<std::int64_t>(largest, value);
    }
    for (const unsigned bytes : {1U, 2U, 4U}) {
      const std::int64_t bound = std::int64_t{1} << (8 * bytes - 1);
      if (smallest >= -bound && largest < bound) return static_cast<std::uint8_t>(bytes);
    }
    return 8;
  }
}

}  // namespace

void write_query(WireWriter& writer, const Query& query, std::size_t axis_count) {
  if (query.is_of_parts()) {
    const bool is_set = query.parts.fixed.size() == axis_count;
    writer.u8(is_set ? kSet : kSlice);
    if (!is_set) writer.u32(mask_of(query.parts.fixed));
    writer.u32(static_cast<std::uint32_t>(query.parts.positions.size()));
    for (const std::uint32_t position : query.parts.positions) writer.u32(position);
    return;
  }
  if (query.is_on_grid()) {
    writer.u8(kEntry);
    for (const std::uint32_t coordinate : query.grid) writer.u32(coordinate);
    return;
  }
  writer.u8(kFieldPoint);
  for (const Fr& coordinate : query.field) writer.raw(coordinate.to_scalar().to_bytes());
}

std::size_t query_size(ByteSpan query, std::size_t axis_count) {
  switch (query[0]) {
    case kEntry:
      return 1 + 4 * axis_count;
    case kFieldPoint:
      return 1 + 32 * axis_count;
    default:
      break;
  }
  return (query[0] == kSlice ? 9 : 5) + std::size_t{4} * part_count(query);
}

std::uint32_t part_count(ByteSpan query) {
  if (query[0] == kEntry || query[0] == kFieldPoint) return 0;
  return read_u32(query, query[0] == kSlice ? 5 : 1);
}

Status read_values(WireReader& reader) {
  const std::uint8_t width = ASSAY_TRY(reader.u8("width of values"));
  if (width != 1 && width != 2 && width != 4 && width != 8 && width != 32)
    return reader.error(ErrorCode::kOutOfRange, "width of values",
                        fmt::format("{} is none of 1, 2, 4, 8 and 32 bytes", width));
  const std::uint64_t count = ASSAY_TRY(reader.u64("count of values"));
  if (count > reader.remaining() / width)
    return reader.error(ErrorCode::kTooLarge, "count of values",
                        fmt::format("{} of {} bytes, {} bytes are left", count, width, reader.remaining()));
  const ByteSpan bytes = ASSAY_TRY(reader.raw(count * width, "values"));
  if (width == 32)
    for (std::size_t i = 0; i < count; ++i) {
      const Result<Scalar> value = Scalar::from_bytes(bytes.subspan(32 * i, 32), "");
      if (!value) return reader.error(value.error().code, "values", value.error().reason);
    }
  const std::uint8_t least =
      unpack_values(bytes, width).view().visit([](auto values) { return width_of(values); });
  if (least == width) return {};
  return reader.error(ErrorCode::kNonCanonical, "width of values",
                      fmt::format("{} bytes where {} hold them", width, least));
}

tensor::IntegerArray unpack_values(ByteSpan values, std::uint8_t width) {
  switch (width) {
    case 1:
      return tensor::IntegerArray::own(integers_in<std::int8_t>(values));
    case 2:
      return tensor::IntegerArray::own(integers_in<std::int16_t>(values));
    case 4:
      return tensor::IntegerArray::own(integers_in<std::int32_t>(values));
    case 8:
      return tensor::IntegerArray::own(integers_in<std::int64_t>(values));
    default:
      break;
  }
  return tensor::IntegerArray::own(integers_in<Scalar>(values));
}

Result<Fr> read_field(WireReader& reader, std::string_view field) {
  const ByteSpan bytes = ASSAY_TRY(reader.raw(32, field));
  const Result<Scalar> scalar = Scalar::from_bytes(bytes, "");
  if (!scalar) return reader.error(scalar.error().code, field, scalar.error().reason);
  return Fr::from_scalar(*scalar);
}

Result<std::uint32_t> read_axis_count(WireReader& reader) {
  const std::uint32_t count = ASSAY_TRY(reader.u32("axis count"));
  if (count > 0 && count <= Axes::kMaxCount) return count;
  return reader.error(ErrorCode::kOutOfRange, "axis count",
                      fmt::format("{} is not in 1 to {}", count, Axes::kMaxCount));
}

Result<Query> read_query(WireReader& reader, std::uint32_t axis_count) {
  const std::uint8_t tag = ASSAY_TRY(reader.u8("kind of query"));
  Query query;
  if (tag == kEntry) {
    for (std::uint32_t i = 0; i < axis_count; ++i) {
      const std::uint32_t coordinate = ASSAY_TRY(reader.u32("coordinate"));
      if (coordinate >= Axes::kMaxSize)
        return reader.error(ErrorCode::kOutOfRange, "coordinate",
                            fmt::format("{}, no axis has more than {} nodes", coordinate, Axes::kMaxSize));
      query.grid.push_back(coordinate);
    }
    return query;
  }
  if (tag == kFieldPoint) {
    for (std::uint32_t i = 0; i < axis_count; ++i)
      query.field.push_back(ASSAY_TRY(read_field(reader, "coordinate")));
    return query;
  }
  if (tag == kSlice) {
    query.parts.fixed = ASSAY_TRY(read_fixed(reader, axis_count));
    query.parts.positions = ASSAY_TRY(read_positions(reader, 1));
    return query;
  }
  if (tag == kSet) {
    query.parts.fixed.resize(axis_count);
    std::iota(query.parts.fixed.begin(), query.parts.fixed.end(), 0U);
    query.parts.positions = ASSAY_TRY(read_positions(reader, 2));
    return query;
  }
  return reader.error(
      ErrorCode::kOutOfRange, "kind of query",
      fmt::format("{} is not 0 (an entry), 1 (a point of the field), 2 (slices) or 3 (a set)", tag));
}

}  // namespace assay::claim::internal

namespace assay::claim {

Bytes pack_values(const IntegerView& values) {
  return values.visit([&](auto typed) {
    using T = typename decltype(typed)::value_type;
    const std::uint8_t width = internal::width_of(typed);
    Bytes out;
    out.reserve(1 + typed.size() * width);
    out.push_back(width);
    for (const T& value : typed) {
      if constexpr (std::is_same_v<T, Scalar>) {
        // The low bytes of a residue are no two's complement: those of a negative integer are made here.
        std::array<std::uint8_t, 32> bytes = value.to_bytes();
        if (width < 32 && value.is_negative()) {
          const std::uint64_t negated = 0 - value.magnitude().words[0];
          std::memcpy(bytes.data(), &negated, sizeof negated);
        }
        out.insert(out.end(), bytes.begin(), bytes.begin() + width);
      } else {
        const auto word = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
        std::array<std::uint8_t, 8> bytes;
        std::memcpy(bytes.data(), &word, sizeof word);
        out.insert(out.end(), bytes.begin(), bytes.begin() + width);
      }
    }
    return out;
  });
}

}  // namespace assay::claim
