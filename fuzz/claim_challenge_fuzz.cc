// The decoder of challenges on arbitrary bytes: what decodes encodes to the same bytes.
#include <cstdint>
#include <cstdlib>

#include "assay/claim.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const assay::ByteSpan bytes(data, size);
  const auto challenge = assay::claim::Challenge::decode(bytes, "fuzz");
  if (challenge.ok() && challenge->encode() != assay::Bytes(bytes.begin(), bytes.end())) std::abort();
  return 0;
}
