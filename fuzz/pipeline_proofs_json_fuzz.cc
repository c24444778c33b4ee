// The pipeline's two JSON files on arbitrary text: neither reader fails otherwise than by saying so, and what
// they read is what its own lengths say.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "assay/pipeline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace pipeline = assay::pipeline;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto proofs = pipeline::ProofsJson::parse(text, "fuzz");
  if (proofs.ok()) {
    for (std::size_t k = 0; k < proofs->proofs.size(); ++k) {
      if (proofs->proofs.query(k).coordinates().size() != proofs->num_variables) std::abort();
      if (proofs->proofs.evidence(k).size() != std::size_t{32} * proofs->num_variables) std::abort();
    }
  }
  const auto polynomial = pipeline::CoefficientsJson::parse(text, "fuzz");
  if (polynomial.ok() && polynomial->coefficients.size() != polynomial->axes.volume()) std::abort();
  return 0;
}
