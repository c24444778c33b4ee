// Which nodes a tree has, and which of them a proof speaks of: all that follows from the public part and the
// indices.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "assay/tree.h"

namespace assay::tree::internal {

/// The least D >= 1 with fan_out^D >= count. count <= kMaxLeaves.
[[nodiscard]] unsigned depth_of(std::uint64_t fan_out, std::uint64_t count);

/// fan_out^height, for heights up to depth_of() some count, and one more.
[[nodiscard]] std::uint64_t leaves_under(std::uint64_t fan_out, unsigned height);

/// A node on the way from the root to leaves that were asked for, and its children on that way.
struct Opened {
  unsigned height = 0;
  std::uint64_t position = 0;
  std::vector<std::uint32_t> children;  ///< ascending
};

/// The nodes on the way to the indices, by height, highest first, and by position. The opened children of
/// those above height 1 are, in this order, the nodes behind the first; of those at height 1 the leaves, in
/// the order of the indices. The indices ascend, and lie below fan_out^depth.
[[nodiscard]] std::vector<Opened> way_to(std::uint64_t fan_out, unsigned depth,
                                         std::span<const std::uint64_t> indices);

/// What is wrong with a set of indices, or nothing.
[[nodiscard]] std::string fault_of_indices(std::span<const std::uint64_t> indices, std::uint64_t count);

/// Of Terkle nodes.
[[nodiscard]] Axes axes_of(const Config& config);

/// How many quotients open a node's children.
[[nodiscard]] std::uint64_t count_quotients(const Config& config, const Opened& node);

/// A node's children as parts of the tensor that it commits to.
[[nodiscard]] Selection selection_of(const Config& config, const Opened& node);

}  // namespace assay::tree::internal
