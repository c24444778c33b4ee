// The numbers of rows: as doubles, and rounded as the element type of a row rounds.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "assay/audit_log.h"
#include "assay/tensor.h"

namespace assay::audit::internal {

/// An IEEE 754 binary format: bits of the fraction, exponent of the least normal number.
struct FloatFormat {
  int fraction_bits;
  int least_exponent;
  double largest;
};

[[nodiscard]] constexpr FloatFormat format_of(RowDtype dtype) {
  switch (dtype) {
    case RowDtype::kBF16:
      return {7, -126, 0x1.fep127};
    case RowDtype::kF16:
      return {10, -14, 65504.0};
    case RowDtype::kF32:
      return {23, -126, 0x1.fffffep127};
    default:
      return {52, -1022, std::numeric_limits<double>::max()};
  }
}

/// The spacing of a type's numbers at a value: 2^(exponent - bits of the fraction).
[[nodiscard]] inline double ulp_of(double value, const FloatFormat& format) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const int exponent = std::max(static_cast<int>(bits >> 52 & 0x7ff) - 1023, format.least_exponent);
  return std::bit_cast<double>(
      static_cast<std::uint64_t>(std::max(exponent - format.fraction_bits, -1022) + 1023) << 52);
}

/// The nearest number of a type, ties to even; beyond the largest, infinity.
[[nodiscard]] inline double round_to(double value, const FloatFormat& format) {
  if (format.fraction_bits == 52 || !std::isfinite(value)) return value;
  // Adding and subtracting 1.5 * 2^52 ulps leaves a whole number of ulps, rounded as the processor rounds.
  const double large = 0x1.8p52 * ulp_of(value, format);
  const double rounded = (value + large) - large;
  return std::abs(rounded) > format.largest ? std::copysign(std::numeric_limits<double>::infinity(), value)
                                            : rounded;
}

/// What products are summed up in: half an ulp of it. Rows of 32 bits or fewer: fp32.
[[nodiscard]] constexpr double summing_roundoff(const FloatFormat& format) {
  return format.fraction_bits == 52 ? 0x1p-53 : 0x1p-24;
}

/// What the squared error of a sum may be, over that of independent terms. Trained models have inputs far
/// larger than the others, and large weights for just these: logits of an honest SmolLM2 reach 2.9.
constexpr double kDependentTerms = 16;

/// The variance of the rounding of a sum of products of a and w, one term after the other, over |a|^2 |w|^2:
/// u^2 / 6 where the terms are independent (Higham and Mary 2019), with room for those that are not.
[[nodiscard]] constexpr double summing_variance(const FloatFormat& format) {
  return kDependentTerms * summing_roundoff(format) * summing_roundoff(format) / 6;
}

/// As tensor::read_floats, and faster where the values stand side by side.
[[nodiscard]] Status read_values(const tensor::TensorView& tensor, std::size_t first, std::size_t step,
                                 std::span<double> out);

/// The values of a row. Errors: kOutOfRange (NaN or Inf, with its index).
[[nodiscard]] Result<std::vector<double>> values_of(ByteSpan bytes, RowDtype dtype, std::string_view place);

/// A row of these values, each rounded.
[[nodiscard]] Bytes to_row(std::span<const double> values, RowDtype dtype);

}  // namespace assay::audit::internal
