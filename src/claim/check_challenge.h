// Whether proofs answer a challenge.
#pragma once

#include <optional>

#include "assay/claim.h"

namespace assay::claim::internal {

/// Whether the proofs are of exactly what was asked, and in that order. `drawn` is the digest that was noted
/// when the challenge was drawn, `digest` that of the commitment, which has the header. Step: "challenge";
/// the item is the first query that differs, or that asks for padding.
[[nodiscard]] Verdict check_challenge(const Challenge& asked, const std::optional<Digest>& drawn,
                                      const Header& header, const Digest& digest, const Proofs& proofs);

}  // namespace assay::claim::internal
