#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "assay/claim.h"
#include "base/check.h"
#include "base/file.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::claim {
namespace {

constexpr std::string_view kMagic = "ASSAYPRF";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint8_t kOnGrid = 0;
constexpr std::uint8_t kOffGrid = 1;

Result<Fr> read_field(WireReader& reader, std::string_view field) {
  const ByteSpan bytes = ASSAY_TRY(reader.raw(32, field));
  const Result<Scalar> scalar = Scalar::from_bytes(bytes, "");
  if (!scalar) return reader.error(scalar.error().code, field, scalar.error().reason);
  return Fr::from_scalar(*scalar);
}

Result<Point> read_point(WireReader& reader, std::uint32_t axis_count) {
  const std::uint8_t kind = ASSAY_TRY(reader.u8("kind of point"));
  Point point;
  if (kind == kOnGrid) {
    for (std::uint32_t i = 0; i < axis_count; ++i) {
      const std::uint32_t coordinate = ASSAY_TRY(reader.u32("coordinate"));
      if (coordinate >= Axes::kMaxSize)
        return reader.error(ErrorCode::kOutOfRange, "coordinate",
                            fmt::format("{}, no axis has more than {} nodes", coordinate, Axes::kMaxSize));
      point.grid.push_back(coordinate);
    }
    return point;
  }
  if (kind != kOffGrid)
    return reader.error(ErrorCode::kOutOfRange, "kind of point",
                        fmt::format("{} is not 0 (on the grid) or 1 (off it)", kind));
  for (std::uint32_t i = 0; i < axis_count; ++i)
    point.field.push_back(ASSAY_TRY(read_field(reader, "coordinate")));
  return point;
}

/// The quotients of all proofs, on all threads: a square root each, which is most of the work of reading.
Status decode_quotients(std::span<const ByteSpan> encoded, std::vector<Proof>& proofs,
                        std::string_view place) {
  std::atomic<std::size_t> first_bad{proofs.size()};
  const auto decode = [](ByteSpan bytes, std::vector<G1Affine>& out, std::string_view where) -> Status {
    for (std::size_t at = 0; at < bytes.size(); at += 32)
      out.push_back(ASSAY_TRY(curve::decode_g1(bytes.subspan(at, 32), where)));
    return {};
  };
  parallel_for(0, proofs.size(), 16, [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      if (decode(encoded[k], proofs[k].opening.quotients, "").ok()) continue;
      std::size_t seen = first_bad;
      while (k < seen && !first_bad.compare_exchange_weak(seen, k)) {
      }
    }
  });
  if (first_bad == proofs.size()) return {};
  std::vector<G1Affine> again;
  return decode(encoded[first_bad], again, fmt::format("{}: proof {}", place, first_bad.load()));
}

}  // namespace

std::size_t Proofs::proof_size(std::size_t axis_count) { return 1 + 4 * axis_count + 32 + 32 * axis_count; }

Bytes Proofs::encode() const {
  ASSAY_CHECK(proofs.size() <= kMaxCount);
  WireWriter writer;
  writer.raw(kMagic).u32(kVersion).raw(commitment_digest).u32(axis_count);
  writer.u32(static_cast<std::uint32_t>(proofs.size()));
  for (const Proof& proof : proofs) {
    ASSAY_CHECK_EQ(proof.opening.quotients.size(), axis_count);
    if (proof.point.is_on_grid()) {
      ASSAY_CHECK_EQ(proof.point.grid.size(), axis_count);
      writer.u8(kOnGrid);
      for (const std::uint32_t coordinate : proof.point.grid) writer.u32(coordinate);
    } else {
      ASSAY_CHECK_EQ(proof.point.field.size(), axis_count);
      writer.u8(kOffGrid);
      for (const Fr& coordinate : proof.point.field) writer.raw(coordinate.to_scalar().to_bytes());
    }
    writer.raw(proof.opening.value.to_scalar().to_bytes());
    for (const G1Affine& quotient : proof.opening.quotients) writer.raw(curve::encode(quotient));
  }
  return writer.take();
}

Result<Proofs> Proofs::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.expect(kMagic, "magic"));
  const std::uint32_t version = ASSAY_TRY(reader.u32("version"));
  if (version != kVersion)
    return reader.error(ErrorCode::kUnsupported, "version",
                        fmt::format("version {}, this program knows {}", version, kVersion));
  Proofs out;
  std::ranges::copy(ASSAY_TRY(reader.raw(32, "commitment digest")), out.commitment_digest.begin());
  out.axis_count = ASSAY_TRY(reader.u32("axis count"));
  if (out.axis_count == 0 || out.axis_count > Axes::kMaxCount)
    return reader.error(ErrorCode::kOutOfRange, "axis count",
                        fmt::format("{} is not in 1 to {}", out.axis_count, Axes::kMaxCount));
  const std::uint32_t count =
      ASSAY_TRY(reader.count(proof_size(out.axis_count), kMaxCount, "count of proofs"));
  out.proofs.reserve(count);
  std::vector<ByteSpan> quotients;
  quotients.reserve(count);
  for (std::uint32_t k = 0; k < count; ++k) {
    Point point = ASSAY_TRY(read_point(reader, out.axis_count));
    const Fr value = ASSAY_TRY(read_field(reader, "value"));
    quotients.push_back(ASSAY_TRY(reader.raw(std::size_t{32} * out.axis_count, "proof points")));
    out.proofs.push_back({std::move(point), {value, {}}});
  }
  ASSAY_TRY(reader.finish());
  ASSAY_TRY(decode_quotients(quotients, out.proofs, place));
  return out;
}

Result<Proofs> Proofs::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes)), path.string());
}

Status Proofs::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

}  // namespace assay::claim
