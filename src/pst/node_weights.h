// The integers that turn differences of data into scaled quotients at a node of a short axis.
#pragma once

#include <cstdint>
#include <vector>

namespace assay::pst::internal {

/// Axes up to this many nodes have their denominators cleared: 360360 * 2 * 6435 at most, and so 45 bits.
inline constexpr std::uint32_t kMaxClearedAxis = 16;

/// For q(x) = (r(x) - r(z)) / (x - z) on the nodes 0..n-1, with d_j = r(j) - r(z):
///     denominator * q(j) = direct[j] * d_j  for j != z,      denominator * q(z) = sum_j derivative[j] * d_j.
/// direct[z] = derivative[z] = 0, and the denominator is the least that makes all of them integers.
struct NodeWeights {
  std::int64_t denominator = 1;
  std::vector<std::int64_t> direct;
  std::vector<std::int64_t> derivative;

  /// max(max |direct|, sum |derivative|): no scaled quotient exceeds growth * max |d|.
  std::uint64_t growth = 0;
};

/// n in 1..kMaxClearedAxis, z < n.
[[nodiscard]] NodeWeights node_weights(std::uint32_t n, std::uint32_t z);

}  // namespace assay::pst::internal
