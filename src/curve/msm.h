// Multi-scalar multiplication by the bucket method with signed windows.
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
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "base/threads.h"
#include "curve/group.h"

namespace assay::curve {

/// Magnitudes of one integer type, as wide numbers with room for the window constant.
template <class Int>
struct Magnitude {
  __extension__ using Wide = unsigned __int128;
  static constexpr unsigned kMaxBits = 8 * sizeof(Int);

  static bool is_negative(Int v) { return v < 0; }
  static Wide of(Int v) {
    const auto u = static_cast<std::uint64_t>(static_cast<std::int64_t>(v));
    return v < 0 ? 0 - u : u;
  }
  static unsigned bit_width(Wide m) {
    return static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(m)));
  }
  static Wide combine(Wide a, Wide b) { return a | b; }
  static Wide add_bit(Wide a, unsigned bit) { return a + (Wide{1} << bit); }
  static Wide add(Wide a, Wide b) { return a + b; }
  static std::uint64_t bits(Wide a, unsigned from) { return static_cast<std::uint64_t>(a >> from); }
};

template <>
struct Magnitude<Scalar> {
  using Wide = std::array<std::uint64_t, 4>;

  static bool is_negative(const Scalar& v) { return v.is_negative(); }
  static Wide of(const Scalar& v) { return v.magnitude().words; }
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

struct MsmPlan {
  unsigned window_bits;
  unsigned windows;
  unsigned ranges;  ///< each window's points are split into this many ranges, one task each
};

/// Least estimated work: an addition per point and window, two per bucket to sum them up.
inline MsmPlan plan_msm(std::size_t count, unsigned bits, unsigned workers) {
  MsmPlan best{1, std::max(bits, 1U), 1};
  double best_cost = -1;
  for (unsigned c = 2; c <= 16; ++c) {
    // A window above the data would only hold the carry; the top window is wide enough to keep it.
    const unsigned windows = std::max(1U, (bits + c - 1) / c);
    unsigned ranges = 1;
    while (windows * ranges % workers != 0) ++ranges;
    if (count < 512) ranges = 1;
    const unsigned top_bits = bits - std::min(bits, (windows - 1) * c);
    const double buckets = (windows - 1) * static_cast<double>(std::uint64_t{1} << (c - 1)) +
                           static_cast<double>(std::uint64_t{1} << top_bits);
    const double cost = windows * static_cast<double>(count) + 2.6 * buckets * ranges;
    if (best_cost < 0 || cost < best_cost) {
      best = {c, windows, ranges};
      best_cost = cost;
    }
  }
  return best;
}

template <class F>
class Msm {
 public:
  static G1Affine run(std::span<const G1Affine> bases, IntegerView scalars) {
    ASSAY_CHECK_EQ(bases.size(), scalars.size());
    return scalars.visit([&](auto values) {
      using Int = std::remove_const_t<typename decltype(values)::element_type>;
      return run_typed<Int>(bases, values);
    });
  }

  static Affine<F> load(const G1Affine& p) { return {F(p.x.limbs), F(p.y.limbs)}; }
  static G1Affine store(const Affine<F>& p) { return {{p.x.limbs()}, {p.y.limbs()}}; }

 private:
  template <class Int>
  static G1Affine run_typed(std::span<const G1Affine> bases, std::span<const Int> values) {
    using M = Magnitude<Int>;
    using Wide = typename M::Wide;
    // The OR of all magnitudes is as wide as the widest.
    Wide all{};
    for (const Int& v : values) all = M::combine(all, M::of(v));
    const unsigned bits = M::bit_width(all);
    if (bits == 0) return G1Affine::infinity();

    const MsmPlan plan = plan_msm(values.size(), bits, worker_count());
    Wide offset{};
    for (unsigned w = 0; w + 1 < plan.windows; ++w) {
      offset = M::add_bit(offset, w * plan.window_bits + plan.window_bits - 1);
    }

    const std::size_t tasks = std::size_t{plan.windows} * plan.ranges;
    std::vector<Xyzz<F>> partial(tasks);
    parallel_for(0, tasks, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t task = first; task < last; ++task) {
        const std::size_t range = task % plan.ranges;
        const std::size_t begin = values.size() * range / plan.ranges;
        const std::size_t end = values.size() * (range + 1) / plan.ranges;
        partial[task] = window_sum<Int>(bases.subspan(begin, end - begin), values.subspan(begin, end - begin),
                                        static_cast<unsigned>(task / plan.ranges), plan, all, offset);
      }
    });

    Xyzz<F> sum;
    for (unsigned w = plan.windows; w-- > 0;) {
      for (unsigned i = 0; i < plan.window_bits; ++i) sum = sum.doubled();
      for (unsigned range = 0; range < plan.ranges; ++range)
        sum += partial[std::size_t{w} * plan.ranges + range];
    }
    return store(sum.to_affine());
  }

  /// sum_i digit_w(values[i]) * bases[i]. `all` bounds every magnitude.
  template <class Int>
  static Xyzz<F> window_sum(std::span<const G1Affine> bases, std::span<const Int> values, unsigned window,
                            const MsmPlan& plan, const typename Magnitude<Int>::Wide& all,
                            const typename Magnitude<Int>::Wide& offset) {
    using M = Magnitude<Int>;
    const unsigned shift = window * plan.window_bits;
    const bool top = window + 1 == plan.windows;
    const std::int64_t half = std::int64_t{1} << (plan.window_bits - 1);
    const std::uint64_t mask = (std::uint64_t{1} << plan.window_bits) - 1;
    // Digit magnitudes run from 1 to the bucket count; in the top window to the digit of the widest value.
    const std::size_t bucket_count =
        top ? static_cast<std::size_t>(M::bits(M::add(all, offset), shift)) : static_cast<std::size_t>(half);
    std::vector<Xyzz<F>> buckets(bucket_count);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint64_t field = M::bits(M::add(M::of(values[i]), offset), shift);
      const std::int64_t digit =
          top ? static_cast<std::int64_t>(field) : static_cast<std::int64_t>(field & mask) - half;
      if (digit == 0) continue;
      const Affine<F> p = load(bases[i]);
      const bool negative = (digit < 0) != M::is_negative(values[i]);
      buckets[static_cast<std::size_t>(digit < 0 ? -digit : digit) - 1] += negative ? -p : p;
    }
    // sum_k k * bucket_k as the sum of the suffix sums.
    Xyzz<F> suffix, sum;
    for (std::size_t k = bucket_count; k-- > 0;) {
      suffix += buckets[k];
      sum += suffix;
    }
    return sum;
  }
};

}  // namespace assay::curve
