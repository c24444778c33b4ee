// 16-bit floats as doubles.
#pragma once

#include <bit>
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

}  // namespace assay::tensor
