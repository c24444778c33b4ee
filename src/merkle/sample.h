// Leaves for the tests, and the trees of the definitions: slow, recursive, independent of the room's code.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/merkle.h"
#include "base/sha256.h"

namespace assay::merkle {

inline std::vector<Digest> sample_leaves(std::size_t count) {
  std::vector<Digest> leaves;
  for (std::size_t i = 0; i < count; ++i) leaves.push_back(Sha256().update_u32(0).update_u64(i).digest());
  return leaves;
}

inline Tree sample_tree(std::uint32_t arity, std::size_t count) {
  return Tree::from_leaf_hashes(arity, sample_leaves(count)).value();
}

/// The root by its definition from above: the largest power of the arity below the count is what each child
/// but the last one holds. For arity 2 that is RFC 9162, section 2.1.1.
inline Digest defined_root(std::uint32_t arity, std::span<const Digest> leaves) {
  if (leaves.size() == 1) return leaves.front();
  std::size_t part = 1;
  while (part * arity < leaves.size()) part *= arity;
  const std::uint8_t tag[] = {1};
  Sha256 hash;
  hash.update(tag);
  for (; !leaves.empty(); leaves = leaves.subspan(std::min(part, leaves.size()))) {
    hash.update(defined_root(arity, leaves.first(std::min(part, leaves.size()))));
  }
  return hash.digest();
}

}  // namespace assay::merkle
