// The files of a log of blocks on arbitrary bytes: what decodes encodes to the same bytes, a log's own proofs
// are accepted, and a proof is accepted for no other block than the one that it names.
#include <cstdint>
#include <cstdlib>

#include "assay/claim_log.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace claim = assay::claim;
  namespace merkle = assay::merkle;
  const assay::ByteSpan bytes(data, size);
  const assay::Bytes same(bytes.begin(), bytes.end());
  if (const auto head = claim::LogHead::decode(bytes, "fuzz"); head.ok()) check(head->encode() == same);
  if (const auto proof = claim::LogProof::decode(bytes, "fuzz"); proof.ok()) {
    check(proof->encode() == same);
    check(proof->index < proof->head.count && proof->old_count <= proof->head.count);
  }
  const auto log = claim::Log::decode(bytes, "fuzz");
  if (!log.ok()) return 0;
  check(log->encode() == same);
  if (log->size() == 0) return 0;
  const claim::LogHead head = log->head().value();
  const std::uint64_t last = log->size() - 1;
  const claim::LogProof proof = log->prove(last, (log->size() + 1) / 2).value();
  check(claim::LogProof::decode(proof.encode(), "fuzz").value() == proof);
  check(merkle::verify_inclusion(head.root, 2, head.count, last, merkle::leaf_hash((*log)[last]),
                                 proof.inclusion)
            .ok());
  return 0;
}
