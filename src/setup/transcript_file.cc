#include "setup/transcript_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"
#include "setup/chain.h"
#include "setup/label.h"

namespace assay::setup {
namespace internal {
namespace {

enum class Kind : std::uint8_t { kPerson = 1, kBeacon = 2 };

Result<std::vector<G2Affine>> read_points(WireReader& reader, std::size_t count, std::string_view field,
                                          std::string_view place) {
  std::vector<G2Affine> out;
  for (std::size_t i = 0; i < count; ++i) {
    const ByteSpan bytes = ASSAY_TRY(reader.raw(64, field));
    out.push_back(ASSAY_TRY(curve::decode_g2(bytes, fmt::format("{}: {} {}", place, field, i))));
  }
  return out;
}

Result<Contribution> read_contribution(WireReader& reader, std::size_t axis_count, std::string_view place) {
  const std::uint8_t kind = ASSAY_TRY(reader.u8("kind"));
  if (kind != static_cast<std::uint8_t>(Kind::kPerson) && kind != static_cast<std::uint8_t>(Kind::kBeacon))
    return reader.error(ErrorCode::kOutOfRange, "kind",
                        fmt::format("{} is not 1 (drawn) or 2 (beacon)", kind));
  Contribution out{ASSAY_TRY(reader.text(Contribution::kMaxNameBytes, "name")), {}, {}, {}};
  ASSAY_TRY(check_label(out.name, "a name", place));
  out.secrets = ASSAY_TRY(read_points(reader, axis_count, "point", place));
  if (kind == static_cast<std::uint8_t>(Kind::kBeacon)) {
    Beacon beacon;
    beacon.log2_iterations = ASSAY_TRY(reader.u32("log2 of the iterations"));
    const std::uint32_t size = ASSAY_TRY(reader.count(1, Beacon::kMaxBytes, "length of the beacon"));
    const ByteSpan value = ASSAY_TRY(reader.raw(size, "beacon"));
    beacon.value.assign(value.begin(), value.end());
    ASSAY_TRY(check_beacon_form(beacon, place));
    out.beacon = std::move(beacon);
    return out;
  }
  out.commitments = ASSAY_TRY(read_points(reader, axis_count, "commitment", place));
  for (std::size_t i = 0; i < axis_count; ++i) {
    const ByteSpan bytes = ASSAY_TRY(reader.raw(32, "response"));
    out.responses.push_back(
        Fr::from_scalar(ASSAY_TRY(Scalar::from_bytes(bytes, fmt::format("{}: response {}", place, i)))));
  }
  return out;
}

}  // namespace

Bytes encode_head(const Axes& axes, const Digest& nonce) {
  WireWriter writer;
  writer.begin(kTranscriptMagic, kVersion).u32(static_cast<std::uint32_t>(axes.count()));
  for (const std::uint32_t size : axes.sizes()) writer.u32(size);
  return writer.raw(nonce).take();
}

Bytes encode_contribution(const Contribution& contribution) {
  WireWriter writer;
  writer.u8(static_cast<std::uint8_t>(contribution.beacon ? Kind::kBeacon : Kind::kPerson));
  writer.text(contribution.name);
  for (const G2Affine& point : contribution.secrets) writer.raw(curve::encode(point));
  if (contribution.beacon) {
    writer.u32(contribution.beacon->log2_iterations);
    writer.u32(static_cast<std::uint32_t>(contribution.beacon->value.size()));
    return writer.raw(contribution.beacon->value).take();
  }
  for (const G2Affine& point : contribution.commitments) writer.raw(curve::encode(point));
  for (const Fr& response : contribution.responses) writer.raw(response.to_scalar().to_bytes());
  return writer.take();
}

}  // namespace internal

Bytes Ceremony::encode() const {
  WireWriter writer;
  writer.raw(internal::encode_head(axes, nonce)).u32(static_cast<std::uint32_t>(contributions.size()));
  for (const Contribution& each : contributions) writer.raw(internal::encode_contribution(each));
  return writer.take();
}

Result<Ceremony> Ceremony::decode(ByteSpan bytes, std::string_view place) {
  if (bytes.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes are more than the {} of a transcript", bytes.size(), kMaxBytes)};
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(internal::kTranscriptMagic, internal::kVersion));
  const std::uint32_t axis_count = ASSAY_TRY(reader.u32("axis count"));
  if (axis_count == 0 || axis_count > Axes::kMaxCount)
    return reader.error(ErrorCode::kOutOfRange, "axis count",
                        fmt::format("{} is not in 1 to {}", axis_count, Axes::kMaxCount));
  std::vector<std::uint64_t> sizes(axis_count);
  for (std::uint64_t& size : sizes) size = ASSAY_TRY(reader.u32("axis"));
  Ceremony out{ASSAY_TRY(Axes::from(sizes, place)), {}};
  const ByteSpan nonce = ASSAY_TRY(reader.raw(out.nonce.size(), "nonce"));
  std::ranges::copy(nonce, out.nonce.begin());
  // The smallest contribution is a beacon of one byte.
  const std::size_t least = 1 + 4 + 1 + 64 * std::size_t{axis_count} + 4 + 4 + 1;
  const std::uint32_t count = ASSAY_TRY(reader.count(least, kMaxContributions, "contribution count"));
  for (std::uint32_t k = 0; k < count; ++k)
    out.contributions.push_back(ASSAY_TRY(
        internal::read_contribution(reader, axis_count, fmt::format("{}: contribution {}", place, k))));
  ASSAY_TRY(reader.finish());
  return out;
}

Status Ceremony::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

std::vector<Digest> Ceremony::digests() const {
  std::vector<Digest> out = {internal::first_digest(axes, nonce)};
  for (const Contribution& each : contributions) out.push_back(internal::next_digest(out.back(), each));
  return out;
}

std::vector<G2Affine> Ceremony::secrets() const {
  if (contributions.empty()) return std::vector<G2Affine>(axes.count(), G2Affine::generator());
  return contributions.back().secrets;
}

std::uint32_t Ceremony::contributors() const {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(contributions, [](const Contribution& each) { return !each.beacon; }));
}

}  // namespace assay::setup
