#include "base/check.h"
#include "base/sha256.h"
#include "merkle/shape.h"

namespace assay::merkle {
namespace {

constexpr std::uint8_t kLeafTag[] = {0};
constexpr std::uint8_t kNodeTag[] = {1};
constexpr std::uint8_t kSizedTag[] = {2};

}  // namespace

Digest leaf_hash(ByteSpan value) { return Sha256().update(kLeafTag).update(value).digest(); }

Digest node_hash(std::span<const Digest> children) {
  ASSAY_CHECK(children.size() >= 2 && children.size() <= kMaxArity, children.size());
  const ByteSpan bytes(children.front().data(), sizeof(Digest) * children.size());
  return Sha256().update(kNodeTag).update(bytes).digest();
}

Digest empty_root() { return sha256({}); }

Digest sized_root(std::uint32_t arity, std::uint64_t leaf_count, const Digest& root) {
  return Sha256().update(kSizedTag).update_u64(arity).update_u64(leaf_count).update(root).digest();
}

}  // namespace assay::merkle
