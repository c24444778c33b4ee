// The decoder of commitments on arbitrary bytes: what decodes encodes to the same bytes, and a challenge can
// be drawn for it.
#include <cstdint>
#include <cstdlib>

#include "assay/claim.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace claim = assay::claim;
  const assay::ByteSpan bytes(data, size);
  const auto commitment = claim::Commitment::decode(bytes, "fuzz");
  if (!commitment.ok()) return 0;
  if (commitment->encode() != assay::Bytes(bytes.begin(), bytes.end())) std::abort();
  const auto challenge = claim::Challenge::from_seed(*commitment, 1, 0);
  if (!challenge.ok()) std::abort();
  const auto place = claim::place_of(commitment->header.layout, challenge->queries[0].grid);
  if (!place.ok() || place->is_padding) std::abort();
  return 0;
}
