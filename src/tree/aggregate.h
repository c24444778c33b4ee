// One proof of 64 bytes for all openings of a Verkle tree's nodes.
#pragma once

#include <span>
#include <vector>

#include "tree/shape.h"
#include "tree/tree_state.h"

namespace assay::tree::internal {

/// What kzg::open_many() gives for the opened children of the nodes on the way, by the tree's own table.
/// `commitments` and `values` are of the nodes on the way. Errors: kTooLarge (memory).
[[nodiscard]] Result<kzg::ManyProof> open_together(const Tree::State& tree,
                                                   std::span<const std::uint64_t> indices,
                                                   std::span<const Opened> way,
                                                   std::span<const G1Affine> commitments,
                                                   std::span<const std::vector<Fr>> values);

}  // namespace assay::tree::internal
