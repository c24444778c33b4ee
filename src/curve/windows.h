// Signed windows of the bucket method: how integers fall into digits.
//
// The sign is split off first, so the number of windows follows the width of the data and not of the field.
// All windows but the top one hold digits in [-2^(c-1), 2^(c-1)): with the constant sum_w 2^(c-1) 2^(cw) over
// those windows added once to the magnitude, each digit is a plain bit field minus 2^(c-1), and any window
// can be read without the carries of the lower ones. The top window keeps its non-negative digit, so 16-bit
// data with c = 16 is one window.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>

#include "assay/integers.h"
#include "base/threads.h"

namespace assay::curve {

/// A scalar as the bucket method reads it again and again: bit 255 is the sign, the others the magnitude.
struct SignedMagnitude {
  std::array<std::uint64_t, 4> words;

  static SignedMagnitude of(const Scalar& v) {
    SignedMagnitude out{v.magnitude().words};
    if (v.is_negative()) out.words[3] |= kSign;
    return out;
  }
  static SignedMagnitude of(std::uint64_t magnitude) { return {{magnitude, 0, 0, 0}}; }
  static SignedMagnitude of(const std::array<std::uint64_t, 4>& magnitude) { return {magnitude}; }
  static constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
};

/// Magnitudes of one integer type, as wide numbers with room for the window constant: it stays below the top
/// window, so it is below 2^63 for magnitudes of up to 2^63.
template <class Int>
struct Magnitude {
  using Wide = std::uint64_t;

  static bool is_negative(Int v) { return v < 0; }
  static Wide of(Int v) {
    const auto u = static_cast<std::uint64_t>(static_cast<std::int64_t>(v));
    return v < 0 ? 0 - u : u;
  }
  static unsigned bit_width(Wide m) { return static_cast<unsigned>(std::bit_width(m)); }
  static Wide combine(Wide a, Wide b) { return a | b; }
  static Wide add_bit(Wide a, unsigned bit) { return a + (Wide{1} << bit); }
  static Wide add(Wide a, Wide b) { return a + b; }
  static std::uint64_t bits(Wide a, unsigned from) { return a >> from; }
};

template <>
struct Magnitude<SignedMagnitude> {
  using Wide = std::array<std::uint64_t, 4>;

  static bool is_negative(const SignedMagnitude& v) { return (v.words[3] & SignedMagnitude::kSign) != 0; }
  static Wide of(const SignedMagnitude& v) {
    Wide out = v.words;
    out[3] &= ~SignedMagnitude::kSign;
    return out;
  }
  static unsigned bit_width(const Wide& m) { return Scalar{m}.bit_width(); }
  static Wide combine(Wide a, const Wide& b) {
    for (std::size_t i = 0; i < 4; ++i) a[i] |= b[i];
    return a;
  }
  static Wide add_bit(const Wide& a, unsigned bit) {
    Wide power{};
    power[bit / 64] = std::uint64_t{1} << (bit % 64);
    return add(a, power);
  }
  static Wide add(Wide a, const Wide& b) {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t sum = a[i] + b[i];
      const std::uint64_t out = sum + carry;
      carry = static_cast<std::uint64_t>(sum < a[i]) + static_cast<std::uint64_t>(out < sum);
      a[i] = out;
    }
    return a;
  }
  static std::uint64_t bits(const Wide& a, unsigned from) {
    const unsigned word = from / 64, shift = from % 64;
    if (word >= 4) return 0;
    std::uint64_t out = a[word] >> shift;
    if (shift != 0 && word + 1 < 4) out |= a[word + 1] << (64 - shift);
    return out;
  }
};

/// Additions that summing up a bucket costs: two, in batches that are not always full.
inline constexpr double kBucketCost = 2.2;

struct WindowPlan {
  unsigned window_bits;
  unsigned windows;
  unsigned ranges;  ///< each window's points are split into this many ranges, one task each
};

/// Buckets of all windows: 2^(c-1) each, and as many as its digits need in the top one.
inline std::uint64_t count_buckets(unsigned bits, unsigned window_bits, unsigned windows) {
  const unsigned top_bits = bits - std::min(bits, (windows - 1) * window_bits);
  return (windows - 1) * (std::uint64_t{1} << (window_bits - 1)) + (std::uint64_t{1} << top_bits);
}

/// The window width of least estimated work, where summing up one bucket costs `bucket_cost` additions.
inline WindowPlan plan_windows(std::size_t count, unsigned bits, unsigned workers, double bucket_cost) {
  constexpr unsigned kWidest = 17;
  WindowPlan best{1, bits, 1};
  double best_cost = -1;
  for (unsigned c = 2; c <= kWidest; ++c) {
    // A window above the data would only hold the carry; the top window is wide enough to keep it.
    const unsigned windows = (bits + c - 1) / c;
    unsigned ranges = 1;
    while (windows * ranges % workers != 0) ++ranges;
    if (count < 512) ranges = 1;
    const auto buckets = static_cast<double>(count_buckets(bits, c, windows));
    const double cost = windows * static_cast<double>(count) + bucket_cost * buckets * ranges;
    if (best_cost < 0 || cost < best_cost) {
      best = {c, windows, ranges};
      best_cost = cost;
    }
  }
  return best;
}

/// The digits of all windows of integers whose magnitudes OR to `all`.
template <class Int>
class Digits {
  using M = Magnitude<Int>;
  using Wide = typename M::Wide;

 public:
  /// Whether the constant must be in the values already: adding it to four words for every digit would take
  /// longer than reading the digit.
  static constexpr bool kTakesBiased = std::is_same_v<Int, SignedMagnitude>;

  Digits(const WindowPlan& plan, const Wide& all) : plan_(plan) {
    for (unsigned w = 0; w + 1 < plan.windows; ++w) {
      offset_ = M::add_bit(offset_, w * plan.window_bits + plan.window_bits - 1);
    }
    // The constant may carry one into the top window.
    top_ = M::bits(all, (plan.windows - 1) * plan.window_bits) + (plan.windows > 1 ? 1 : 0);
  }

  /// The OR of all magnitudes: as wide as the widest.
  static Wide union_of(std::span<const Int> values) {
    Wide all{};
    for (const Int& v : values) all = M::combine(all, M::of(v));
    return all;
  }

  [[nodiscard]] std::int64_t half() const { return std::int64_t{1} << (plan_.window_bits - 1); }

  /// Adds the constant to a value.
  void bias(SignedMagnitude& value) const requires kTakesBiased {
    const Wide sum = M::add(M::of(value), offset_);
    const std::uint64_t sign = value.words[3] & SignedMagnitude::kSign;
    value.words = sum;
    value.words[3] |= sign;
  }

  /// No digit of the window is larger in magnitude.
  [[nodiscard]] std::size_t largest(unsigned window) const {
    return is_top(window) ? static_cast<std::size_t>(top_) : static_cast<std::size_t>(half());
  }

  /// Calls take(i, magnitude, negative) for each value with a digit other than 0.
  template <class Take>
  void for_each(unsigned window, std::span<const Int> values, Take&& take) const {
    const unsigned shift = window * plan_.window_bits;
    const bool top = is_top(window);
    const std::int64_t bias = top ? 0 : half();
    const std::uint64_t mask = top ? ~std::uint64_t{0} : (std::uint64_t{1} << plan_.window_bits) - 1;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Wide wide = kTakesBiased ? M::of(values[i]) : M::add(M::of(values[i]), offset_);
      const std::int64_t digit = static_cast<std::int64_t>(M::bits(wide, shift) & mask) - bias;
      if (digit == 0) continue;
      take(i, static_cast<std::size_t>(digit < 0 ? -digit : digit), (digit < 0) != M::is_negative(values[i]));
    }
  }

 private:
  [[nodiscard]] bool is_top(unsigned window) const { return window + 1 == plan_.windows; }

  WindowPlan plan_;
  Wide offset_{};
  std::uint64_t top_ = 0;
};

}  // namespace assay::curve
