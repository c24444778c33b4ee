#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "assay/claim.h"
#include "base/check.h"
#include "base/file.h"
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

/// The quotients of all proofs, one after the other.
Status decode_quotients(ByteSpan encoded, Proofs& out, std::string_view place) {
  std::vector<G1Affine> points(encoded.size() / 32);
  const std::size_t bad = curve::decode_all_g1(encoded, points);
  if (bad < points.size())
    return curve::decode_g1(encoded.subspan(32 * bad, 32),
                            fmt::format("{}: proof {}", place, bad / out.axis_count))
        .error();
  auto next = points.begin();
  for (Proof& proof : out.proofs) {
    proof.opening.quotients.assign(next, next + out.axis_count);
    next += out.axis_count;
  }
  return {};
}

}  // namespace

std::size_t Proofs::proof_size(std::size_t axis_count) { return 1 + 4 * axis_count + 32 + 32 * axis_count; }

Bytes Proofs::encode() const {
  ASSAY_CHECK_LE(proofs.size(), kMaxCount);
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
  Bytes quotients;
  quotients.reserve(std::size_t{32} * out.axis_count * count);
  for (std::uint32_t k = 0; k < count; ++k) {
    Point point = ASSAY_TRY(read_point(reader, out.axis_count));
    const Fr value = ASSAY_TRY(read_field(reader, "value"));
    std::ranges::copy(ASSAY_TRY(reader.raw(std::size_t{32} * out.axis_count, "proof points")),
                      std::back_inserter(quotients));
    out.proofs.push_back({std::move(point), {value, {}}});
  }
  ASSAY_TRY(reader.finish());
  ASSAY_TRY(decode_quotients(quotients, out, place));
  return out;
}

Result<Proofs> Proofs::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes)), path.string());
}

Status Proofs::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

}  // namespace assay::claim
