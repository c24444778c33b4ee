// How the levels of a tree are hashed: many strings at once, on all threads, in parts that stay in a cache.
#pragma once

#include <functional>

#include "base/threads.h"
#include "merkle/shape.h"

namespace assay::merkle {

/// Fills in the hashes of some leaves from the one with number `first` on.
using HashLeaves = std::function<void(std::size_t first, std::span<Digest> hashes)>;

/// Calls `hash` for ranges of the leaves, on all threads; `hashes` has one for each of them.
void hash_leaves(std::span<Digest> hashes, const HashLeaves& hash, Progress& progress);

/// Fills in all levels but the first, which is there.
void hash_levels(std::uint32_t arity, std::span<const std::span<Digest>> levels);

/// What is hashed at a time: subtrees that lie side by side, all of one height and without a gap.
struct Part {
  std::size_t subtrees;  // so many of them that nodes of each level can be hashed side by side
  std::size_t leaves;    // of each
  std::size_t height;    // leaves = arity^height

  [[nodiscard]] std::size_t size() const { return subtrees * leaves; }
};
[[nodiscard]] Part part_of(std::uint32_t arity);

/// The roots of consecutive subtrees as part_of(arity) has them, on all threads: `hashes` has roots.size()
/// times their leaves.
void hash_subtrees(std::uint32_t arity, std::span<const Digest> hashes, std::span<Digest> roots);

}  // namespace assay::merkle
