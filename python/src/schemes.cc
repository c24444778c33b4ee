// The two sides of each scheme, as commitments are made, opened and verified by them.
#include "assay/claim_schemes.h"
#include "bindings.h"

namespace assay::python {

void bind_schemes(nb::module_& m) {
  nb::class_<claim::Checker>(m, "Checker").def_prop_ro("scheme", [](const claim::Checker& c) {
    return claim::to_string(c.scheme());
  });
  nb::class_<claim::KzgChecker, claim::Checker>(m, "KzgChecker");
  nb::class_<claim::MerkleChecker, claim::Checker>(m, "MerkleChecker");

  nb::class_<claim::Committer>(m, "Committer").def_prop_ro("scheme", [](const claim::Committer& c) {
    return claim::to_string(c.scheme());
  });
  nb::class_<claim::TensorCommitter, claim::Committer>(m, "TensorCommitter");
  nb::class_<claim::KzgCommitter, claim::Committer>(m, "KzgCommitter");
  nb::class_<claim::MerkleCommitter, claim::Committer>(m, "MerkleCommitter");
}

}  // namespace assay::python
