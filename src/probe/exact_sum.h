// Sums of products that lose nothing: a fixed-point number as long as the products' exponents reach (Kulisch,
// Computer Arithmetic and Validity, 2013, chapter 8).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace assay::probe::internal {

/// A float64 as significand * 2^(exponent - 1074), the significand below 2^53 in magnitude.
struct Parts {
  std::int64_t significand = 0;
  std::uint32_t exponent = 0;
};
[[nodiscard]] Parts parts_of(double value);
/// The same of a float32: significand * 2^(exponent - 149), below 2^24 in magnitude.
[[nodiscard]] Parts parts_of(float value);

/// A format to round to: bits of its significand, exponent of its least number, exponent that is too large.
struct RoundTo {
  int bits;
  int least;
  int above;
};
inline constexpr RoundTo kFloat64{53, -1074, 1024};
inline constexpr RoundTo kFloat32{24, -149, 128};

/// Up to 2^40 products of a finite float32 and a finite float64, and float64 themselves.
class ExactSum {
 public:
  /// The product of the parts of a float32 and of a float64.
  void add_product(Parts a, Parts b);
  void add(double value) { add_product({1, kUnit}, parts_of(value)); }
  /// value * count, for a count below 2^24.
  void add_times(double value, std::uint32_t count) { add_product({count, kUnit}, parts_of(value)); }

  /// The number of the format that is nearest to the sum over `divisor`, ties to even, +0 for 0; none where
  /// it would be infinite.
  [[nodiscard]] std::optional<double> rounded(RoundTo format, std::uint32_t divisor = 1) const;

 private:
  static constexpr int kLeast = -1223;         // of 2^-149 2^-1074
  static constexpr std::uint32_t kUnit = 149;  // the exponent of a whole number among float32's parts
  static constexpr std::size_t kDigits = 80;   // 2^1152 the largest product, 2^40 of them
  static constexpr std::uint32_t kCarryAfter = 1U << 29;
  using Digits = std::array<std::int64_t, kDigits>;

  static void carry(Digits& digits);

  Digits digits_{};  // of 32 bits, and what was not carried yet
  std::uint32_t pending_ = 0;
};

}  // namespace assay::probe::internal
