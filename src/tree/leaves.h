// Leaves in the form in which trees hash and keep them.
#pragma once

#include <string>

#include "assay/tree.h"

namespace assay::tree::internal {

/// What is wrong with leaves for a tree of this kind of leaf, or nothing: another kind, or an element that is
/// not below r.
[[nodiscard]] std::string fault_of_leaves(const Leaves& leaves, LeafKind kind);

/// Hashes of the leaves of a Merkle tree: SHA-256(00 || value).
[[nodiscard]] std::vector<Digest> leaf_hashes(const Leaves& leaves);

}  // namespace assay::tree::internal
