// What a tree holds.
#pragma once

#include <optional>

#include "assay/tree_prover.h"
#include "tree/nodes.h"
#include "tree/store.h"

namespace assay::tree {

struct Tree::State {
  State(Root public_part, Setup made_with, bool can_prove, internal::Store kept)
      : root(std::move(public_part)),
        setup(std::move(made_with)),
        provable(can_prove),
        nodes(root.config, setup.state()),
        store(std::move(kept)) {}

  Root root;
  Setup setup;
  bool provable;  ///< whether the setup is there that the tree takes
  internal::Nodes nodes;
  internal::Store store;

  [[nodiscard]] const internal::Records& records() const { return nodes.records(); }
  /// What a record holds before its checksum. Errors: kMalformed (the checksum is another).
  [[nodiscard]] Result<ByteSpan> content(unsigned height, std::uint64_t position) const;
  /// Errors: kMismatch (no setup).
  [[nodiscard]] Status need_setup() const;
};

namespace internal {

/// The body of a proof of a Merkle tree, and of one of points.
[[nodiscard]] Result<Bytes> prove_hashes(const Tree::State& tree, std::span<const std::uint64_t> indices);
[[nodiscard]] Result<Bytes> prove_points(const Tree::State& tree, std::span<const std::uint64_t> indices,
                                         bool aggregated);

}  // namespace internal
}  // namespace assay::tree
