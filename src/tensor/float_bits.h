// 16-bit floats as doubles, and doubles as the floats that torch makes of them.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace assay::tensor {

inline double from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction.
inline double from_f16(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits} >> 15 << 31;
  const std::uint32_t magnitude = bits & 0x7fffU;
  // The same bits further left are the number times 2^-112, and Inf and NaN have yet to be told apart.
  if (magnitude >= 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U | (magnitude & 0x3ffU) << 13);
  return static_cast<double>(std::bit_cast<float>(sign | magnitude << 13)) * 0x1p112;
}

/// The nearest float, then the nearest bf16, ties to even: torch comes from a double by way of a float.
inline double round_to_bf16(double value) {
  const auto single = static_cast<float>(value);
  const auto bits = std::bit_cast<std::uint32_t>(single);
  if (std::isnan(single)) return single;
  const std::uint32_t even = bits >> 16 & 1U;
  return std::bit_cast<float>((bits + 0x7fffU + even) & 0xffff0000U);
}

/// The same for binary16. Half of the last place of 65504 above it and more is infinite.
inline double round_to_f16(double value) {
  const double single = static_cast<float>(value);
  if (!std::isfinite(single)) return single;
  const double magnitude = std::fabs(single);
  if (magnitude >= 65520) return std::copysign(INFINITY, single);
  // Adding and taking away 1.5 * 2^52 last places rounds to a multiple of the last place.
  const int exponent = magnitude < 0x1p-14 ? -14 : std::ilogb(magnitude);
  const double magic = std::ldexp(1.5, 52 + exponent - 10);
  return std::copysign(magnitude + magic - magic, single);
}

}  // namespace assay::tensor
