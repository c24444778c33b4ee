#include "merkle/shape.h"

#include <fmt/format.h>

namespace assay::merkle {

Error arity_error(std::uint32_t arity) {
  return {ErrorCode::kOutOfRange, "arity",
          fmt::format("{}, {} to {} are possible", arity, kMinArity, kMaxArity)};
}

Result<std::uint64_t> chunk_count(std::size_t bytes, std::size_t leaf_size) {
  if (leaf_size == 0) return Error{ErrorCode::kOutOfRange, "leaf size", "0 bytes, at least 1 is needed"};
  return bytes / leaf_size + (bytes % leaf_size != 0 ? 1 : 0);
}

std::uint64_t count_proof_hashes(std::vector<std::uint64_t> positions, std::uint64_t count,
                                 std::uint32_t arity) {
  std::uint64_t hashes = 0;
  for (; count > 1; count = parent_count(count, arity)) {
    std::vector<std::uint64_t> parents;
    for (const std::uint64_t position : positions) {
      const Group group = group_of(position, count, arity);
      if (parents.empty() || parents.back() != group.first / arity) {
        parents.push_back(group.first / arity);
        hashes += group.end - group.first;
      }
      --hashes;
    }
    positions = std::move(parents);
  }
  return hashes;
}

}  // namespace assay::merkle
