// Floats of the four formats (IEEE 754 binary16, 32, 64; bfloat16) taken apart.
#pragma once

#include <cstdint>

#include "assay/encode.h"

namespace assay::encode {

/// (-1)^negative * mantissa * 2^exponent.
struct FloatParts {
  bool negative = false;
  std::uint64_t mantissa = 0;
  int exponent = 0;
};

/// Fields of a format: sign, exponent, fraction from the top.
struct FloatFormat {
  unsigned exponent_bits = 0;
  unsigned fraction_bits = 0;

  [[nodiscard]] constexpr std::uint64_t magnitude_mask() const {
    return (std::uint64_t{1} << (exponent_bits + fraction_bits)) - 1;
  }
  /// The bit pattern of infinity; magnitudes from here on are not finite.
  [[nodiscard]] constexpr std::uint64_t infinity() const {
    return ((std::uint64_t{1} << exponent_bits) - 1) << fraction_bits;
  }
  [[nodiscard]] constexpr bool is_finite(std::uint64_t bits) const {
    return (bits & magnitude_mask()) < infinity();
  }

  /// Of a finite pattern.
  [[nodiscard]] constexpr FloatParts split(std::uint64_t bits) const {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const auto field = static_cast<int>((bits & magnitude_mask()) >> fraction_bits);
    const std::uint64_t fraction = bits & ((std::uint64_t{1} << fraction_bits) - 1);
    const bool normal = field != 0;
    return {(bits >> (exponent_bits + fraction_bits) & 1) != 0,
            fraction | (normal ? std::uint64_t{1} << fraction_bits : 0),
            (normal ? field : 1) - bias - static_cast<int>(fraction_bits)};
  }
};

inline constexpr FloatFormat kBinary16 = {5, 10};
inline constexpr FloatFormat kBfloat16 = {8, 7};
inline constexpr FloatFormat kBinary32 = {8, 23};
inline constexpr FloatFormat kBinary64 = {11, 52};

/// Of a floating-point dtype.
[[nodiscard]] constexpr FloatFormat format_of(tensor::Dtype dtype) {
  switch (dtype) {
    case tensor::Dtype::kF16:
      return kBinary16;
    case tensor::Dtype::kBF16:
      return kBfloat16;
    case tensor::Dtype::kF32:
      return kBinary32;
    default:
      return kBinary64;
  }
}

}  // namespace assay::encode
