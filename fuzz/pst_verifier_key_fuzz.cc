// The verifier part of an SRS on arbitrary bytes: what decodes encodes to the same bytes, and makes a
// verifier.
#include <cstdint>
#include <cstdlib>

#include "assay/pst.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const assay::ByteSpan bytes(data, size);
  const assay::Result<assay::pst::VerifierKey> key = assay::pst::VerifierKey::decode(bytes, "fuzz");
  if (!key.ok()) return 0;
  if (key->encode() != assay::Bytes(bytes.begin(), bytes.end())) std::abort();
  if (!(assay::pst::Verifier(*key).key() == *key)) std::abort();
  return 0;
}
