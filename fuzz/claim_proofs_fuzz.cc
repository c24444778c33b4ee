// The decoder of proofs on arbitrary bytes: what decodes encodes to the same bytes.
#include <cstdint>
#include <cstdlib>

#include "assay/claim.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const assay::ByteSpan bytes(data, size);
  const auto proofs = assay::claim::Proofs::decode(bytes, "fuzz");
  if (proofs.ok() && proofs->encode() != assay::Bytes(bytes.begin(), bytes.end())) std::abort();
  return 0;
}
