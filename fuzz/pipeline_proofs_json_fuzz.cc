// The seeds' two JSON files on arbitrary text: neither reader fails otherwise than by saying so, and what
// they read is what its own lengths say.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "assay/pipeline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace claim = assay::claim;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto proofs = pipeline::ProofsJson::parse(text, "fuzz");
  if (proofs.ok()) {
    for (const claim::Proof& proof : proofs->proofs) {
      if (proof.point.coordinates().size() != proofs->num_variables) std::abort();
      if (proof.opening.quotients.size() != proofs->num_variables) std::abort();
    }
  }
  const auto polynomial = pipeline::CoefficientsJson::parse(text, "fuzz");
  if (polynomial.ok() && polynomial->coefficients.size() != polynomial->axes.volume()) std::abort();
  return 0;
}
