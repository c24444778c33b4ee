#include <fmt/format.h>

#include <algorithm>

#include "assay/pst.h"
#include "base/check.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"
#include "pst/srs_file.h"

namespace assay::pst {
namespace {

constexpr std::uint32_t kKeyVersion = 1;
// What meant a ceremony before there were transcripts. No program wrote it.
constexpr std::uint8_t kCeremonyWithoutTranscript = 2;

}  // namespace

std::string VerifierKey::label() const {
  if (trust == Trust::kDev) return std::string(to_string(trust));
  return fmt::format("{}({})", to_string(trust), contributors);
}

Bytes VerifierKey::encode() const {
  ASSAY_CHECK_EQ(secrets.size(), axes.count());
  ASSAY_CHECK_EQ(level_digests.size(), axes.count());
  WireWriter writer;
  writer.begin(internal::kKeyMagic, kKeyVersion).u8(static_cast<std::uint8_t>(trust));
  if (trust == Trust::kCeremony) writer.u32(contributors).raw(transcript);
  writer.u32(static_cast<std::uint32_t>(axes.count()));
  for (const std::uint32_t size : axes.sizes()) writer.u32(size);
  for (const G2Affine& secret : secrets) writer.raw(curve::encode(secret));
  for (const Digest& digest : level_digests) writer.raw(digest);
  return writer.take();
}

Result<VerifierKey> VerifierKey::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(internal::kKeyMagic, kKeyVersion));
  const std::uint8_t trust = ASSAY_TRY(reader.u8("trust"));
  if (trust == kCeremonyWithoutTranscript)
    return reader.error(ErrorCode::kUnsupported, "trust",
                        "2, a ceremony that names no transcript, is not read");
  if (trust != static_cast<std::uint8_t>(Trust::kDev) && trust != static_cast<std::uint8_t>(Trust::kCeremony))
    return reader.error(ErrorCode::kOutOfRange, "trust",
                        fmt::format("{} is not 1 (dev) or 3 (ceremony)", trust));
  std::uint32_t contributors = 0;
  Digest transcript{};
  if (trust == static_cast<std::uint8_t>(Trust::kCeremony)) {
    contributors = ASSAY_TRY(reader.u32("contributors"));
    if (contributors == 0 || contributors > setup::Ceremony::kMaxContributions)
      return reader.error(
          ErrorCode::kOutOfRange, "contributors",
          fmt::format("{} is not in 1 to {}", contributors, setup::Ceremony::kMaxContributions));
    std::ranges::copy(ASSAY_TRY(reader.raw(transcript.size(), "transcript digest")), transcript.begin());
  }

  const std::uint32_t count = ASSAY_TRY(reader.u32("axis count"));
  if (count == 0 || count > Axes::kMaxCount)
    return reader.error(ErrorCode::kOutOfRange, "axis count",
                        fmt::format("{} is not in 1 to {}", count, Axes::kMaxCount));
  std::vector<std::uint64_t> sizes(count);
  for (std::uint64_t& size : sizes) size = ASSAY_TRY(reader.u32("axis"));
  VerifierKey key{
      ASSAY_TRY(Axes::from(sizes, place)), static_cast<Trust>(trust), {}, {}, contributors, transcript};

  for (std::uint32_t i = 0; i < count; ++i) {
    const ByteSpan encoded = ASSAY_TRY(reader.raw(64, "secret"));
    const G2Affine secret = ASSAY_TRY(curve::decode_g2(encoded, fmt::format("{}: secret {}", place, i)));
    if (secret.is_infinity())
      return reader.error(ErrorCode::kOutOfRange, "secret",
                          fmt::format("[t_{}]_2 is the point at infinity", i));
    key.secrets.push_back(secret);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const ByteSpan encoded = ASSAY_TRY(reader.raw(32, "level digest"));
    Digest digest;
    std::copy(encoded.begin(), encoded.end(), digest.begin());
    key.level_digests.push_back(digest);
  }
  ASSAY_TRY(reader.finish());
  return key;
}

Digest VerifierKey::digest() const { return Sha256().update("assay/srs/v1").update(encode()).digest(); }

}  // namespace assay::pst
