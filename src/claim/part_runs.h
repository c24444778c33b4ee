// Which values of parts are in a file of proofs: all but the zeros that pad a model layout.
#pragma once

#include <cstdint>
#include <vector>

#include "assay/encode.h"

namespace assay::claim::internal {

inline constexpr std::uint64_t kAll = ~std::uint64_t{0};

/// Values that stand one after the other both in a part and in the tensor.
struct PartRun {
  std::uint64_t in_part;  ///< C order of the axes that are not fixed
  std::uint64_t index;    ///< in the tensor
  std::uint64_t count;
};

/// Finds the runs of parts. A set, which fixes all axes, has all its values, those of padding too.
class PartRuns {
 public:
  /// The layout is valid, and the selection one of its axes.
  PartRuns(const encode::Layout& layout, const Selection& selection);

  /// Of part k, in the order of the part; no more of them once they have over `most` values.
  [[nodiscard]] std::vector<PartRun> of(std::size_t k, std::uint64_t most = kAll) const;

 private:
  /// The axes from first_ on, where `coordinates` has the fixed ones, below `limit` values.
  [[nodiscard]] std::vector<PartRun> inner_runs(const std::vector<std::uint32_t>& coordinates,
                                                std::uint64_t limit, std::uint64_t most) const;

  const encode::Layout& layout_;
  const Selection& selection_;
  std::size_t first_ = 0;  ///< of a model layout the axes behind layers and tokens are looked at first
};

/// Of all parts of a selection, one after the other; no more of them once they have over `most` values, for
/// what a file asks for may be of any size.
[[nodiscard]] std::vector<PartRun> runs_of(const encode::Layout& layout, const Selection& selection,
                                           std::uint64_t most = kAll);

}  // namespace assay::claim::internal
