// round-half-even(x * 10^scale) for floats x, exactly.
//
// x = m * 2^e, so x * 10^s = (m * 5^s) * 2^(e + s): one multiplication by a power of five, one shift with
// rounding.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "encode/float_parts.h"

namespace assay::encode {

class DecimalScale {
 public:
  using Magnitude = std::array<std::uint64_t, 4>;

  /// scale <= Encoding::kMaxScale.
  explicit DecimalScale(std::uint32_t scale);

  /// |integer| where 128 bits hold the product and the result; false where they do not.
  [[nodiscard]] bool fast(const FloatParts& parts, unsigned __int128& magnitude) const {
    if (parts.mantissa > fast_limit_) return false;
    const unsigned __int128 product = power128_ * parts.mantissa;
    const int shift = parts.exponent + static_cast<int>(scale_);
    if (shift >= 0) {
      if (product == 0) return magnitude = 0, true;
      if (shift >= 128 || product >> (127 - shift) > 1) return false;
      return magnitude = product << shift, true;
    }
    if (shift < -128) return magnitude = 0, true;  // below 2^128 / 2^129
    const unsigned __int128 one = 1;
    const unsigned drop = static_cast<unsigned>(-shift);
    const unsigned __int128 rest = drop == 128 ? product : product & ((one << drop) - 1);
    const unsigned __int128 half = one << (drop - 1);
    magnitude = drop == 128 ? 0 : product >> drop;
    if (rest > half || (rest == half && (magnitude & 1) != 0)) ++magnitude;
    return true;
  }

  /// |integer| by arithmetic in 640 bits; nullopt over 256 bits.
  [[nodiscard]] std::optional<Magnitude> general(const FloatParts& parts) const;

 private:
  static constexpr std::size_t kWords = 10;
  using Wide = std::array<std::uint64_t, kWords>;

  std::uint32_t scale_;
  Wide power_{};                    // 5^scale, at most 465 bits
  unsigned __int128 power128_ = 0;  // the same where it fits
  std::uint64_t fast_limit_ = 0;    // the largest mantissa whose product fits 128 bits; 0 when none does
};

}  // namespace assay::encode
