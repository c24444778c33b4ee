#include <fmt/format.h>

#include <algorithm>

#include "assay/merkle.h"
#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "merkle/shape.h"

namespace assay::merkle {
namespace {

constexpr std::size_t kHashesPerRange = 256;  // fewer are not worth a thread

Error out_of_range(const char* place, std::string reason) {
  return {ErrorCode::kOutOfRange, place, std::move(reason)};
}

Status check_shape(std::uint32_t arity, std::uint64_t leaves) {
  if (!is_arity(arity)) {
    return out_of_range("arity", fmt::format("{}, {} to {} are possible", arity, kMinArity, kMaxArity));
  }
  if (leaves > kMaxTreeLeaves) {
    return Error{ErrorCode::kTooLarge, "leaves",
                 fmt::format("{}, at most {} are kept", leaves, kMaxTreeLeaves)};
  }
  return {};
}

std::vector<Digest> level_above(const std::vector<Digest>& level, std::uint32_t arity, Progress& progress) {
  std::vector<Digest> above(parent_count(level.size(), arity));
  parallel_for(0, above.size(), kHashesPerRange, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const Group group = group_of(i * arity, level.size(), arity);
      above[i] = parent_hash(std::span(level).subspan(group.first, group.end - group.first));
    }
    progress.advance(last - first);
  });
  return above;
}

template <class ValueAt>
std::vector<Digest> hash_leaves(std::size_t count, const ValueAt& value_at) {
  std::vector<Digest> hashes(count);
  Progress progress("hash leaves", count);
  parallel_for(0, count, kHashesPerRange, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) hashes[i] = leaf_hash(value_at(i));
    progress.advance(last - first);
  });
  return hashes;
}

std::uint64_t count_inner_nodes(std::uint64_t leaves, std::uint32_t arity) {
  std::uint64_t nodes = 0;
  for (std::uint64_t count = leaves; count > 1;) nodes += count = parent_count(count, arity);
  return nodes;
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
  return Tree(arity, hash_leaves(values.size(), [&](std::size_t i) { return values[i]; }));
}

Result<Tree> Tree::from_leaf_hashes(std::uint32_t arity, std::vector<Digest> hashes) {
  ASSAY_TRY(check_shape(arity, hashes.size()));
  return Tree(arity, std::move(hashes));
}

Result<Tree> Tree::from_chunks(std::uint32_t arity, ByteSpan values, std::size_t leaf_size) {
  if (leaf_size == 0) return out_of_range("leaf size", "0 bytes, at least 1 is needed");
  const std::size_t count = values.size() / leaf_size + (values.size() % leaf_size != 0 ? 1 : 0);
  ASSAY_TRY(check_shape(arity, count));
  return Tree(arity, hash_leaves(count, [&](std::size_t i) {
                const ByteSpan rest = values.subspan(i * leaf_size);
                return rest.first(std::min(leaf_size, rest.size()));
              }));
}

Tree::Tree(std::uint32_t arity, std::vector<Digest> leaves) : arity_(arity) {
  Progress progress("hash tree", count_inner_nodes(leaves.size(), arity));
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) levels_.push_back(level_above(levels_.back(), arity, progress));
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
  MultiProof proof;
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
