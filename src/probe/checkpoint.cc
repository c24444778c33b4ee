// .gotgeo: the geometry of a model at one time.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "assay/probe.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::probe {
namespace {

constexpr std::string_view kMagic = "GOTG";
constexpr std::uint16_t kCheckpointVersion = 1;
constexpr std::size_t kHeader = 4 + 2 + 4 + 32;
/// What the original's programs hash with: the reader of a checkpoint, and training.
constexpr std::array<float, 2> kEpsilons = {0.0F, 1e-6F};

Digest hash_of(std::uint32_t width, float epsilon, std::span<const float> phi) {
  Sha256 hash;
  hash.update_u64(width).update_u32(std::bit_cast<std::uint32_t>(epsilon));
  std::vector<float> row(width);
  for (std::size_t at = 0; at < phi.size(); at += width) {
    std::ranges::transform(phi.subspan(at, width), row.begin(),
                           [](float value) { return value == 0 ? 0.0F : value; });
    hash.update(ByteSpan(reinterpret_cast<const std::uint8_t*>(row.data()), row.size() * sizeof(float)));
  }
  return hash.digest();
}

}  // namespace

Digest Checkpoint::hash() const { return hash_of(width, epsilon, phi); }

Bytes Checkpoint::encode() const {
  WireWriter writer;
  writer.raw(kMagic).u16(kCheckpointVersion).u32(width).raw(hash());
  writer.raw(ByteSpan(reinterpret_cast<const std::uint8_t*>(phi.data()), phi.size() * sizeof(float)));
  return writer.take();
}

Result<Checkpoint> Checkpoint::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  const ByteSpan magic = ASSAY_TRY(reader.raw(kMagic.size(), "magic"));
  if (!std::ranges::equal(magic, kMagic))
    return reader.error(ErrorCode::kMalformed, "magic", "it is not GOTG: this is no .gotgeo");
  if (const std::uint16_t version = ASSAY_TRY(reader.u16("version")); version != kCheckpointVersion)
    return reader.error(ErrorCode::kUnsupported, "version",
                        fmt::format("{}, and {} is what is read here", version, kCheckpointVersion));
  Checkpoint out;
  out.width = ASSAY_TRY(reader.u32("hidden_dim"));
  if (out.width == 0 || out.width > kMaxWidth)
    return reader.error(ErrorCode::kTooLarge, "hidden_dim",
                        fmt::format("{} is not in 1 to {}", out.width, kMaxWidth));
  Digest hash{};
  std::ranges::copy(ASSAY_TRY(reader.raw(hash.size(), "geometry hash")), hash.begin());
  const std::size_t count = std::size_t{out.width} * out.width;
  const ByteSpan values = ASSAY_TRY(reader.raw(count * sizeof(float), "phi"));
  ASSAY_TRY(reader.finish());
  out.phi.resize(count);
  std::memcpy(out.phi.data(), values.data(), values.size());
  const auto bad = std::ranges::find_if(out.phi, [](float value) { return !std::isfinite(value); });
  if (bad != out.phi.end())
    return reader.error(ErrorCode::kOutOfRange, "phi",
                        fmt::format("value {} is not finite", bad - out.phi.begin()));
  for (const float epsilon : kEpsilons) {
    out.epsilon = epsilon;
    if (out.hash() == hash) return out;
  }
  return reader.error(ErrorCode::kMismatch, "geometry hash",
                      "it is not that of the matrix behind it, under epsilon 0 or 1e-6");
}

Result<Checkpoint> Checkpoint::read(const std::filesystem::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  if (file.bytes().size() < kHeader)
    return Error{ErrorCode::kMalformed, path.string(),
                 fmt::format("{} bytes, its header has {}", file.bytes().size(), kHeader)};
  return decode(file.bytes(), path.string());
}

Status Checkpoint::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

}  // namespace assay::probe
