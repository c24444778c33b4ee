// From proofs to what the opening equation is asked about, and back to the proof that a rejection means.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "assay/claim.h"

namespace assay::claim::internal {

[[nodiscard]] std::vector<pst::Statement> statements_of(const G1Affine& commitment,
                                                        std::span<const Proof> proofs);

/// Why this is not the one form of a point over these axes; empty when it is. A point of the grid in the form
/// of others would escape the range that values on the grid are held to.
[[nodiscard]] std::string fault_of_point(const Point& point, const Axes& axes);

/// Adds the figure "point" where the verdict is about one of the proofs.
void name_point(Verdict& verdict, std::span<const Proof> proofs);

}  // namespace assay::claim::internal
