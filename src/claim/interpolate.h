// The polynomial through a tensor's integers, away from the grid.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assay/base.h"
#include "assay/field.h"
#include "assay/integers.h"

namespace assay::claim::internal {

/// p(point) of the polynomial through the values, by barycentric Lagrange interpolation axis by axis, in O(N)
/// (Berrut and Trefethen, "Barycentric Lagrange Interpolation", SIAM Review 46(3), 2004).
class Interpolation {
 public:
  /// The values outlive it.
  Interpolation(const Axes& axes, const IntegerView& values);
  /// Errors: kTooLarge (memory).
  [[nodiscard]] Result<Fr> at(std::span<const Fr> point) const;

  /// About how many field operations at() takes.
  [[nodiscard]] static std::uint64_t cost(const Axes& axes);

 private:
  const Axes& axes_;
  const IntegerView& values_;
  std::vector<std::vector<Fr>> weights_;
};

}  // namespace assay::claim::internal
