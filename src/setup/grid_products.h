// Products of one factor per axis, for runs of grid points.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assay/field.h"
#include "assay/integers.h"

namespace assay::setup::internal {

/// prod_{i >= level} factors[i][j_i] at the points j of the axes level .. m-1, in C order: a head product
/// that changes rarely times an entry of a table over the last axes. `axes` and `factors` outlive it; its
/// table is wiped when it goes.
class GridProducts {
 public:
  static constexpr std::uint64_t kTableSize = std::uint64_t{1} << 16;

  GridProducts(const Axes& axes, const std::vector<std::vector<Fr>>& factors, std::size_t level);
  GridProducts(const GridProducts&) = delete;
  GridProducts& operator=(const GridProducts&) = delete;
  ~GridProducts();

  /// out[k] = the product at C-order index first + k.
  void fill(std::uint64_t first, std::span<Fr> out) const;

 private:
  [[nodiscard]] Fr head_product(std::uint64_t head) const;

  const Axes& axes_;
  const std::vector<std::vector<Fr>>& factors_;
  std::size_t level_;
  std::size_t table_axis_;
  std::vector<Fr> table_;
};

}  // namespace assay::setup::internal
