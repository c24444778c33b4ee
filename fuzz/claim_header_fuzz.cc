// The header's decoder on arbitrary bytes: what decodes is valid and encodes to the same bytes.
#include <cstdint>
#include <cstdlib>

#include "assay/claim.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const assay::ByteSpan bytes(data, size);
  const auto header = assay::claim::Header::decode(bytes, "fuzz");
  if (!header.ok()) return 0;
  if (!header->validate().ok() || !header->value_range().ok()) std::abort();
  if (header->encode() != assay::Bytes(bytes.begin(), bytes.end())) std::abort();
  return 0;
}
