#include <fmt/format.h>

#include "base/check.h"
#include "merkle/shape.h"

namespace assay::merkle {

Result<RootBuilder> RootBuilder::create(std::uint32_t arity) {
  if (!is_arity(arity)) {
    return Error{ErrorCode::kOutOfRange, "arity",
                 fmt::format("{}, {} to {} are possible", arity, kMinArity, kMaxArity)};
  }
  return RootBuilder(arity);
}

void RootBuilder::add_leaf_hash(const Digest& hash) {
  ASSAY_CHECK_LT(leaf_count_, kMaxLeafCount);
  ++leaf_count_;
  Digest carried = hash;
  for (std::size_t level = 0;; ++level) {
    if (level == open_.size()) open_.emplace_back();
    open_[level].push_back(carried);
    if (open_[level].size() < arity_) return;
    carried = node_hash(open_[level]);
    open_[level].clear();
  }
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
