// The decoder of proofs on arbitrary bytes, of entries, slices and sets: what decodes encodes to the same
// bytes, as a whole and record by record.
#include <cstdint>
#include <cstdlib>

#include "assay/claim.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const assay::ByteSpan bytes(data, size);
  const auto proofs = assay::claim::Proofs::decode(bytes, "fuzz");
  if (!proofs.ok()) return 0;
  const assay::Bytes same(bytes.begin(), bytes.end());
  if (proofs->encode() != same) std::abort();
  assay::claim::Proofs again(proofs->commitment_digest, proofs->axis_count);
  for (std::size_t k = 0; k < proofs->size(); ++k) {
    const assay::claim::Proof proof = (*proofs)[k];
    again.add(proof.query, proof.answer);
  }
  if (again.encode() != same) std::abort();
  return 0;
}
