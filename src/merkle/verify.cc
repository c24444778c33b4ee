#include <fmt/format.h>

#include <bit>

#include "base/check.h"
#include "merkle/shape.h"

namespace assay::merkle {
namespace {

Verdict rejected(const char* step, std::string reason) { return Verdict::rejected(step, std::move(reason)); }

// A leaf count that no tree has, an arity that is none: nothing in such a tree is included.
std::string fault_of_shape(std::uint32_t arity, std::uint64_t leaf_count) {
  if (!is_arity(arity)) return arity_error(arity).to_string();
  if (leaf_count > kMaxLeafCount)
    return fmt::format("{} leaves, at most {} are possible", leaf_count, kMaxLeafCount);
  return {};
}

Verdict compare_length(std::size_t length, std::uint64_t expected) {
  if (length == expected) return Verdict::accepted();
  return rejected("proof length", fmt::format("{} hashes, a tree of this shape takes {}", length, expected));
}

Verdict compare_root(const Digest& computed, const Digest& root, const char* step) {
  if (computed == root) return Verdict::accepted();
  return rejected(step, fmt::format("the proof leads to {}, not to {}", to_hex(computed), to_hex(root)));
}

struct Known {
  std::uint64_t position;
  Digest hash;
};

// The proof of one leaf is that of a set of one: level by level, the siblings from left to right.
Verdict verify_set(const Digest& root, std::uint32_t arity, std::uint64_t leaf_count,
                   std::span<const std::uint64_t> indices, std::span<const Digest> leaves,
                   std::span<const Digest> proof) {
  if (std::string fault = fault_of_shape(arity, leaf_count); !fault.empty()) {
    return rejected("tree shape", std::move(fault));
  }
  if (indices.empty() || indices.size() != leaves.size()) {
    return rejected("leaves", fmt::format("{} leaves for {} indices", leaves.size(), indices.size()));
  }
  std::vector<Known> known;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] >= leaf_count)
      return rejected("index", fmt::format("{} of {} leaves", indices[i], leaf_count));
    if (i > 0 && indices[i] <= indices[i - 1]) {
      return rejected("index", fmt::format("{} after {}: they must ascend", indices[i], indices[i - 1]));
    }
    known.push_back({indices[i], leaves[i]});
  }
  // Counted before anything is hashed, so that a proof of a wrong length costs nothing.
  Verdict length =
      compare_length(proof.size(), count_proof_hashes({indices.begin(), indices.end()}, leaf_count, arity));
  if (!length.ok()) return length;

  // Level by level: all children that are known or in the proof, then all their parents at once.
  auto next = proof.begin();
  for (std::uint64_t count = leaf_count; count > 1; count = parent_count(count, arity)) {
    std::vector<Digest> children;
    std::vector<Group> groups;
    for (std::size_t at = 0; at < known.size();) {
      groups.push_back(group_of(known[at].position, count, arity));
      for (std::uint64_t i = groups.back().first; i < groups.back().end; ++i) {
        const bool has = at < known.size() && known[at].position == i;
        children.push_back(has ? known[at++].hash : *next++);
      }
    }
    // Only the last group of a level has fewer than `arity`, so they lie as those of a whole level do.
    std::vector<Digest> parents(groups.size());
    parent_hashes(arity, children, parents);
    known.clear();
    for (std::size_t i = 0; i < groups.size(); ++i) known.push_back({groups[i].first / arity, parents[i]});
  }
  ASSAY_CHECK_EQ(proof.end() - next, 0);
  return compare_root(known.front().hash, root, "root");
}

}  // namespace

Verdict verify_inclusion(const Digest& root, std::uint32_t arity, std::uint64_t leaf_count,
                         std::uint64_t index, const Digest& leaf, const InclusionProof& proof) {
  return verify_set(root, arity, leaf_count, std::span(&index, 1), std::span(&leaf, 1), proof.hashes);
}

Verdict verify_many(const Digest& root, std::uint32_t arity, std::uint64_t leaf_count,
                    std::span<const std::uint64_t> indices, std::span<const Digest> leaves,
                    const MultiProof& proof) {
  return verify_set(root, arity, leaf_count, indices, leaves, proof.hashes);
}

// RFC 9162, section 2.1.4.2, with the length of the proof found beforehand.
Verdict verify_consistency(const Digest& old_root, std::uint64_t old_count, const Digest& new_root,
                           std::uint64_t new_count, const ConsistencyProof& proof) {
  if (new_count > kMaxLeafCount || old_count == 0 || old_count > new_count) {
    return rejected("tree shape", fmt::format("{} of {} leaves", old_count, new_count));
  }
  if (old_count == new_count) {
    Verdict length = compare_length(proof.hashes.size(), 0);
    return length.ok() ? compare_root(old_root, new_root, "new root") : length;
  }
  // The paths of the last old leaf, in the old tree and in the new one, above the largest whole part that
  // both share.
  const int shared = std::countr_one(old_count - 1);
  std::uint64_t old_position = (old_count - 1) >> shared;
  std::uint64_t new_position = (new_count - 1) >> shared;
  const bool whole = old_position == 0;  // the old tree is that part
  std::uint64_t expected = whole ? 0 : 1;
  for (std::uint64_t o = old_position, n = new_position; n > 0; o >>= 1, n >>= 1) {
    expected += (o & 1) == 1 || o < n ? 1 : 0;
  }
  Verdict length = compare_length(proof.hashes.size(), expected);
  if (!length.ok()) return length;

  auto next = proof.hashes.begin();
  Digest old_hash = whole ? old_root : *next++;
  Digest new_hash = old_hash;
  for (; new_position > 0; old_position >>= 1, new_position >>= 1) {
    if ((old_position & 1) == 1) {
      const Digest left = *next++;
      old_hash = node_hash(std::array{left, old_hash});
      new_hash = node_hash(std::array{left, new_hash});
    } else if (old_position < new_position) {
      new_hash = node_hash(std::array{new_hash, *next++});
    }
  }
  ASSAY_CHECK_EQ(proof.hashes.end() - next, 0);
  Verdict of_old = compare_root(old_hash, old_root, "old root");
  return of_old.ok() ? compare_root(new_hash, new_root, "new root") : of_old;
}

}  // namespace assay::merkle
