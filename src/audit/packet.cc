#include <fmt/format.h>

#include <algorithm>

#include "assay/audit_packet.h"
#include "base/check.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::audit {
namespace {

using tensor::Dtype;

constexpr std::string_view kPacketTag = "assay/audit/packet/v";
constexpr std::uint32_t kPacketVersion = 1;
static_assert(kPacketTag.size() + 1 + sizeof(std::uint32_t) == PacketHeader::kPrefixBytes);

// Flags.
constexpr std::uint8_t kTransposed = 1;
constexpr std::uint8_t kHasWeight = 2;
constexpr std::uint8_t kHasBias = 4;
constexpr std::uint8_t kAllFlags = kTransposed | kHasWeight | kHasBias;

constexpr std::array kDtypes{Dtype::kF64, Dtype::kF32, Dtype::kBF16, Dtype::kF16};  // numbered from 1

std::uint8_t number_of(Dtype dtype) {
  const auto* const found = std::ranges::find(kDtypes, dtype);
  ASSAY_CHECK(found != kDtypes.end(), dtype);
  return static_cast<std::uint8_t>(found - kDtypes.begin() + 1);
}

Error wrong(ErrorCode code, std::string_view place, std::string_view field, std::string reason) {
  return {code, fmt::format("{}: {}", place, field), std::move(reason)};
}

Status check_size(std::uint64_t size, std::string_view place, std::string_view field) {
  if (size == 0) return wrong(ErrorCode::kOutOfRange, place, field, "zero: an empty product has no entries");
  if (size > PacketHeader::kMaxSize)
    return wrong(ErrorCode::kTooLarge, place, field,
                 fmt::format("{}, at most {} are taken", size, PacketHeader::kMaxSize));
  return {};
}

Status check_indices(std::span<const std::uint64_t> indices, std::uint64_t size, std::uint32_t most,
                     std::string_view place, std::string_view field) {
  if (indices.empty()) return wrong(ErrorCode::kOutOfRange, place, field, "none: nothing would be checked");
  if (indices.size() > most)
    return wrong(ErrorCode::kTooLarge, place, field,
                 fmt::format("{} of them, at most {} are taken", indices.size(), most));
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] >= size)
      return wrong(ErrorCode::kOutOfRange, place, field,
                   fmt::format("number {} is {}, of {}", i, indices[i], size));
    if (i > 0 && indices[i] <= indices[i - 1])
      return wrong(ErrorCode::kNonCanonical, place, field,
                   fmt::format("number {} is {} after {}: they ascend", i, indices[i], indices[i - 1]));
  }
  return {};
}

/// The digest where the flag says that there is one, else zeros.
Result<std::optional<Digest>> read_digest(WireReader& reader, bool present, std::string_view field) {
  Digest digest{};
  std::ranges::copy(ASSAY_TRY(reader.raw(digest.size(), field)), digest.begin());
  if (present) return std::optional(digest);
  if (digest != Digest{})
    return reader.error(ErrorCode::kNonCanonical, field, "a digest where the flags say that there is none");
  return std::optional<Digest>();
}

Result<std::vector<std::uint64_t>> read_indices(WireReader& reader, std::uint32_t most,
                                                std::string_view field) {
  const std::uint32_t count = ASSAY_TRY(reader.count(sizeof(std::uint64_t), most, field));
  std::vector<std::uint64_t> indices(count);
  for (std::uint64_t& index : indices) index = ASSAY_TRY(reader.u64(field));
  return indices;
}

}  // namespace

std::string_view to_string(ProductCall call) { return call == ProductCall::kMatmul ? "matmul" : "linear"; }

std::uint64_t PacketHeader::a_bytes() const { return rows.size() * k * tensor::size_of(dtype); }
std::uint64_t PacketHeader::b_bytes() const {
  return weight ? 0 : columns.size() * k * tensor::size_of(dtype);
}
std::uint64_t PacketHeader::c_bytes() const { return rows.size() * columns.size() * tensor::size_of(dtype); }

std::uint64_t PacketHeader::most_rows(std::uint64_t k, std::uint64_t columns, Dtype dtype,
                                      bool with_columns) {
  if (k == 0 || columns == 0 || k > kMaxSize || columns > kMaxColumns) return 0;
  const std::uint64_t values = kMaxPayload / tensor::size_of(dtype);
  const std::uint64_t brought = with_columns ? columns * k : 0;
  if (brought >= values) return 0;
  return std::min(
      {std::uint64_t{kMaxRows}, (values - brought) / (k + columns), kMaxMultiplyAdds / (columns * k)});
}

Status PacketHeader::check(std::string_view place) const {
  if (std::ranges::find(kDtypes, dtype) == kDtypes.end())
    return wrong(ErrorCode::kUnsupported, place, "dtype",
                 fmt::format("{}: products of f64, f32, bf16 and f16 are checked", torch_name(dtype)));
  ASSAY_TRY(check_size(m, place, "m"));
  ASSAY_TRY(check_size(k, place, "k"));
  ASSAY_TRY(check_size(n, place, "n"));
  ASSAY_TRY(check_size(batches, place, "batches"));
  if (batch >= batches)
    return wrong(ErrorCode::kOutOfRange, place, "batch", fmt::format("{} of {}", batch, batches));
  if (!weight && (transposed || bias))
    return wrong(ErrorCode::kNonCanonical, place, "flags", "columns of B are in no order, and have no bias");
  ASSAY_TRY(check_indices(rows, m, kMaxRows, place, "rows"));
  ASSAY_TRY(check_indices(columns, n, kMaxColumns, place, "columns"));
  // No factor is over 2^40, and neither sum over 2^17: nothing overflows.
  const std::uint64_t vectors = rows.size() + (weight ? 0 : columns.size());
  if (k > kMaxPayload / vectors || payload_bytes() > kMaxPayload)
    return wrong(ErrorCode::kTooLarge, place, "payload",
                 fmt::format("{} vectors of {} values and their products, at most {} bytes are taken",
                             vectors, k, kMaxPayload));
  if (k > kMaxMultiplyAdds / (rows.size() * columns.size()))
    return wrong(ErrorCode::kTooLarge, place, "entries",
                 fmt::format("{} sums of {} products, at most {} products are recomputed",
                             rows.size() * columns.size(), k, kMaxMultiplyAdds));
  return {};
}

Bytes PacketHeader::encode() const {
  ASSAY_CHECK(check("").ok(), check("").error().to_string());
  WireWriter writer;
  writer.begin(kPacketTag, kPacketVersion);
  constexpr std::size_t kFixed = 16 + 3 * 8 + 3 + 2 * 32 + 5 * 8 + 2 * 4;
  writer.u32(static_cast<std::uint32_t>(kPrefixBytes + kFixed + 8 * (rows.size() + columns.size())));
  writer.raw(session).u64(sequence).u64(product).u64(dropped);
  writer.u8(static_cast<std::uint8_t>(call)).u8(number_of(dtype));
  writer.u8(static_cast<std::uint8_t>((transposed ? kTransposed : 0) | (weight ? kHasWeight : 0) |
                                      (bias ? kHasBias : 0)));
  writer.raw(weight.value_or(Digest{})).raw(bias.value_or(Digest{}));
  writer.u64(batch).u64(batches).u64(m).u64(k).u64(n);
  for (const auto* const indices : {&rows, &columns}) {
    writer.u32(static_cast<std::uint32_t>(indices->size()));
    for (const std::uint64_t index : *indices) writer.u64(index);
  }
  return writer.take();
}

Result<std::size_t> PacketHeader::size_of(ByteSpan prefix, std::string_view place) {
  WireReader reader(prefix, place);
  ASSAY_TRY(reader.begin(kPacketTag, kPacketVersion));
  const std::uint32_t size = ASSAY_TRY(reader.u32("length of the header"));
  if (size <= kPrefixBytes)
    return wrong(ErrorCode::kMalformed, place, "length of the header",
                 fmt::format("{}, its beginning alone has {}", size, kPrefixBytes));
  if (size > kMaxBytes)
    return wrong(ErrorCode::kTooLarge, place, "length of the header",
                 fmt::format("{}, at most {} are taken", size, kMaxBytes));
  return std::size_t{size};
}

Result<PacketHeader> PacketHeader::decode(ByteSpan bytes, std::string_view place) {
  const std::size_t size = ASSAY_TRY(size_of(bytes.first(std::min(kPrefixBytes, bytes.size())), place));
  if (size != bytes.size())
    return wrong(ErrorCode::kMalformed, place, "length of the header",
                 fmt::format("{}, and these are {}", size, bytes.size()));
  WireReader reader(bytes, place);
  static_cast<void>(ASSAY_TRY(reader.raw(kPrefixBytes, "beginning")));
  PacketHeader header;
  std::ranges::copy(ASSAY_TRY(reader.raw(header.session.size(), "session")), header.session.begin());
  header.sequence = ASSAY_TRY(reader.u64("sequence"));
  header.product = ASSAY_TRY(reader.u64("product"));
  header.dropped = ASSAY_TRY(reader.u64("dropped"));
  const std::uint8_t call = ASSAY_TRY(reader.u8("call"));
  if (call < 1 || call > 2)
    return reader.error(ErrorCode::kUnsupported, "call", fmt::format("{}, 1 or 2 is taken", call));
  header.call = static_cast<ProductCall>(call);
  const std::uint8_t dtype = ASSAY_TRY(reader.u8("dtype"));
  if (dtype < 1 || dtype > kDtypes.size())
    return reader.error(ErrorCode::kUnsupported, "dtype", fmt::format("{}, 1 to 4 are taken", dtype));
  header.dtype = kDtypes[dtype - 1U];
  const std::uint8_t flags = ASSAY_TRY(reader.u8("flags"));
  if ((flags & ~kAllFlags) != 0)
    return reader.error(ErrorCode::kNonCanonical, "flags", fmt::format("{:#x}: unknown ones", flags));
  header.transposed = (flags & kTransposed) != 0;
  header.weight = ASSAY_TRY(read_digest(reader, (flags & kHasWeight) != 0, "weight"));
  header.bias = ASSAY_TRY(read_digest(reader, (flags & kHasBias) != 0, "bias"));
  header.batch = ASSAY_TRY(reader.u64("batch"));
  header.batches = ASSAY_TRY(reader.u64("batches"));
  header.m = ASSAY_TRY(reader.u64("m"));
  header.k = ASSAY_TRY(reader.u64("k"));
  header.n = ASSAY_TRY(reader.u64("n"));
  header.rows = ASSAY_TRY(read_indices(reader, kMaxRows, "rows"));
  header.columns = ASSAY_TRY(read_indices(reader, kMaxColumns, "columns"));
  ASSAY_TRY(reader.finish());
  ASSAY_TRY(header.check(place));
  return header;
}

std::uint64_t BareHeader::payload_bytes() const {
  return sizeof(double) * std::uint64_t{rows} * (std::uint64_t{k} + columns);
}

Result<BareHeader> BareHeader::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  BareHeader header;
  header.rows = ASSAY_TRY(reader.u32("rows"));
  header.columns = ASSAY_TRY(reader.u32("columns"));
  header.k = ASSAY_TRY(reader.u32("k"));
  ASSAY_TRY(reader.finish());
  constexpr std::uint64_t kMost = PacketHeader::kMaxPayload / sizeof(double);
  if (header.rows > 0 && std::uint64_t{header.k} + header.columns > kMost / header.rows)
    return wrong(ErrorCode::kTooLarge, place, "payload",
                 fmt::format("{} rows of {} and {} values, at most {} bytes are taken", header.rows, header.k,
                             header.columns, PacketHeader::kMaxPayload));
  return header;
}

}  // namespace assay::audit
