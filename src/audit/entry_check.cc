#include "audit/entry_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace assay::audit::internal {
namespace {

using tensor::Dtype;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Chance of one entry beyond: 2 (K + 1) exp(-lambda^2 / 2), which is below 10^-17 to K = 2 * 10^4.
constexpr double kLambda = 10;

constexpr double kDoubleUnit = 0x1p-53;
constexpr double kFloatUnit = 0x1p-24;
constexpr double kFloatSubnormal = 0x1p-150;
constexpr double kFloatOverflow = 0x1.ffffffp127;  // 2^128 less half of a last place

/// a + b = sum + error, exactly (Knuth).
struct TwoSum {
  double sum;
  double error;
};
TwoSum two_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

}  // namespace

Rounding Rounding::of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF64:
      return {kDoubleUnit, kDoubleUnit, 0x1p-1074, 0x1p-1074, kInfinity, kInfinity};
    case Dtype::kF32:
      return {kFloatUnit, kFloatUnit, kFloatSubnormal, kFloatSubnormal, kFloatOverflow, kFloatOverflow};
    case Dtype::kBF16:
      // The processors' instructions for bf16 take numbers below 2^-126 for zero.
      return {0x1p-8, kFloatUnit, 0x1p-126, 0x1p-126, 0x1.ffp127, kFloatOverflow};
    default:
      ASSAY_CHECK_EQ(dtype, Dtype::kF16);
      return {0x1p-11, kFloatUnit, 0x1p-25, kFloatSubnormal, 65520, kFloatOverflow};
  }
}

Exact exact_entry(std::span<const double> a, std::span<const double> b, double bias) {
  ASSAY_CHECK_EQ(a.size(), b.size());
  double sum = 0, rest = 0, plain = 0, magnitude = 0;
  double bad = bias * 0;  // zero as long as all operands are finite, else NaN
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double product = a[i] * b[i];
    const TwoSum next = two_sum(sum, product);
    sum = next.sum;
    rest += next.error + std::fma(a[i], b[i], -product);
    plain += product;
    magnitude += std::fabs(product);
    bad += (a[i] + b[i]) * 0;
  }
  // Transformations of infinities give NaN where the sum itself is none.
  const double product = std::isfinite(plain) ? sum + rest : plain;
  return {product + bias, product, magnitude + std::fabs(bias), bad == 0};
}

double bound_of(const Exact& exact, std::size_t k, bool biased, const Rounding& rounding,
                RoundingBound bound) {
  if (exact.finite && exact.magnitude >= rounding.sum_overflow) return kInfinity;
  const double terms = static_cast<double>(k) + (biased ? 1 : 0);
  const double steps =
      bound == RoundingBound::kWorstCase ? terms : std::min(terms, kLambda * std::sqrt(terms));
  if (steps * rounding.sum_unit > 0.5) return kInfinity;
  const double growth = steps * rounding.sum_unit / (1 - steps * rounding.sum_unit);
  const double in_sums = growth * exact.magnitude + terms * rounding.sum_subnormal;
  double in_result = rounding.unit * (std::fabs(exact.value) + in_sums) + rounding.subnormal;
  // The product may have been rounded before the bias was added.
  if (biased) in_result += rounding.unit * (std::fabs(exact.product) + in_sums) + rounding.subnormal;
  return in_sums + in_result * (1 + 2 * rounding.unit);
}

std::optional<double> share_of_bound(double found, const Exact& exact, double bound,
                                     const Rounding& rounding) {
  if (!exact.finite) {
    if (std::isnan(exact.value)) return std::isnan(found) ? 0 : kInfinity;
    if (std::isinf(exact.value)) return found == exact.value ? 0 : kInfinity;
  }
  if (!std::isfinite(bound)) return std::nullopt;
  if (std::isnan(found)) return kInfinity;
  if (std::isinf(found)) {
    const double outermost = std::fabs(exact.value) + bound;
    return std::signbit(found) == std::signbit(exact.value) && outermost >= rounding.overflow ? 0 : kInfinity;
  }
  const double difference = std::fabs(found - exact.value);
  return difference == 0 ? 0 : difference / bound;
}

}  // namespace assay::audit::internal
