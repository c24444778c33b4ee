// Merkle trees over SHA-256: of arity 2 the trees of RFC 9162, of arity up to 65,536 the same idea with wider
// nodes.
//
// What a proof must look like follows from (arity, leaf count, index); a verifier brings all three, and the
// root, and takes only hashes from the proof. A bare root does not bind the leaf count: publish it too, or
// sized_root().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assay/base.h"

namespace assay::merkle {

inline constexpr std::uint32_t kMinArity = 2;
inline constexpr std::uint32_t kMaxArity = 65536;

/// A tree in memory has at most this many leaves; sizes that a verifier is given may be up to kMaxLeafCount.
inline constexpr std::uint64_t kMaxTreeLeaves = std::uint64_t{1} << 28;
inline constexpr std::uint64_t kMaxLeafCount = std::uint64_t{1} << 62;

/// SHA-256(00 || value).
[[nodiscard]] Digest leaf_hash(ByteSpan value);

/// SHA-256(01 || child_1 || .. || child_m), 2 <= m <= kMaxArity.
[[nodiscard]] Digest node_hash(std::span<const Digest> children);

/// SHA-256 of nothing: the root of the tree without leaves.
[[nodiscard]] Digest empty_root();

/// SHA-256(02 || LE64 arity || LE64 leaf count || root): one digest that binds the shape too.
[[nodiscard]] Digest sized_root(std::uint32_t arity, std::uint64_t leaf_count, const Digest& root);

/// The hashes beside one leaf's path, level by level from the leaf up and from left to right within a node.
struct InclusionProof {
  std::vector<Digest> hashes;

  /// "assay/merkle/inclusion/v1" || LE32 count || hashes.
  [[nodiscard]] Bytes to_bytes() const;
  static Result<InclusionProof> from_bytes(ByteSpan bytes, std::string_view place);
  friend bool operator==(const InclusionProof&, const InclusionProof&) = default;
};

/// The hashes that cannot be derived from a set of leaves, in the order of (level, position).
struct MultiProof {
  std::vector<Digest> hashes;

  /// "assay/merkle/multi/v1" || LE32 count || hashes.
  [[nodiscard]] Bytes to_bytes() const;
  static Result<MultiProof> from_bytes(ByteSpan bytes, std::string_view place);
  friend bool operator==(const MultiProof&, const MultiProof&) = default;
};

/// The hashes that show one tree to be the beginning of another (RFC 9162, section 2.1.4).
struct ConsistencyProof {
  std::vector<Digest> hashes;

  /// "assay/merkle/consistency/v1" || LE32 count || hashes.
  [[nodiscard]] Bytes to_bytes() const;
  static Result<ConsistencyProof> from_bytes(ByteSpan bytes, std::string_view place);
  friend bool operator==(const ConsistencyProof&, const ConsistencyProof&) = default;
};

/// How many hashes the levels of a tree have, leaves first: one level without leaves, which is empty. `arity`
/// is one that there is.
[[nodiscard]] std::vector<std::uint64_t> level_sizes(std::uint32_t arity, std::uint64_t leaf_count);

/// Fills in a tree that lies in the caller's memory, such as a mapped file: levels[i] has level_sizes()[i]
/// hashes. Its leaves are `values` cut into `leaf_size` bytes, the last one as long as is left. On all
/// threads. Errors: kOutOfRange (arity, a leaf size of 0), kMismatch (other levels than these leaves have).
[[nodiscard]] Status hash_chunks_into(std::uint32_t arity, ByteSpan values, std::size_t leaf_size,
                                      std::span<const std::span<Digest>> levels);

/// The same of a tree whose leaf hashes levels[0] holds already. Errors: kOutOfRange (arity), kMismatch
/// (other levels than so many leaves have).
[[nodiscard]] Status hash_levels_above(std::uint32_t arity, std::span<const std::span<Digest>> levels);

/// A tree with all its nodes in memory: 32 bytes times leaves times arity / (arity - 1).
class Tree {
 public:
  /// Errors: kOutOfRange (arity), kTooLarge (leaves).
  static Result<Tree> from_leaves(std::uint32_t arity, std::span<const ByteSpan> values);

  /// From what leaf_hash() gave. Errors: kOutOfRange (arity), kTooLarge (leaves).
  static Result<Tree> from_leaf_hashes(std::uint32_t arity, std::vector<Digest> hashes);

  /// `values` cut into leaves of `leaf_size` bytes, the last one as long as is left; none for no bytes.
  /// Errors: kOutOfRange (arity, a leaf size of 0), kTooLarge (leaves).
  static Result<Tree> from_chunks(std::uint32_t arity, ByteSpan values, std::size_t leaf_size);

  [[nodiscard]] std::uint32_t arity() const { return arity_; }
  [[nodiscard]] std::uint64_t leaf_count() const { return levels_.front().size(); }
  [[nodiscard]] Digest root() const;
  [[nodiscard]] std::span<const Digest> leaf_hashes() const { return levels_.front(); }

  /// Adds a leaf at the end; arity * log(leaves) hashes. Errors: kTooLarge.
  [[nodiscard]] Status append(const Digest& hash);

  /// Puts another leaf in place of one. Errors: kOutOfRange.
  [[nodiscard]] Status replace(std::uint64_t index, const Digest& hash);

  /// Errors: kOutOfRange (index).
  [[nodiscard]] Result<InclusionProof> prove(std::uint64_t index) const;

  /// `indices` ascend and none stands twice. Errors: kOutOfRange (none, not ascending, or beyond the end),
  /// kTooLarge (more hashes than a proof holds, 2^26).
  [[nodiscard]] Result<MultiProof> prove_many(std::span<const std::uint64_t> indices) const;

  /// That the tree of the first `old_count` leaves is the beginning of this one. Errors: kUnsupported (arity
  /// other than 2), kOutOfRange (old_count 0 or above leaf_count()).
  [[nodiscard]] Result<ConsistencyProof> prove_consistency(std::uint64_t old_count) const;

 private:
  Tree(std::uint32_t arity, std::vector<Digest> leaves);
  void rebuild_path(std::uint64_t index);

  std::uint32_t arity_;
  std::vector<std::vector<Digest>>
      levels_;  // leaves first; the last level has one node, or none without leaves
};

/// The root of more leaves than fit the memory: keeps arity * log(leaves) hashes. What is added many at a
/// time is hashed side by side, on all threads, with about 10 MiB beside it.
class RootBuilder {
 public:
  /// Errors: kOutOfRange (arity).
  static Result<RootBuilder> create(std::uint32_t arity);

  void add_leaf(ByteSpan value) { add_leaf_hash(leaf_hash(value)); }
  void add_leaf_hash(const Digest& hash);
  void add_leaf_hashes(std::span<const Digest> hashes);

  /// `values` cut into leaves of `leaf_size` bytes, the last one as long as is left. Errors: kOutOfRange (a
  /// leaf size of 0), kTooLarge (more than kMaxLeafCount leaves): then none is added.
  [[nodiscard]] Status add_chunks(ByteSpan values, std::size_t leaf_size);

  [[nodiscard]] std::uint64_t leaf_count() const { return leaf_count_; }

  /// The root of the leaves so far; more may follow.
  [[nodiscard]] Digest root() const;

 private:
  explicit RootBuilder(std::uint32_t arity) : arity_(arity) {}
  void add_node(std::size_t level, const Digest& hash);

  std::uint32_t arity_;
  std::uint64_t leaf_count_ = 0;
  std::vector<std::vector<Digest>> open_;  // per level, the hashes of the node that is not full yet
};

/// Whether the leaf with hash `leaf` stands at `index` of the tree. Compute the hash from the value with
/// leaf_hash(): one that the prover names says nothing about a value. Steps: "tree shape", "index", "proof
/// length", "root".
[[nodiscard]] Verdict verify_inclusion(const Digest& root, std::uint32_t arity, std::uint64_t leaf_count,
                                       std::uint64_t index, const Digest& leaf, const InclusionProof& proof);

/// Whether leaves[i] stands at indices[i], for all i; the indices ascend. Steps: as above, and "leaves".
[[nodiscard]] Verdict verify_many(const Digest& root, std::uint32_t arity, std::uint64_t leaf_count,
                                  std::span<const std::uint64_t> indices, std::span<const Digest> leaves,
                                  const MultiProof& proof);

/// Whether the tree of `old_count` leaves is the beginning of that of `new_count`; arity 2, 1 <= old_count <=
/// new_count. Steps: "tree shape", "proof length", "old root", "new root".
[[nodiscard]] Verdict verify_consistency(const Digest& old_root, std::uint64_t old_count,
                                         const Digest& new_root, std::uint64_t new_count,
                                         const ConsistencyProof& proof);

}  // namespace assay::merkle
