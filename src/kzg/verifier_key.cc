#include <fmt/format.h>

#include <algorithm>

#include "assay/kzg.h"
#include "base/check.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"
#include "kzg/srs_file.h"

namespace assay::kzg {
namespace {

constexpr std::uint32_t kVersion = 1;

}  // namespace

std::string VerifierKey::label() const {
  if (origin == Origin::kDev) return "dev";
  return published == 0 ? "ptau" : fmt::format("ptau (published file of power {})", published);
}

Bytes VerifierKey::encode() const {
  ASSAY_CHECK_EQ(powers.size(), log_size);
  WireWriter writer;
  writer.begin(internal::kKeyMagic, kVersion).u8(static_cast<std::uint8_t>(origin));
  writer.u8(static_cast<std::uint8_t>(published)).u8(static_cast<std::uint8_t>(log_size));
  for (const G2Affine& power : powers) writer.raw(curve::encode(power));
  return writer.raw(basis_digest).take();
}

Result<VerifierKey> VerifierKey::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(internal::kKeyMagic, kVersion));
  const std::uint8_t origin = ASSAY_TRY(reader.u8("origin"));
  if (origin != static_cast<std::uint8_t>(Origin::kDev) && origin != static_cast<std::uint8_t>(Origin::kPtau))
    return reader.error(ErrorCode::kOutOfRange, "origin",
                        fmt::format("{} is not 1 (dev) or 2 (ptau)", origin));
  const std::uint8_t published = ASSAY_TRY(reader.u8("published file"));
  if (published > kMaxLogSize || (published != 0 && origin == static_cast<std::uint8_t>(Origin::kDev)))
    return reader.error(ErrorCode::kOutOfRange, "published file",
                        fmt::format("no published file of power {} has this origin", published));
  const std::uint8_t log_size = ASSAY_TRY(reader.u8("size"));
  if (log_size == 0 || log_size > kMaxLogSize)
    return reader.error(ErrorCode::kOutOfRange, "size",
                        fmt::format("2^{} values, not 2^1 to 2^{}", log_size, kMaxLogSize));
  if (published != 0 && published < log_size)
    return reader.error(ErrorCode::kOutOfRange, "published file",
                        fmt::format("a file of power {} has not 2^{} values", published, log_size));

  VerifierKey key{log_size, static_cast<Origin>(origin), published, {}, {}};
  for (unsigned j = 0; j < log_size; ++j) {
    const ByteSpan encoded = ASSAY_TRY(reader.raw(64, "power"));
    const G2Affine power = ASSAY_TRY(curve::decode_g2(encoded, fmt::format("{}: power {}", place, j)));
    if (power.is_infinity())
      return reader.error(ErrorCode::kOutOfRange, "power",
                          fmt::format("[tau^(2^{})]_2 is the point at infinity", j));
    key.powers.push_back(power);
  }
  const ByteSpan digest = ASSAY_TRY(reader.raw(32, "basis digest"));
  std::copy(digest.begin(), digest.end(), key.basis_digest.begin());
  ASSAY_TRY(reader.finish());
  return key;
}

Digest VerifierKey::digest() const { return Sha256().update("assay/srs/v1").update(encode()).digest(); }

}  // namespace assay::kzg
