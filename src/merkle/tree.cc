#include <fmt/format.h>

#include <algorithm>

#include "assay/merkle.h"
#include "base/large_array.h"
#include "base/try.h"
#include "merkle/levels.h"

namespace assay::merkle {
namespace {

Error out_of_range(const char* place, std::string reason) {
  return {ErrorCode::kOutOfRange, place, std::move(reason)};
}

Status check_shape(std::uint32_t arity, std::uint64_t leaves) {
  if (!is_arity(arity)) return arity_error(arity);
  if (leaves > kMaxTreeLeaves) {
    return Error{ErrorCode::kTooLarge, "leaves",
                 fmt::format("{}, at most {} are kept", leaves, kMaxTreeLeaves)};
  }
  return {};
}

/// Hashes to be filled in, on huge pages: to touch small ones for the first time takes a good part of the
/// time that hashing takes.
std::vector<Digest> make_hashes(std::size_t count) {
  std::vector<Digest> hashes;
  hashes.reserve(count);
  wish_for_huge_pages(hashes.data(), count * sizeof(Digest));
  hashes.resize(count);
  return hashes;
}

std::vector<Digest> hashes_of_leaves(std::size_t count, const HashLeaves& hash) {
  std::vector<Digest> hashes = make_hashes(count);
  Progress progress("hash leaves", count);
  hash_leaves(hashes, hash, progress);
  return hashes;
}

// The largest power of two below n, for n > 1: where RFC 9162 splits n leaves.
std::uint64_t split_of(std::uint64_t n) {
  std::uint64_t half = 1;
  while (half < n - half) half *= 2;
  return half;
}

}  // namespace

Result<Tree> Tree::from_leaves(std::uint32_t arity, std::span<const ByteSpan> values) {
  ASSAY_TRY(check_shape(arity, values.size()));
  return Tree(arity, hashes_of_leaves(values.size(), [&](std::size_t first, std::span<Digest> hashes) {
                hash_values(values.subspan(first, hashes.size()), hashes);
              }));
}

Result<Tree> Tree::from_leaf_hashes(std::uint32_t arity, std::vector<Digest> hashes) {
  ASSAY_TRY(check_shape(arity, hashes.size()));
  return Tree(arity, std::move(hashes));
}

Result<Tree> Tree::from_chunks(std::uint32_t arity, ByteSpan values, std::size_t leaf_size) {
  const std::uint64_t count = ASSAY_TRY(chunk_count(values.size(), leaf_size));
  ASSAY_TRY(check_shape(arity, count));
  return Tree(arity, hashes_of_leaves(count, [&](std::size_t first, std::span<Digest> hashes) {
                hash_chunks(values.subspan(first * leaf_size), leaf_size, hashes);
              }));
}

Tree::Tree(std::uint32_t arity, std::vector<Digest> leaves) : arity_(arity) {
  const std::vector<std::uint64_t> sizes = level_sizes(arity, leaves.size());
  levels_.push_back(std::move(leaves));
  for (std::size_t level = 1; level < sizes.size(); ++level) levels_.push_back(make_hashes(sizes[level]));
  hash_levels(arity, std::vector<std::span<Digest>>(levels_.begin(), levels_.end()));
}

Digest Tree::root() const { return leaf_count() == 0 ? empty_root() : levels_.back().front(); }

void Tree::rebuild_path(std::uint64_t index) {
  for (std::size_t level = 0; levels_[level].size() > 1; ++level) {
    if (level + 1 == levels_.size()) levels_.emplace_back();
    const std::vector<Digest>& below = levels_[level];
    const Group group = group_of(index, below.size(), arity_);
    index /= arity_;
    levels_[level + 1].resize(parent_count(below.size(), arity_));
    levels_[level + 1][index] = parent_hash(std::span(below).subspan(group.first, group.end - group.first));
  }
}

Status Tree::append(const Digest& hash) {
  ASSAY_TRY(check_shape(arity_, leaf_count() + 1));
  levels_.front().push_back(hash);
  rebuild_path(leaf_count() - 1);
  return {};
}

Status Tree::replace(std::uint64_t index, const Digest& hash) {
  if (index >= leaf_count())
    return out_of_range("index", fmt::format("{} of {} leaves", index, leaf_count()));
  levels_.front()[index] = hash;
  rebuild_path(index);
  return {};
}

Result<InclusionProof> Tree::prove(std::uint64_t index) const {
  if (index >= leaf_count())
    return out_of_range("index", fmt::format("{} of {} leaves", index, leaf_count()));
  InclusionProof proof;
  for (const std::vector<Digest>& level : levels_) {
    const Group group = group_of(index, level.size(), arity_);
    for (std::uint64_t i = group.first; i < group.end; ++i) {
      if (i != index) proof.hashes.push_back(level[i]);
    }
    index /= arity_;
  }
  return proof;
}

Result<MultiProof> Tree::prove_many(std::span<const std::uint64_t> indices) const {
  if (indices.empty()) return out_of_range("indices", "none: at least one is needed");
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] >= leaf_count()) {
      return out_of_range("indices", fmt::format("{} of {} leaves", indices[i], leaf_count()));
    }
    if (i > 0 && indices[i] <= indices[i - 1]) {
      return out_of_range("indices",
                          fmt::format("{} after {}: they must ascend", indices[i], indices[i - 1]));
    }
  }
  const std::uint64_t size = count_proof_hashes({indices.begin(), indices.end()}, leaf_count(), arity_);
  if (size > kMaxProofHashes) {
    return Error{ErrorCode::kTooLarge, "indices",
                 fmt::format("their proof has {} hashes, at most {} are possible", size, kMaxProofHashes)};
  }
  MultiProof proof;
  proof.hashes.reserve(size);
  std::vector<std::uint64_t> known(indices.begin(), indices.end());
  for (const std::vector<Digest>& level : levels_) {
    std::vector<std::uint64_t> parents;
    for (std::size_t at = 0; at < known.size();) {
      const Group group = group_of(known[at], level.size(), arity_);
      for (std::uint64_t i = group.first; i < group.end; ++i) {
        if (at < known.size() && known[at] == i) {
          ++at;
        } else {
          proof.hashes.push_back(level[i]);
        }
      }
      parents.push_back(group.first / arity_);
    }
    known = std::move(parents);
  }
  return proof;
}

Result<ConsistencyProof> Tree::prove_consistency(std::uint64_t old_count) const {
  if (arity_ != 2) {
    return Error{ErrorCode::kUnsupported, "arity",
                 fmt::format("{}: consistency is proved for arity 2 only", arity_)};
  }
  if (old_count == 0 || old_count > leaf_count()) {
    return out_of_range("old leaf count", fmt::format("{} of {} leaves", old_count, leaf_count()));
  }
  // RFC 9162, section 2.1.4.1, with `first` for where the part of the tree that is looked at begins: in a
  // complete or last part of 2^level leaves or fewer, the hash of all of it is a node that the tree has.
  const auto hash_of = [&](std::uint64_t first, std::uint64_t count) {
    std::size_t level = 0;
    while ((std::uint64_t{1} << level) < count) ++level;
    return levels_[level][first >> level];
  };
  ConsistencyProof proof;
  std::uint64_t first = 0;
  std::uint64_t count = leaf_count();
  std::uint64_t old = old_count;
  bool whole = true;  // the old tree is one part of this one, whose hash the verifier has
  while (old != count) {
    const std::uint64_t half = split_of(count);
    if (old <= half) {
      proof.hashes.push_back(hash_of(first + half, count - half));
      count = half;
    } else {
      proof.hashes.push_back(hash_of(first, half));
      first += half;
      old -= half;
      count -= half;
      whole = false;
    }
  }
  if (!whole) proof.hashes.push_back(hash_of(first, count));
  std::reverse(proof.hashes.begin(), proof.hashes.end());
  return proof;
}

}  // namespace assay::merkle
