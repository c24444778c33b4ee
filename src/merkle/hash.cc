#include "base/check.h"
#include "base/sha256.h"
#include "merkle/shape.h"

namespace assay::merkle {
namespace {

constexpr std::uint8_t kLeafTag[] = {0};
constexpr std::uint8_t kNodeTag[] = {1};
constexpr std::uint8_t kSizedTag[] = {2};

ByteSpan bytes_of(std::span<const Digest> digests) {
  return {reinterpret_cast<const std::uint8_t*>(digests.data()), digests.size_bytes()};
}

}  // namespace

Digest leaf_hash(ByteSpan value) { return Sha256().update(kLeafTag).update(value).digest(); }

Digest node_hash(std::span<const Digest> children) {
  ASSAY_CHECK(children.size() >= 2 && children.size() <= kMaxArity, children.size());
  return Sha256().update(kNodeTag).update(bytes_of(children)).digest();
}

void hash_values(std::span<const ByteSpan> values, std::span<Digest> hashes) {
  sha256_many(kLeafTag, values, hashes);
}

void hash_chunks(ByteSpan values, std::size_t size, std::span<Digest> hashes) {
  const std::size_t whole = std::min(hashes.size(), values.size() / size);
  sha256_rows(kLeafTag, values.first(whole * size), size, hashes.first(whole));
  if (whole < hashes.size()) hashes[whole] = leaf_hash(values.subspan(whole * size));
}

void parent_hashes(std::uint32_t arity, std::span<const Digest> children, std::span<Digest> parents) {
  ASSAY_CHECK_EQ(parents.size(), parent_count(children.size(), arity));
  const std::size_t whole = children.size() / arity;
  sha256_rows(kNodeTag, bytes_of(children.first(whole * arity)), arity * sizeof(Digest),
              parents.first(whole));
  if (whole < parents.size()) parents[whole] = parent_hash(children.subspan(whole * arity));
}

Digest empty_root() { return sha256({}); }

Digest sized_root(std::uint32_t arity, std::uint64_t leaf_count, const Digest& root) {
  return Sha256().update(kSizedTag).update_u64(arity).update_u64(leaf_count).update(root).digest();
}

}  // namespace assay::merkle
