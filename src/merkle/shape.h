// What a tree of a given arity and leaf count looks like: all that a verifier knows without the prover.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "assay/merkle.h"

namespace assay::merkle {

[[nodiscard]] inline bool is_arity(std::uint32_t arity) { return arity >= kMinArity && arity <= kMaxArity; }

/// What is wrong with an arity that there is not.
[[nodiscard]] Error arity_error(std::uint32_t arity);

/// How many leaves so many bytes are cut into. Errors: kOutOfRange (a leaf size of 0).
[[nodiscard]] Result<std::uint64_t> chunk_count(std::size_t bytes, std::size_t leaf_size);

/// Nodes of the level above one of `count` nodes.
[[nodiscard]] inline std::uint64_t parent_count(std::uint64_t count, std::uint32_t arity) {
  return count / arity + (count % arity != 0 ? 1 : 0);
}

/// The children first .. end - 1 that one node of the level above is made of.
struct Group {
  std::uint64_t first;
  std::uint64_t end;
};

[[nodiscard]] inline Group group_of(std::uint64_t position, std::uint64_t count, std::uint32_t arity) {
  const std::uint64_t first = position - position % arity;
  return {first, first + std::min<std::uint64_t>(arity, count - first)};
}

/// How many hashes a proof for the leaves at `positions`, which ascend, holds.
[[nodiscard]] std::uint64_t count_proof_hashes(std::vector<std::uint64_t> positions, std::uint64_t count,
                                               std::uint32_t arity);

/// The most hashes that a proof holds: 2 GiB; over it, a proof is larger than what it saves.
inline constexpr std::uint32_t kMaxProofHashes = std::uint32_t{1} << 26;

/// The node over `children`; a lone child is passed up as it is.
[[nodiscard]] inline Digest parent_hash(std::span<const Digest> children) {
  return children.size() == 1 ? children.front() : node_hash(children);
}

/// hashes[i] = leaf_hash(values[i]).
void hash_values(std::span<const ByteSpan> values, std::span<Digest> hashes);

/// The same of `values` cut into `size` bytes, the last one as long as is left.
void hash_chunks(ByteSpan values, std::size_t size, std::span<Digest> hashes);

/// The level above `children`: each parent is over `arity` of them, the last over those that are left.
void parent_hashes(std::uint32_t arity, std::span<const Digest> children, std::span<Digest> parents);

}  // namespace assay::merkle
