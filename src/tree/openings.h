// What the openings of a proof claim, as prover and verifier see it.
#pragma once

#include <span>
#include <vector>

#include "assay/tree.h"
#include "tree/shape.h"

namespace assay::tree::internal {

/// What names the claims of an aggregated proof: the public part, the indices and the values that are
/// claimed, as children of their nodes.
[[nodiscard]] Digest name_of_claims(const Digest& tree, std::span<const std::uint64_t> indices,
                                    std::span<const Scalar> values);

/// The children's points of Verkle nodes.
[[nodiscard]] RootDomain domain_of(const Config& config);

/// The claims of an aggregated proof. `commitments` are of the nodes on the way, `values` of their opened
/// children, all in the order of the way.
[[nodiscard]] std::vector<kzg::Claim> claims_of(const Config& config, std::span<const Opened> way,
                                                std::span<const G1Affine> commitments,
                                                std::span<const Scalar> values, const Digest& name);

}  // namespace assay::tree::internal
