// Statements turned into relations, where they have the form.
#pragma once

#include <vector>

#include "assay/kzg.h"
#include "kzg/relation.h"

namespace assay::kzg::internal {

/// Appends the relation of an opening. Step: "proof points".
[[nodiscard]] Verdict form_of_opening(const Statement& statement, std::vector<Relation>& out);

/// Appends that of a block, whose commitment is made here from points that are compared with the key. Steps:
/// "proof shape", "proof points", those of check_points_of().
[[nodiscard]] Verdict form_of_block(const VerifierKey& key, const Srs& srs, const BlockStatement& statement,
                                    std::vector<Relation>& out);

/// Appends that of many claims. Steps: "statements" (inconclusive: there are none), "proof points",
/// "challenges".
[[nodiscard]] Verdict form_of_many(const VerifierKey& key, std::span<const Claim> claims,
                                   const ManyProof& proof, std::vector<Relation>& out);

}  // namespace assay::kzg::internal
