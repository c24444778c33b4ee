// One entry of a product: its value in double, and by how much a rounded one may differ.
#pragma once

#include <cstdint>
#include <span>

#include "assay/audit_packet.h"

namespace assay::audit::internal {

/// How products of a dtype are rounded: sums of bf16 and f16 are kept in f32.
struct Rounding {
  double unit;           ///< unit roundoff of the result
  double sum_unit;       ///< of the sums
  double subnormal;      ///< half of the least positive result
  double sum_subnormal;  ///< half of the least positive sum
  double overflow;       ///< from here on results are infinite
  double sum_overflow;   ///< and sums

  [[nodiscard]] static Rounding of(tensor::Dtype dtype);
};

/// The entry as it would be without rounding.
struct Exact {
  double value = 0;      ///< with the bias; NaN and infinities as IEEE 754 has them
  double product = 0;    ///< without the bias
  double magnitude = 0;  ///< sum of |a_i b_i| and |bias|
  bool finite = true;    ///< whether all operands are
};

/// By error-free transformations, so that its own rounding does not count (Ogita, Rump and Oishi, SIAM J.
/// Sci. Comput. 26(6), 2005, Algorithm 5.3).
[[nodiscard]] Exact exact_entry(std::span<const double> a, std::span<const double> b, double bias);

/// How far an honest entry lies from `exact` at most; infinite where sums of finite terms may overflow, or
/// are so long that rounding may change all of their digits.
[[nodiscard]] double bound_of(const Exact& exact, std::size_t k, bool biased, const Rounding& rounding,
                              RoundingBound bound);

/// |found - exact| / bound: at most 1 for an honest entry. A NaN or an infinity that is due counts 0, one
/// that is not due is infinite. None where the bound is, for then every value may be honest.
[[nodiscard]] std::optional<double> share_of_bound(double found, const Exact& exact, double bound,
                                                   const Rounding& rounding);

}  // namespace assay::audit::internal
