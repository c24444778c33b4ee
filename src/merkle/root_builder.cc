#include "base/check.h"
#include "base/large_array.h"
#include "base/try.h"
#include "merkle/levels.h"

namespace assay::merkle {
namespace {

// Leaves whose hashes are held at a time while many are added: 8 MiB, unless one subtree has more.
constexpr std::size_t kMostAtOnce = std::size_t{1} << 18;

std::size_t leaves_at_once(std::uint32_t arity) {
  const std::size_t part = part_of(arity).size();
  return part * std::max<std::size_t>(kMostAtOnce / part, 1);
}

}  // namespace

Result<RootBuilder> RootBuilder::create(std::uint32_t arity) {
  if (!is_arity(arity)) return arity_error(arity);
  return RootBuilder(arity);
}

void RootBuilder::add_leaf_hash(const Digest& hash) {
  ASSAY_CHECK_LT(leaf_count_, kMaxLeafCount);
  ++leaf_count_;
  add_node(0, hash);
}

/// Puts a node at the end of its level, below which no node is open.
void RootBuilder::add_node(std::size_t level, const Digest& hash) {
  Digest carried = hash;
  for (;; ++level) {
    if (level >= open_.size()) open_.resize(level + 1);
    open_[level].push_back(carried);
    if (open_[level].size() < arity_) return;
    carried = node_hash(open_[level]);
    open_[level].clear();
  }
}

void RootBuilder::add_leaf_hashes(std::span<const Digest> hashes) {
  ASSAY_CHECK_LE(hashes.size(), kMaxLeafCount - leaf_count_);
  const Part part = part_of(arity_);
  while (!hashes.empty() && leaf_count_ % part.leaves != 0) {
    add_leaf_hash(hashes.front());
    hashes = hashes.subspan(1);
  }
  const std::size_t at_once = leaves_at_once(arity_) / part.leaves;
  LargeArray<Digest> roots(std::min(at_once, hashes.size() / part.leaves));
  while (hashes.size() >= part.leaves) {
    const std::span<Digest> some = roots.span().first(std::min(at_once, hashes.size() / part.leaves));
    hash_subtrees(arity_, hashes.first(some.size() * part.leaves), some);
    for (const Digest& root : some) add_node(part.height, root);
    leaf_count_ += some.size() * part.leaves;
    hashes = hashes.subspan(some.size() * part.leaves);
  }
  for (const Digest& hash : hashes) add_leaf_hash(hash);
}

Status RootBuilder::add_chunks(ByteSpan values, std::size_t leaf_size) {
  const std::uint64_t count = ASSAY_TRY(chunk_count(values.size(), leaf_size));
  if (count > kMaxLeafCount - leaf_count_)
    return Error{ErrorCode::kTooLarge, "leaves", "more than 2^62 of them"};
  Progress progress("hash leaves", count);
  LargeArray<Digest> hashes(std::min<std::uint64_t>(count, leaves_at_once(arity_)));
  for (std::uint64_t done = 0; done < count;) {
    const std::span<Digest> some = hashes.span().first(std::min<std::uint64_t>(hashes.size(), count - done));
    const ByteSpan rest = values.subspan(done * leaf_size);
    hash_leaves(
        some,
        [&](std::size_t first, std::span<Digest> range) {
          hash_chunks(rest.subspan(first * leaf_size), leaf_size, range);
        },
        progress);
    add_leaf_hashes(some);
    done += some.size();
  }
  return {};
}

Digest RootBuilder::root() const {
  if (leaf_count_ == 0) return empty_root();
  // From the leaves up, the unfinished node of each level is closed over what came up from below it.
  std::vector<Digest> carried;
  for (const std::vector<Digest>& level : open_) {
    std::vector<Digest> children = level;
    children.insert(children.end(), carried.begin(), carried.end());
    carried.clear();
    if (!children.empty()) carried.push_back(parent_hash(children));
  }
  return carried.front();
}

}  // namespace assay::merkle
