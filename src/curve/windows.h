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
#include "base/large_array.h"
#include "base/threads.h"

namespace assay::curve {

/// A bucket and a sign in 32 bits; 0 is no bucket.
class BucketKey {
 public:
  BucketKey() = default;
  BucketKey(std::size_t bucket, bool negated)
      : bits_(static_cast<std::uint32_t>(bucket + 1) << 1 | static_cast<std::uint32_t>(negated)) {}
  [[nodiscard]] bool is_none() const { return bits_ == 0; }
  [[nodiscard]] std::uint32_t bucket() const { return (bits_ >> 1) - 1; }
  [[nodiscard]] bool is_negated() const { return (bits_ & 1) != 0; }

 private:
  std::uint32_t bits_ = 0;
};

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
  static Wide larger(Wide a, Wide b) { return std::max(a, b); }
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
  static Wide larger(const Wide& a, const Wide& b) {
    return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend()) ? b : a;
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
  /// Sixty-four bits from there, or as many as there are.
  static std::uint64_t bits(const Wide& a, unsigned from) {
    const unsigned word = from / 64, shift = from % 64;
    const std::uint64_t next = word + 1 < 4 ? a[word + 1] : 0;
    return a[word] >> shift | next << 1 << (63 - shift);
  }
};

/// Additions that summing up a bucket costs: two, in batches that are not always full.
inline constexpr double kBucketCost = 2.2;

struct WindowPlan {
  unsigned window_bits;
  unsigned windows;
  unsigned ranges;  ///< each window's points are split into this many ranges, one task each
};

/// How large the largest magnitude is: its bits, and the first 32 of them.
struct Width {
  unsigned bits;
  std::uint32_t leading;

  template <class Int>
  static Width of(const typename Magnitude<Int>::Wide& largest) {
    using M = Magnitude<Int>;
    const unsigned bits = M::bit_width(largest);
    return {bits, static_cast<std::uint32_t>(bits > 32 ? M::bits(largest, bits - 32)
                                                       : M::bits(largest, 0) << (32 - bits))};
  }
  /// The magnitude without its lowest bits, of which at most 32 stay.
  [[nodiscard]] std::uint64_t top(unsigned lowest_bits) const {
    return std::uint64_t{leading} >> (32 - (bits - lowest_bits));
  }
};

/// Buckets of all windows: 2^(c-1) each, and as many as its digits need in the top one.
inline std::uint64_t count_buckets(const Width& width, unsigned window_bits, unsigned windows) {
  return (windows - 1) * (std::uint64_t{1} << (window_bits - 1)) + width.top((windows - 1) * window_bits) + 1;
}

/// The window width of least estimated work, where summing up one bucket costs `bucket_cost` additions.
inline WindowPlan plan_windows(std::size_t count, const Width& width, unsigned workers, double bucket_cost) {
  constexpr unsigned kWidest = 17;
  WindowPlan best{1, width.bits, 1};
  double best_cost = -1;
  for (unsigned c = 2; c <= kWidest; ++c) {
    // A window above the data would only hold the carry; the top window is wide enough to keep it.
    const unsigned windows = (width.bits + c - 1) / c;
    unsigned ranges = 1;
    while (windows * ranges % workers != 0) ++ranges;
    if (count < 512) ranges = 1;
    const auto buckets = static_cast<double>(count_buckets(width, c, windows));
    const double cost = windows * static_cast<double>(count) + bucket_cost * buckets * ranges;
    if (best_cost < 0 || cost < best_cost) {
      best = {c, windows, ranges};
      best_cost = cost;
    }
  }
  return best;
}

/// Where the digits lie in integers of magnitudes up to `largest`.
template <class Int>
class DigitLayout {
  using M = Magnitude<Int>;
  using Wide = typename M::Wide;

 public:
  DigitLayout(const WindowPlan& plan, const Wide& largest) : plan_(plan) {
    for (unsigned w = 0; w + 1 < plan.windows; ++w) {
      offset_ = M::add_bit(offset_, w * plan.window_bits + plan.window_bits - 1);
    }
    // The constant may carry one into the top window.
    top_ = M::bits(largest, (plan.windows - 1) * plan.window_bits) + (plan.windows > 1 ? 1 : 0);
  }

  [[nodiscard]] unsigned windows() const { return plan_.windows; }

  /// No digit of the window is larger in magnitude.
  [[nodiscard]] std::size_t largest(unsigned window) const {
    return is_top(window) ? static_cast<std::size_t>(top_) : std::size_t{1} << (plan_.window_bits - 1);
  }

  /// An integer's magnitude with the constant added.
  [[nodiscard]] Wide biased(const Int& value) const { return M::add(M::of(value), offset_); }

  /// A window's digit, as the bucket of digit or -digit.
  [[nodiscard]] BucketKey key(unsigned window, const Wide& biased, bool negative) const {
    const std::uint64_t field = M::bits(biased, window * plan_.window_bits);
    const std::uint64_t half = std::uint64_t{1} << (plan_.window_bits - 1);
    const auto digit = static_cast<std::int64_t>(is_top(window) ? field : (field & (2 * half - 1)) - half);
    if (digit == 0) return {};
    return {static_cast<std::size_t>(digit < 0 ? -digit : digit) - 1, (digit < 0) != negative};
  }

 private:
  [[nodiscard]] bool is_top(unsigned window) const { return window + 1 == plan_.windows; }

  WindowPlan plan_;
  Wide offset_{};
  std::uint64_t top_ = 0;
};

/// The digits of integers, read where they lie.
template <class Int>
class Digits {
  using M = Magnitude<Int>;

 public:
  Digits(const DigitLayout<Int>& layout, std::span<const Int> values) : layout_(layout), values_(values) {}

  /// The keys of the integers [first, first + count) in a window, in `space` if need be.
  [[nodiscard]] std::span<const BucketKey> keys(unsigned window, std::size_t first, std::size_t count,
                                                std::vector<BucketKey>& space) const {
    space.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      const Int value = values_[first + i];
      space[i] = layout_.key(window, layout_.biased(value), M::is_negative(value));
    }
    return space;
  }

 private:
  const DigitLayout<Int>& layout_;
  std::span<const Int> values_;
};

/// The digits of scalars, window after window: read from the scalars themselves, each of them would fetch 32
/// bytes for two.
template <>
class Digits<SignedMagnitude> {
  using M = Magnitude<SignedMagnitude>;

 public:
  Digits(const DigitLayout<SignedMagnitude>& layout, std::span<const SignedMagnitude> values)
      : stride_(values.size() + kPadding), keys_(stride_ * layout.windows()) {
    constexpr std::size_t kGrain = 8192;
    parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        const M::Wide biased = layout.biased(values[i]);
        const bool negative = M::is_negative(values[i]);
        for (unsigned w = 0; w < layout.windows(); ++w)
          keys_[w * stride_ + i] = layout.key(w, biased, negative);
      }
    });
  }

  [[nodiscard]] std::span<const BucketKey> keys(unsigned window, std::size_t first, std::size_t count,
                                                std::vector<BucketKey>& /*space*/) const {
    return keys_.span().subspan(window * stride_ + first, count);
  }

 private:
  /// Windows a power of two apart would be written to the same few places of the cache.
  static constexpr std::size_t kPadding = 16;

  std::size_t stride_;
  LargeArray<BucketKey> keys_;
};

}  // namespace assay::curve
