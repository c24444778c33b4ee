// verify() where the digest of the commitment is at hand: a header may have megabytes.
#pragma once

#include "assay/verifier.h"

namespace assay::claim::internal {

/// `digest` is that of the commitment.
[[nodiscard]] Verification verify_named(const Commitment& commitment, const Digest& digest,
                                        const Proofs& proofs, const Checker& checker,
                                        const VerifyOptions& options);

}  // namespace assay::claim::internal
