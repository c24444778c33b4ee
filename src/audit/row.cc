// Rows as leaves, and the wires that they belong to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "assay/audit_log.h"
#include "audit/wire_format.h"
#include "base/try.h"
#include "base/wire.h"
#include "tensor/load.h"

namespace assay::audit {
namespace {

constexpr std::string_view kRowTag = "auditrow";
constexpr std::string_view kWiresTag = "assay/audit/wires/v";
constexpr std::uint32_t kWiresVersion = 1;

struct DtypeName {
  RowDtype dtype;
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DtypeName, 5> kRowDtypes = {{{RowDtype::kDropped, "dropped", 0},
                                                  {RowDtype::kBF16, "bfloat16", 2},
                                                  {RowDtype::kF16, "float16", 2},
                                                  {RowDtype::kF32, "float32", 4},
                                                  {RowDtype::kF64, "float64", 8}}};

/// Bytes that a row of an element type can have.
Status check_row_bytes(RowDtype dtype, std::uint64_t bytes) {
  const std::size_t element = size_of(dtype);
  if (bytes > kMaxRowBytes)
    return Error{ErrorCode::kTooLarge, "",
                 fmt::format("a row has {} bytes, at most {} are taken", bytes, kMaxRowBytes)};
  if (element == 0 ? bytes != 0 : bytes == 0 || bytes % element != 0)
    return Error{ErrorCode::kMalformed, "",
                 fmt::format("{} bytes are not a row of {}", bytes, to_string(dtype))};
  return {};
}

}  // namespace

std::size_t size_of(RowDtype dtype) { return kRowDtypes[static_cast<std::size_t>(dtype)].size; }

std::string_view to_string(RowDtype dtype) { return kRowDtypes[static_cast<std::size_t>(dtype)].name; }

std::optional<RowDtype> row_dtype_of(std::string_view name) {
  const auto* found = std::ranges::find(kRowDtypes, name, &DtypeName::name);
  if (found == kRowDtypes.end() || found->dtype == RowDtype::kDropped) return std::nullopt;
  return found->dtype;
}

namespace internal {

Result<Wire> wire_of(std::uint32_t block, std::uint8_t role) {
  if (role < static_cast<std::uint8_t>(Role::kResidual) || role > static_cast<std::uint8_t>(Role::kLogits))
    return Error{ErrorCode::kOutOfRange, "", fmt::format("there is no role {}", role)};
  const Wire wire{block, static_cast<Role>(role)};
  const bool behind = wire.role == Role::kFinalNorm || wire.role == Role::kLogits;
  if (behind != (block == Wire::kNoBlock))
    return Error{ErrorCode::kOutOfRange, "", fmt::format("{} with block {}", to_string(wire.role), block)};
  return wire;
}

Result<RowDtype> dtype_of(std::uint8_t number) {
  if (number >= kRowDtypes.size())
    return Error{ErrorCode::kOutOfRange, "", fmt::format("there is no element type {}", number)};
  return static_cast<RowDtype>(number);
}

void write_wires(WireWriter& writer, std::span<const WireEntry> wires) {
  writer.u32(static_cast<std::uint32_t>(wires.size()));
  for (const WireEntry& entry : wires) {
    writer.u32(entry.wire.block).u8(static_cast<std::uint8_t>(entry.wire.role));
    writer.u8(static_cast<std::uint8_t>(entry.dtype)).u32(entry.row_bytes);
  }
}

Result<std::vector<WireEntry>> read_wires(WireReader& reader) {
  constexpr std::size_t kEntryBytes = 10;
  const auto checked = [&](auto result) -> decltype(result) {
    if (result.ok()) return result;
    return reader.error(result.error().code, "wires", result.error().reason);
  };
  const std::uint32_t count = ASSAY_TRY(reader.count(kEntryBytes, kMaxWires, "wires"));
  std::vector<WireEntry> wires;
  wires.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t block = ASSAY_TRY(reader.u32("block"));
    const std::uint8_t role = ASSAY_TRY(reader.u8("role"));
    WireEntry entry;
    entry.wire = ASSAY_TRY(checked(wire_of(block, role)));
    const std::uint8_t dtype = ASSAY_TRY(reader.u8("element type"));
    entry.dtype = ASSAY_TRY(checked(dtype_of(dtype)));
    entry.row_bytes = ASSAY_TRY(reader.u32("bytes of a row"));
    if (entry.dtype == RowDtype::kDropped)
      return reader.error(ErrorCode::kOutOfRange, "wires", "a wire has an element type");
    ASSAY_TRY(checked(check_row_bytes(entry.dtype, entry.row_bytes)));
    if (!wires.empty() && !(wires.back().wire < entry.wire))
      return reader.error(ErrorCode::kNonCanonical, "wires", "they do not ascend");
    wires.push_back(entry);
  }
  return wires;
}

}  // namespace internal

void RowHeader::write(std::span<std::uint8_t, kBytes> out) const {
  const auto put = [&](std::size_t at, const auto& value) { std::memcpy(&out[at], &value, sizeof value); };
  const std::uint64_t bytes = row_bytes;
  std::memcpy(out.data(), kRowTag.data(), kRowTag.size());
  put(8, wire.block);
  out[12] = static_cast<std::uint8_t>(wire.role);
  out[13] = static_cast<std::uint8_t>(dtype);
  out[14] = 0;
  out[15] = 0;
  put(16, position);
  put(24, bytes);
}

Result<RowHeader> RowHeader::read(std::span<const std::uint8_t, kBytes> bytes, std::string_view place) {
  const auto refused = [&](const Error& error) {
    return Error{error.code, std::string(place), error.reason};
  };
  if (!std::equal(kRowTag.begin(), kRowTag.end(), bytes.begin()))
    return refused({ErrorCode::kMalformed, "", "no row begins here"});
  if (bytes[14] != 0 || bytes[15] != 0)
    return refused({ErrorCode::kNonCanonical, "", "bytes 14 and 15 of a row are not 0"});
  const Result<Wire> wire = internal::wire_of(tensor::load_at<std::uint32_t>(bytes, 8), bytes[12]);
  if (!wire.ok()) return refused(wire.error());
  const Result<RowDtype> dtype = internal::dtype_of(bytes[13]);
  if (!dtype.ok()) return refused(dtype.error());
  const auto position = tensor::load_at<std::uint64_t>(bytes, 16);
  if (position >= kMaxPositions)
    return refused(
        {ErrorCode::kTooLarge, "", fmt::format("position {}, the most is {}", position, kMaxPositions - 1)});
  const auto size = tensor::load_at<std::uint64_t>(bytes, 24);
  const Status fits = check_row_bytes(*dtype, size);
  if (!fits.ok()) return refused(fits.error());
  return RowHeader{*wire, *dtype, position, static_cast<std::uint32_t>(size)};
}

Digest wires_digest(std::span<const WireEntry> wires) {
  WireWriter writer;
  writer.begin(kWiresTag, kWiresVersion);
  internal::write_wires(writer, wires);
  return sha256(writer.bytes());
}

std::optional<std::uint32_t> find_wire(std::span<const WireEntry> wires, const Wire& wire) {
  const auto found = std::ranges::lower_bound(wires, wire, {}, &WireEntry::wire);
  if (found == wires.end() || found->wire != wire) return std::nullopt;
  return static_cast<std::uint32_t>(found - wires.begin());
}

}  // namespace assay::audit
