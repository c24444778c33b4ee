#include "merkle/levels.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/try.h"

namespace assay::merkle {
namespace {

constexpr std::size_t kLeavesPerRange = 256;  // fewer are not worth a thread

// Levels are hashed several at a time over parts of the tree: at most so many hashes that they stay in a
// cache of 1 MiB, and on each level at least so many as are hashed side by side. Of wide nodes a part has
// fewer; a single one of 65,536 children takes 2 MiB.
constexpr std::size_t kMostInPart = 8192;
constexpr std::size_t kFewestInPart = 32;
constexpr std::size_t kMostInWidePart = 65536;

Status check_levels(std::uint32_t arity, std::uint64_t leaves, std::span<const std::span<Digest>> levels) {
  if (!is_arity(arity)) return arity_error(arity);
  const std::vector<std::uint64_t> sizes = level_sizes(arity, leaves);
  const auto differ = [](const std::span<Digest>& level, std::uint64_t size) { return level.size() != size; };
  bool same = sizes.size() == levels.size();
  for (std::size_t i = 0; i < sizes.size() && same; ++i) same = !differ(levels[i], sizes[i]);
  if (same) return {};
  return Error{ErrorCode::kMismatch, "levels",
               fmt::format("not those of a tree of arity {} with {} leaves", arity, leaves)};
}

std::uint64_t count_inner_nodes(std::span<const std::span<Digest>> levels) {
  std::uint64_t nodes = 0;
  for (const std::span<Digest> level : levels.subspan(1)) nodes += level.size();
  return nodes;
}

/// Hashes levels[level + 1] and the levels above it, as many as parts have, and there are.
void hash_parts(std::uint32_t arity, std::span<const std::span<Digest>> levels, std::size_t level,
                const Part& part, Progress& progress) {
  const std::size_t top = std::min(level + part.height, levels.size() - 1);
  const std::size_t count = (levels[level].size() + part.size() - 1) / part.size();
  parallel_for(0, count, 1, [&](std::size_t first_part, std::size_t last_part) {
    for (std::size_t i = first_part; i < last_part; ++i) {
      std::size_t first = i * part.size();
      std::size_t end = std::min(first + part.size(), levels[level].size());
      std::uint64_t hashed = 0;
      for (std::size_t above = level + 1; above <= top; ++above) {
        const std::span<const Digest> children = levels[above - 1].subspan(first, end - first);
        first /= arity;
        end = parent_count(end, arity);
        parent_hashes(arity, children, levels[above].subspan(first, end - first));
        hashed += end - first;
      }
      progress.advance(hashed);
    }
  });
}

}  // namespace

std::vector<std::uint64_t> level_sizes(std::uint32_t arity, std::uint64_t leaf_count) {
  ASSAY_CHECK(is_arity(arity), arity);
  std::vector<std::uint64_t> sizes{leaf_count};
  while (sizes.back() > 1) sizes.push_back(parent_count(sizes.back(), arity));
  return sizes;
}

Part part_of(std::uint32_t arity) {
  Part part{std::clamp<std::size_t>(kMostInWidePart / arity, 1, kFewestInPart), arity, 1};
  for (; part.size() * arity <= kMostInPart; part.leaves *= arity) ++part.height;
  return part;
}

void hash_leaves(std::span<Digest> hashes, const HashLeaves& hash, Progress& progress) {
  parallel_for(0, hashes.size(), kLeavesPerRange, [&](std::size_t first, std::size_t last) {
    while (first < last) {
      const std::size_t count = std::min(kLeavesPerRange, last - first);
      hash(first, hashes.subspan(first, count));
      progress.advance(count);
      first += count;
    }
  });
}

void hash_levels(std::uint32_t arity, std::span<const std::span<Digest>> levels) {
  const Part part = part_of(arity);
  Progress progress("hash tree", count_inner_nodes(levels));
  for (std::size_t level = 0; level + 1 < levels.size(); level += part.height)
    hash_parts(arity, levels, level, part, progress);
}

void hash_subtrees(std::uint32_t arity, std::span<const Digest> hashes, std::span<Digest> roots) {
  const Part part = part_of(arity);
  ASSAY_CHECK_EQ(hashes.size(), roots.size() * part.leaves);
  const std::size_t count = (roots.size() + part.subtrees - 1) / part.subtrees;
  parallel_for(0, count, 1, [&](std::size_t first_part, std::size_t last_part) {
    std::vector<Digest> below;
    std::vector<Digest> level;
    for (std::size_t i = first_part; i < last_part; ++i) {
      const std::size_t first = i * part.subtrees;
      const std::span<Digest> out = roots.subspan(first, std::min(part.subtrees, roots.size() - first));
      std::span<const Digest> children = hashes.subspan(first * part.leaves, out.size() * part.leaves);
      for (std::size_t height = 1; height < part.height; ++height) {
        level.resize(children.size() / arity);
        parent_hashes(arity, children, level);
        std::swap(level, below);
        children = below;
      }
      parent_hashes(arity, children, out);
    }
  });
}

Status hash_levels_above(std::uint32_t arity, std::span<const std::span<Digest>> levels) {
  ASSAY_TRY(check_levels(arity, levels.empty() ? 0 : levels.front().size(), levels));
  hash_levels(arity, levels);
  return {};
}

Status hash_chunks_into(std::uint32_t arity, ByteSpan values, std::size_t leaf_size,
                        std::span<const std::span<Digest>> levels) {
  const std::uint64_t count = ASSAY_TRY(chunk_count(values.size(), leaf_size));
  ASSAY_TRY(check_levels(arity, count, levels));
  {
    Progress progress("hash leaves", count);
    hash_leaves(
        levels.front(),
        [&](std::size_t first, std::span<Digest> hashes) {
          hash_chunks(values.subspan(first * leaf_size), leaf_size, hashes);
        },
        progress);
  }
  hash_levels(arity, levels);
  return {};
}

}  // namespace assay::merkle
