#include "assay/merkle.h"
#include "base/check.h"
#include "base/try.h"
#include "base/wire.h"
#include "merkle/shape.h"

namespace assay::merkle {
namespace {

constexpr std::string_view kInclusionTag = "assay/merkle/inclusion/v";
constexpr std::string_view kMultiTag = "assay/merkle/multi/v";
constexpr std::string_view kConsistencyTag = "assay/merkle/consistency/v";
constexpr std::uint32_t kVersion = 1;

Bytes encode(std::string_view tag, const std::vector<Digest>& hashes) {
  ASSAY_CHECK_LE(hashes.size(), kMaxProofHashes);
  WireWriter writer;
  writer.begin(tag, kVersion).u32(static_cast<std::uint32_t>(hashes.size()));
  for (const Digest& hash : hashes) writer.raw(hash);
  return writer.take();
}

Result<std::vector<Digest>> decode(std::string_view tag, ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(tag, kVersion));
  const std::uint32_t count = ASSAY_TRY(reader.count(sizeof(Digest), kMaxProofHashes, "count of hashes"));
  std::vector<Digest> hashes(count);
  for (Digest& hash : hashes) {
    const ByteSpan read = ASSAY_TRY(reader.raw(hash.size(), "hash"));
    std::copy(read.begin(), read.end(), hash.begin());
  }
  ASSAY_TRY(reader.finish());
  return hashes;
}

}  // namespace

Bytes InclusionProof::to_bytes() const { return encode(kInclusionTag, hashes); }
Bytes MultiProof::to_bytes() const { return encode(kMultiTag, hashes); }
Bytes ConsistencyProof::to_bytes() const { return encode(kConsistencyTag, hashes); }

Result<InclusionProof> InclusionProof::from_bytes(ByteSpan bytes, std::string_view place) {
  return InclusionProof{ASSAY_TRY(decode(kInclusionTag, bytes, place))};
}

Result<MultiProof> MultiProof::from_bytes(ByteSpan bytes, std::string_view place) {
  return MultiProof{ASSAY_TRY(decode(kMultiTag, bytes, place))};
}

Result<ConsistencyProof> ConsistencyProof::from_bytes(ByteSpan bytes, std::string_view place) {
  return ConsistencyProof{ASSAY_TRY(decode(kConsistencyTag, bytes, place))};
}

}  // namespace assay::merkle
