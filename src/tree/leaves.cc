#include "tree/leaves.h"

#include <fmt/format.h>

#include <array>
#include <type_traits>

#include "base/threads.h"

namespace assay::tree {

Leaves Leaves::subview(std::size_t first, std::size_t count) const {
  return visit([&](const auto& leaves) { return Leaves(leaves.subspan(first, count)); });
}

namespace internal {
namespace {

bool is_below_modulus(const Scalar& scalar) {
  for (std::size_t i = scalar.words.size(); i-- > 0;)
    if (scalar.words[i] != kScalarModulus[i]) return scalar.words[i] < kScalarModulus[i];
  return false;
}

Digest hash_of(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return merkle::leaf_hash(bytes);
}
Digest hash_of(std::int64_t value) { return hash_of(static_cast<std::uint64_t>(value)); }
Digest hash_of(const Scalar& value) { return merkle::leaf_hash(value.to_bytes()); }
Digest hash_of(ByteSpan value) { return merkle::leaf_hash(value); }

}  // namespace

std::string fault_of_leaves(const Leaves& leaves, LeafKind kind) {
  if (leaves.kind() != kind)
    return fmt::format("leaves of kind {} where the tree has {}", to_string(leaves.kind()), to_string(kind));
  return leaves.visit([](const auto& values) -> std::string {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(values[0])>, Scalar>) {
      for (std::size_t i = 0; i < values.size(); ++i)
        if (!is_below_modulus(values[i])) return fmt::format("leaf {} is not below r", i);
    }
    return {};
  });
}

std::vector<Digest> leaf_hashes(const Leaves& leaves) {
  std::vector<Digest> out(leaves.size());
  leaves.visit([&](const auto& values) {
    parallel_for(0, out.size(), 256, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) out[i] = hash_of(values[i]);
    });
  });
  return out;
}

}  // namespace internal
}  // namespace assay::tree
