// Verifier keys on arbitrary bytes: what decodes encodes to the same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "assay/kzg.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const assay::ByteSpan bytes(data, size);
  const assay::Result<assay::kzg::VerifierKey> key = assay::kzg::VerifierKey::decode(bytes, "fuzz");
  if (!key.ok()) return 0;
  const assay::Bytes encoded = key->encode();
  if (!std::equal(encoded.begin(), encoded.end(), bytes.begin(), bytes.end())) std::abort();
  return 0;
}
