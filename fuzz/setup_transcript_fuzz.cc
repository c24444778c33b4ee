// A ceremony's transcript on arbitrary bytes: what decodes encodes to the same bytes, and whose chain is
// accepted ends with secrets. Long beacons are left out: hashing would be all that is tested.
#include <cstdint>
#include <cstdlib>

#include "assay/setup.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace setup = assay::setup;
  const assay::ByteSpan bytes(data, size);
  const assay::Result<setup::Ceremony> ceremony = setup::Ceremony::decode(bytes, "fuzz");
  if (!ceremony.ok()) return 0;
  if (ceremony->encode() != assay::Bytes(bytes.begin(), bytes.end())) std::abort();
  if (ceremony->digests().size() != ceremony->contributions.size() + 1) std::abort();
  for (const setup::Contribution& each : ceremony->contributions)
    if (each.beacon && each.beacon->log2_iterations > 12) return 0;
  if (setup::check_ceremony(*ceremony).ok())
    for (const assay::G2Affine& secret : ceremony->secrets())
      if (secret.is_infinity()) std::abort();
  return 0;
}
