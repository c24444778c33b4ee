// Eight field elements side by side in AVX-512 registers, one a 64-bit lane, as five limbs of 52 bits.
//
// The instructions vpmadd52luq and vpmadd52huq multiply the low 52 bits of two lanes and add the low or high
// half of the product to a third (Gueron, Krasnov, "Accelerating big integer arithmetic using Intel IFMA
// extensions", ARITH 2016). Montgomery's R is 2^260 here, about 84 m, so factors of several m need no
// subtraction before a product. How far values may run over m is part of their type:
//
//   Tight<P, B>     every limb in [0, 2^52), the value in [0, B/16 m)
//   Loose<P, L, H>  limbs are signed and of at most 62 bits, the value in [L/16 m, H/16 m)
//
// Only Tight values are multiplied; sums and differences are Loose until carried. A bound that does not hold
// by arithmetic does not compile, and builds with assertions check every value against its type.
#pragma once

#include "field/target_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <immintrin.h>

#include <array>
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "field/parameters.h"
#include "field/product_count.h"

namespace assay::field::ifma {

inline constexpr int kLanes = 8;
inline constexpr std::uint64_t kLimbMask = (std::uint64_t{1} << 52) - 1;

using Limbs52 = std::array<std::uint64_t, 5>;

constexpr Limbs52 to_limbs52(const Limbs& a) {
  return {a[0] & kLimbMask, (a[0] >> 52 | a[1] << 12) & kLimbMask, (a[1] >> 40 | a[2] << 24) & kLimbMask,
          (a[2] >> 28 | a[3] << 36) & kLimbMask, a[3] >> 16};
}

constexpr Limbs52 times_small(const Limbs52& a, std::uint64_t factor) {
  Limbs52 out{};
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    // No limb times 64 leaves 64 bits.
    const std::uint64_t sum = a[i] * factor + carry;
    out[i] = i < 4 ? sum & kLimbMask : sum;
    carry = sum >> 52;
  }
  return out;
}

/// What reduced() subtracts for a value whose bits from 254 on are `unit`: the multiple of m below it.
template <class P>
constexpr int multiple_below(int unit) {
  // The top words of 2^254 and of m, both cut to 50 bits; m rounded up.
  return static_cast<int>((static_cast<std::uint64_t>(unit) << 50) / ((P::kModulus[3] >> 12) + 1));
}

template <class P, int kLow, int kHigh>
struct Loose;

// The alignment is said here: without AVX-512 switched on for the whole file, GCC gives __m512i less.
template <class P, int kBound>
struct alignas(64) Tight {
  __m512i limb[5];
};

/// The bound that reduced() leaves.
inline constexpr int kReduced = 37;

ASSAY_TARGET_IFMA_BEGIN

/// Ends the program where a lane of `limb` lies outside [low/16 m, high/16 m), in builds with assertions.
template <class P>
ASSAY_INLINE void check_bounds([[maybe_unused]] const __m512i (&limb)[5], [[maybe_unused]] int low,
                               [[maybe_unused]] int high, [[maybe_unused]] bool tight) {
#ifndef NDEBUG
  alignas(64) std::array<std::array<std::int64_t, kLanes>, 5> lanes;
  for (std::size_t i = 0; i < 5; ++i) _mm512_store_si512(lanes[i].data(), limb[i]);
  const auto m =
      static_cast<long double>(P::kModulus[3]) + 0x1p-64L * static_cast<long double>(P::kModulus[2]);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    long double value = 0;
    for (std::size_t i = 5; i-- > 0;) {
      if (tight)
        ASSAY_CHECK(lanes[i][lane] >= 0 && static_cast<std::uint64_t>(lanes[i][lane]) <= kLimbMask, i, lane,
                    lanes[i][lane]);
      value = value * 0x1p52L + static_cast<long double>(lanes[i][lane]);
    }
    value *= 16.0L / m * 0x1p-192L;
    // Sixty bits of precision against bounds of a sixteenth.
    ASSAY_CHECK(
        value > static_cast<long double>(low) - 1e-9L && value < static_cast<long double>(high) + 1e-9L, lane,
        value, low, high);
  }
#endif
}

template <class P>
ASSAY_INLINE __m512i modulus_limb(int i) {
  constexpr Limbs52 m = to_limbs52(P::kModulus);
  return _mm512_set1_epi64(static_cast<long long>(m[static_cast<std::size_t>(i)]));
}

ASSAY_INLINE void propagate_carries(__m512i (&limb)[5]) {
  const __m512i mask = _mm512_set1_epi64(kLimbMask);
  ASSAY_UNROLL for (int i = 0; i < 4; ++i) {
    limb[i + 1] = _mm512_add_epi64(limb[i + 1], _mm512_srai_epi64(limb[i], 52));
    limb[i] = _mm512_and_si512(limb[i], mask);
  }
}

/// A signed sum of field elements whose carries have not been passed on.
template <class P, int kLow, int kHigh>
struct alignas(64) Loose {
  __m512i limb[5];

  /// Multiples of m that make the value non-negative.
  static constexpr int kLift = kLow < 0 ? (-kLow + 15) / 16 : 0;

  /// The same residue, tight: lifted over zero.
  [[nodiscard]] ASSAY_INLINE Tight<P, kHigh + 16 * kLift> carried() const {
    static_assert(kHigh + 16 * kLift <= 16 * 84, "over R");
    check_bounds<P>(limb, kLow, kHigh, false);
    Tight<P, kHigh + 16 * kLift> out;
    constexpr Limbs52 lift = times_small(to_limbs52(P::kModulus), kLift);
    ASSAY_UNROLL for (int i = 0; i < 5; ++i) {
      out.limb[i] = kLift == 0 ? limb[i]
                               : _mm512_add_epi64(limb[i], _mm512_set1_epi64(static_cast<long long>(
                                                               lift[static_cast<std::size_t>(i)])));
    }
    propagate_carries(out.limb);
    check_bounds<P>(out.limb, 0, kHigh + 16 * kLift, true);
    return out;
  }

  /// The same residue below 37/16 m: the bits from 254 on choose which multiple of m to take away.
  [[nodiscard]] ASSAY_INLINE Tight<P, kReduced> reduced() const {
    // A sixteenth of m to spare, so that carries still to come cannot pull the chosen bits below zero.
    constexpr int kAdd = (-kLow + 16) / 16;
    static_assert(kLow + 16 * kAdd >= 1 && kHigh + 16 * kAdd <= 169, "outside of the table");
    check_bounds<P>(limb, kLow, kHigh, false);
    constexpr Limbs52 m = to_limbs52(P::kModulus);
    const __m512i top = _mm512_add_epi64(
        limb[4], _mm512_set1_epi64(static_cast<long long>(times_small(m, static_cast<unsigned>(kAdd))[4])));
    const __m512i unit = _mm512_srli_epi64(top, 46);
    Tight<P, kReduced> out;
    ASSAY_UNROLL for (int i = 0; i < 5; ++i) {
      out.limb[i] = _mm512_add_epi64(limb[i], _mm512_permutexvar_epi64(unit, correction<kAdd>(i)));
    }
    propagate_carries(out.limb);
    check_bounds<P>(out.limb, 0, kReduced, true);
    return out;
  }

  [[nodiscard]] ASSAY_INLINE Loose<P, 4 * kLow, 4 * kHigh> times_four() const {
    Loose<P, 4 * kLow, 4 * kHigh> out;
    ASSAY_UNROLL for (int i = 0; i < 5; ++i) out.limb[i] = _mm512_slli_epi64(limb[i], 2);
    return out;
  }

 private:
  /// Limb i of (kAdd - multiple_below(unit)) m for the eight units.
  template <int kAdd>
  ASSAY_INLINE static __m512i correction(int i) {
    struct Table {
      alignas(64) std::int64_t limb[5][kLanes];
    };
    static constexpr Table kTable = [] {
      Table table{};
      const Limbs52 m = to_limbs52(P::kModulus);
      for (int unit = 0; unit < kLanes; ++unit) {
        const int times = kAdd - multiple_below<P>(unit);
        const Limbs52 multiple = times_small(m, static_cast<std::uint64_t>(times < 0 ? -times : times));
        for (std::size_t j = 0; j < 5; ++j) {
          const auto value = static_cast<std::int64_t>(multiple[j]);
          table.limb[j][unit] = times < 0 ? -value : value;
        }
      }
      return table;
    }();
    return _mm512_load_si512(kTable.limb[i]);
  }
};

template <class P, int kLow, int kHigh>
ASSAY_INLINE Loose<P, kLow, kHigh> loosened(const Loose<P, kLow, kHigh>& a) {
  return a;
}
template <class P, int kBound>
ASSAY_INLINE Loose<P, 0, kBound> loosened(const Tight<P, kBound>& a) {
  return {{a.limb[0], a.limb[1], a.limb[2], a.limb[3], a.limb[4]}};
}

template <class P, int kLowA, int kHighA, int kLowB, int kHighB>
ASSAY_INLINE auto sum_of(const Loose<P, kLowA, kHighA>& a, const Loose<P, kLowB, kHighB>& b) {
  Loose<P, kLowA + kLowB, kHighA + kHighB> out;
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) out.limb[i] = _mm512_add_epi64(a.limb[i], b.limb[i]);
  return out;
}
template <class P, int kLowA, int kHighA, int kLowB, int kHighB>
ASSAY_INLINE auto difference_of(const Loose<P, kLowA, kHighA>& a, const Loose<P, kLowB, kHighB>& b) {
  Loose<P, kLowA - kHighB, kHighA - kLowB> out;
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) out.limb[i] = _mm512_sub_epi64(a.limb[i], b.limb[i]);
  return out;
}
template <class A, class B>
ASSAY_INLINE auto operator+(const A& a, const B& b) -> decltype(sum_of(loosened(a), loosened(b))) {
  return sum_of(loosened(a), loosened(b));
}
template <class A, class B>
ASSAY_INLINE auto operator-(const A& a, const B& b) -> decltype(difference_of(loosened(a), loosened(b))) {
  return difference_of(loosened(a), loosened(b));
}

/// What a sum of products of at most sum/256 m^2 stays under after the division by R, in sixteenths of m: sum
/// / R + m.
constexpr int product_bound(int sum) { return (sum + 16 * 84 - 1) / (16 * 84) + 16; }

/// The ten columns t over 2^260, limb by limb: each step makes the lowest column a multiple of 2^52. A column
/// gets at most ten low and ten high halves in all, so it stays below 2^57.
template <class P>
ASSAY_INLINE void montgomery_reduce(__m512i (&t)[10]) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i inverse = _mm512_set1_epi64(static_cast<long long>(P::kNegatedInverse & kLimbMask));
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) {
    const __m512i q = _mm512_madd52lo_epu64(zero, t[i], inverse);
    ASSAY_UNROLL for (int j = 0; j < 5; ++j) t[i + j] =
        _mm512_madd52lo_epu64(t[i + j], q, modulus_limb<P>(j));
    ASSAY_UNROLL for (int j = 0; j < 5; ++j) t[i + j + 1] =
        _mm512_madd52hi_epu64(t[i + j + 1], q, modulus_limb<P>(j));
    t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64(t[i], 52));
  }
}

/// The columns of a product, or of a sum of products, before the division by R.
template <class P>
class Columns {
 public:
  /// What may be summed: factors below m, so that each of the ten columns stays below 2^62.
  static constexpr std::size_t kMaxProducts = 64;

  ASSAY_INLINE Columns() { ASSAY_UNROLL for (int i = 0; i < 10; ++i) t_[i] = _mm512_setzero_si512(); }

  template <int kA, int kB>
  ASSAY_INLINE void add_product(const Tight<P, kA>& a, const Tight<P, kB>& b) {
    ASSAY_COUNT_PRODUCT();
    ASSAY_UNROLL for (int i = 0; i < 5; ++i) {
      ASSAY_UNROLL for (int j = 0; j < 5; ++j) t_[i + j] =
          _mm512_madd52lo_epu64(t_[i + j], a.limb[j], b.limb[i]);
      ASSAY_UNROLL for (int j = 0; j < 5; ++j) t_[i + j + 1] =
          _mm512_madd52hi_epu64(t_[i + j + 1], a.limb[j], b.limb[i]);
    }
  }

  /// The sum over R, for columns that hold at most kSum/256 m^2.
  template <int kSum>
  ASSAY_INLINE Loose<P, 0, product_bound(kSum)> over_r() {
    montgomery_reduce<P>(t_);
    return {{t_[5], t_[6], t_[7], t_[8], t_[9]}};
  }

 private:
  __m512i t_[10];
};

/// a * b / 2^260.
template <class P, int kA, int kB>
ASSAY_INLINE Loose<P, 0, product_bound(kA* kB)> operator*(const Tight<P, kA>& a, const Tight<P, kB>& b) {
  Columns<P> columns;
  columns.add_product(a, b);
  return columns.template over_r<kA * kB>();
}

/// a^2 / 2^260: each mixed product once, all of them doubled together.
template <class P, int kA>
ASSAY_INLINE Loose<P, 0, product_bound(kA* kA)> squared(const Tight<P, kA>& a) {
  ASSAY_COUNT_PRODUCT();
  __m512i t[10];
  ASSAY_UNROLL for (int i = 0; i < 10; ++i) t[i] = _mm512_setzero_si512();
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) {
    ASSAY_UNROLL for (int j = i + 1; j < 5; ++j) {
      t[i + j] = _mm512_madd52lo_epu64(t[i + j], a.limb[i], a.limb[j]);
      t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a.limb[i], a.limb[j]);
    }
  }
  ASSAY_UNROLL for (int i = 0; i < 10; ++i) t[i] = _mm512_add_epi64(t[i], t[i]);
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) {
    t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a.limb[i], a.limb[i]);
    t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a.limb[i], a.limb[i]);
  }
  montgomery_reduce<P>(t);
  return {{t[5], t[6], t[7], t[8], t[9]}};
}

/// The value in [0, m).
template <class P, int kBound>
ASSAY_INLINE Tight<P, 16> canonical(const Tight<P, kBound>& a) {
  static_assert(kBound <= 48, "two subtractions do not suffice");
  Tight<P, 16> out{{a.limb[0], a.limb[1], a.limb[2], a.limb[3], a.limb[4]}};
  ASSAY_UNROLL for (int times = 0; times < 2; ++times) {
    __m512i less[5];
    ASSAY_UNROLL for (int i = 0; i < 5; ++i) less[i] = _mm512_sub_epi64(out.limb[i], modulus_limb<P>(i));
    propagate_carries(less);
    const __mmask8 negative = _mm512_movepi64_mask(less[4]);
    ASSAY_UNROLL for (int i = 0; i < 5; ++i) out.limb[i] =
        _mm512_mask_mov_epi64(less[i], negative, out.limb[i]);
  }
  check_bounds<P>(out.limb, 0, 16, true);
  return out;
}

/// The same integer in every lane.
template <class P, int kBound>
ASSAY_INLINE Tight<P, kBound> broadcast(const Limbs& value) {
  const Limbs52 limbs = to_limbs52(value);
  Tight<P, kBound> out;
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) out.limb[i] =
      _mm512_set1_epi64(static_cast<long long>(limbs[static_cast<std::size_t>(i)]));
  return out;
}

/// Five limbs of 52 bits from four of 64 (w[0] least significant).
template <class P, int kBound>
ASSAY_INLINE Tight<P, kBound> from_words(const __m512i (&w)[4]) {
  const __m512i mask = _mm512_set1_epi64(kLimbMask);
  Tight<P, kBound> out;
  out.limb[0] = _mm512_and_si512(w[0], mask);
  ASSAY_UNROLL for (int i = 1; i < 4; ++i) {
    // 0xe0: the first and (the second or the third)
    out.limb[i] =
        _mm512_ternarylogic_epi64(mask, _mm512_srli_epi64(w[i - 1], static_cast<unsigned>(64 - 12 * i)),
                                  _mm512_slli_epi64(w[i], static_cast<unsigned>(12 * i)), 0xe0);
  }
  out.limb[4] = _mm512_srli_epi64(w[3], 16);
  check_bounds<P>(out.limb, 0, kBound, true);
  return out;
}

/// Four words of 64 bits from five limbs; the value is below 2^256.
template <class P, int kBound>
ASSAY_INLINE void to_words(const Tight<P, kBound>& a, __m512i (&w)[4]) {
  static_assert(kBound <= 84, "over 2^256");
  ASSAY_UNROLL for (int i = 0; i < 4; ++i) {
    w[i] = _mm512_or_si512(_mm512_srli_epi64(a.limb[i], static_cast<unsigned>(12 * i)),
                           _mm512_slli_epi64(a.limb[i + 1], static_cast<unsigned>(52 - 12 * i)));
  }
}

/// Eight rows of eight words, transposed.
ASSAY_INLINE void transpose(__m512i (&r)[8]) {
  __m512i pair[8];
  ASSAY_UNROLL for (int i = 0; i < 8; i += 2) {
    pair[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
    pair[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
  }
  __m512i quad[8];
  ASSAY_UNROLL for (int i = 0; i < 8; i += 4) {
    ASSAY_UNROLL for (int j = 0; j < 2; ++j) {
      quad[i + j] = _mm512_shuffle_i64x2(pair[i + j], pair[i + j + 2], 0x88);
      quad[i + j + 2] = _mm512_shuffle_i64x2(pair[i + j], pair[i + j + 2], 0xdd);
    }
  }
  // quad[j] holds columns j and j + 4 of rows 0..3, quad[j + 2] columns j + 2 and j + 6; quad[4..] of
  // rows 4..7.
  ASSAY_UNROLL for (int j = 0; j < 4; ++j) {
    r[j] = _mm512_shuffle_i64x2(quad[j], quad[j + 4], 0x88);
    r[j + 4] = _mm512_shuffle_i64x2(quad[j], quad[j + 4], 0xdd);
  }
}

ASSAY_TARGET_IFMA_END

}  // namespace assay::field::ifma

#endif  // defined(ASSAY_HAS_IFMA)
