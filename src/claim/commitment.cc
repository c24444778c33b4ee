#include <fmt/format.h>

#include <algorithm>

#include "assay/claim.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::claim {
namespace {

constexpr std::string_view kCommitmentMagic = "ASSAYCOM";
constexpr std::uint32_t kCommitmentVersion = 2;

}  // namespace

Digest Commitment::digest() const {
  return Sha256().update("assay/commitment/v1").update(header.encode()).update(value).digest();
}

Bytes Commitment::encode() const {
  const Bytes encoded = header.encode();
  WireWriter writer;
  writer.begin(kCommitmentMagic, kCommitmentVersion).u32(static_cast<std::uint32_t>(encoded.size()));
  writer.raw(encoded).raw(value);
  return writer.take();
}

Result<Commitment> Commitment::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kCommitmentMagic, kCommitmentVersion));
  const std::uint32_t length = ASSAY_TRY(reader.count(1, Header::kMaxBytes, "header length"));
  const ByteSpan header = ASSAY_TRY(reader.raw(length, "header"));
  const ByteSpan value = ASSAY_TRY(reader.raw(kBytes, "commitment value"));
  ASSAY_TRY(reader.finish());
  Commitment commitment{ASSAY_TRY(Header::decode(header, fmt::format("{}: header", place)))};
  if (commitment.header.scheme != Scheme::kMerkle)
    static_cast<void>(ASSAY_TRY(curve::decode_g1(value, fmt::format("{}: commitment value", place))));
  std::ranges::copy(value, commitment.value.begin());
  return commitment;
}

Result<Commitment> Commitment::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kCommitmentMagic, kCommitmentVersion)), path.string());
}

Status Commitment::write(const std::filesystem::path& path) const {
  if (Status status = header.validate(); !status) return status;
  return write_file(path, encode());
}

}  // namespace assay::claim
