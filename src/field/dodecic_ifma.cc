#include "field/dodecic_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include "field/backend_adx.h"
#include "field/element.h"
#include "field/lanes_ifma.h"
#include "field/tower.h"

namespace assay::field {
namespace {

using P = FpParameters;
using F = Element<P, AdxBackend>;
using ifma::Loose;
using ifma::Tight;

/// An element of Fp6, or one of Fp2 three times over: a coordinate a lane.
using SixLanes = Tight<P, ifma::kReduced>;

// Products here divide by 2^260. x 2^256 times 2^264 is x 2^260; times 2^256 it comes back.
constexpr Limbs kIn = internal::power_of_two(264, P::kModulus);
constexpr Limbs kOut = P::kOne;

ASSAY_TARGET_IFMA_BEGIN

/// A sum of products before its reduction; kSum bounds it, in 256ths of p^2.
template <int kSum>
struct Products {
  ifma::Columns<P> columns;

  template <int kA, int kB>
  [[nodiscard]] ASSAY_INLINE Products<kSum + kA * kB> plus(const Tight<P, kA>& a,
                                                           const Tight<P, kB>& b) const {
    Products<kSum + kA * kB> out{columns};
    out.columns.add_product(a, b);
    return out;
  }

  [[nodiscard]] ASSAY_INLINE auto over_r() const {
    ifma::Columns<P> sum = columns;
    return sum.template over_r<kSum>();
  }
};

ASSAY_INLINE Products<0> no_products() { return {}; }

template <class Vector>
ASSAY_INLINE Vector permuted(const Vector& x, __m512i index) {
  Vector out;
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) out.limb[i] = _mm512_permutexvar_epi64(index, x.limb[i]);
  return out;
}

template <class Vector>
ASSAY_INLINE Vector lane(const Vector& x, int k) {
  return permuted(x, _mm512_set1_epi64(k));
}

/// Lanes 0-7 of x and 8-15 of y.
template <class Vector>
ASSAY_INLINE Vector selected(const Vector& x, const Vector& y, __m512i index) {
  Vector out;
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) out.limb[i] =
      _mm512_permutex2var_epi64(x.limb[i], index, y.limb[i]);
  return out;
}

/// The real parts, or the imaginary ones, of three elements of Fp2 in both of their lanes.
ASSAY_INLINE SixLanes real_parts(const SixLanes& x) {
  return permuted(x, _mm512_setr_epi64(0, 0, 2, 2, 4, 4, 6, 6));
}
ASSAY_INLINE SixLanes imaginary_parts(const SixLanes& x) {
  return permuted(x, _mm512_setr_epi64(1, 1, 3, 3, 5, 5, 7, 7));
}

/// i (a + bi) = -b + ai.
template <int kBound>
ASSAY_INLINE Loose<P, -kBound, kBound> times_i(const Tight<P, kBound>& x) {
  const Tight<P, kBound> swapped = permuted(x, _mm512_setr_epi64(1, 0, 3, 2, 5, 4, 7, 6));
  Loose<P, -kBound, kBound> out;
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) out.limb[i] =
      _mm512_mask_sub_epi64(swapped.limb[i], 0x55, _mm512_setzero_si512(), swapped.limb[i]);
  return out;
}

/// (9 + i) x.
ASSAY_INLINE SixLanes times_xi(const SixLanes& x) {
  const SixLanes three = (x + x + x).reduced();
  const SixLanes nine = (three + three + three).reduced();
  return (nine + times_i(x)).reduced();
}

/// v^kPower x from x and xi x: coefficients that pass v^3 pick up xi.
template <int kPower, class Vector>
ASSAY_INLINE Vector times_v(const Vector& x, const Vector& xi_x) {
  static_assert(kPower >= 0 && kPower <= 2);
  if constexpr (kPower == 0) return x;
  if constexpr (kPower == 1) return selected(x, xi_x, _mm512_setr_epi64(12, 13, 0, 1, 2, 3, 6, 7));
  return selected(x, xi_x, _mm512_setr_epi64(10, 11, 12, 13, 0, 1, 6, 7));
}

/// What products with an element of Fp6 are put together from.
struct Multiples {
  using Turned = decltype(times_i(SixLanes()).carried());
  SixLanes x, xi_x;
  Turned i_x, i_xi_x;

  ASSAY_INLINE explicit Multiples(const SixLanes& value)
      : x(value), xi_x(times_xi(value)), i_x(times_i(x).carried()), i_xi_x(times_i(xi_x).carried()) {}
};

/// sum + (a_k + a_{k+1} i) v^kPower x, for the lanes k and k + 1 of a.
template <int kPower, int kSum, class Vector>
ASSAY_INLINE auto plus_term(const Products<kSum>& sum, const Vector& a, int k, const Multiples& x) {
  return sum.plus(lane(a, k), times_v<kPower>(x.x, x.xi_x))
      .plus(lane(a, k + 1), times_v<kPower>(x.i_x, x.i_xi_x));
}

ASSAY_INLINE auto product(const SixLanes& a, const Multiples& b) {
  return plus_term<2>(plus_term<1>(plus_term<0>(no_products(), a, 0, b), a, 2, b), a, 4, b).over_r();
}

/// a b of three pairs in Fp2, added to a sum.
template <int kSum>
ASSAY_INLINE auto plus_three(const Products<kSum>& sum, const SixLanes& a, const SixLanes& b) {
  return sum.plus(real_parts(a), b).plus(imaginary_parts(a), times_i(b).carried());
}

/// Word j of eight elements.
struct alignas(64) Words {
  std::array<std::array<std::uint64_t, 8>, 4> word{};
};

template <int kBound>
ASSAY_INLINE Tight<P, kBound> from_storage(const Words& words) {
  __m512i column[4];
  ASSAY_UNROLL for (std::size_t j = 0; j < 4; ++j) column[j] = _mm512_load_si512(words.word[j].data());
  return ifma::from_words<P, kBound>(column);
}

ASSAY_TARGET_IFMA_END

}  // namespace

ASSAY_TARGET_IFMA_BEGIN

struct DodecicIfma::Lanes {
  SixLanes c0, c1;

  using Half = std::array<std::array<std::uint64_t, 8>, 5>;
  ASSAY_INLINE static SixLanes load(const Half& half) {
    SixLanes out;
    ASSAY_UNROLL for (std::size_t i = 0; i < 5; ++i) out.limb[i] = _mm512_loadu_si512(half[i].data());
    return out;
  }
  template <int kBound>
  ASSAY_INLINE static void store(const Tight<P, kBound>& x, Half& half) {
    static_assert(kBound <= ifma::kReduced);
    ASSAY_UNROLL for (std::size_t i = 0; i < 5; ++i) _mm512_storeu_si512(half[i].data(), x.limb[i]);
  }

  ASSAY_INLINE explicit Lanes(const DodecicIfma& x) : c0(load(x.half_[0])), c1(load(x.half_[1])) {}
  template <int kBound0, int kBound1>
  ASSAY_INLINE static DodecicIfma joined(const Tight<P, kBound0>& c0, const Tight<P, kBound1>& c1) {
    DodecicIfma out;
    store(c0, out.half_[0]);
    store(c1, out.half_[1]);
    return out;
  }
};

DodecicIfma::LineScale DodecicIfma::LineScale::of(const Limbs& b, const Limbs& c) {
  Words words;
  for (std::size_t j = 0; j < 4; ++j) words.word[j] = {b[j], b[j], c[j], c[j], 0, 0, 0, 0};
  // 2^264 times the scale: coefficients of lines come in with 2^256.
  const auto scale =
      (from_storage<16>(words) * ifma::broadcast<P, 16>(internal::power_of_two(268, P::kModulus))).carried();
  LineScale out;
  Lanes::store(scale, out.limb_);
  return out;
}

DodecicIfma DodecicIfma::one() {
  Coordinates one{};
  one[0] = P::kOne;
  return load(one);
}

DodecicIfma DodecicIfma::load(const Coordinates& coordinates) {
  Words words[2];
  for (std::size_t k = 0; k < 12; ++k)
    for (std::size_t j = 0; j < 4; ++j) words[k / 6].word[j][k % 6] = coordinates[k][j];
  const auto in = ifma::broadcast<P, 16>(kIn);
  return Lanes::joined((from_storage<16>(words[0]) * in).carried(),
                       (from_storage<16>(words[1]) * in).carried());
}

DodecicIfma::Coordinates DodecicIfma::store() const {
  const Lanes x(*this);
  const auto out = ifma::broadcast<P, 16>(kOut);
  Coordinates coordinates;
  for (std::size_t half = 0; half < 2; ++half) {
    __m512i column[4];
    ifma::to_words(((half == 0 ? x.c0 : x.c1) * out).carried(), column);
    Words words;
    for (std::size_t j = 0; j < 4; ++j) _mm512_store_si512(words.word[j].data(), column[j]);
    for (std::size_t k = 0; k < 6; ++k) {
      // Below 2 p, as the bound says.
      coordinates[6 * half + k] = AdxBackend::reduce_once<P>(
          {words.word[0][k], words.word[1][k], words.word[2][k], words.word[3][k]});
    }
  }
  return coordinates;
}

DodecicIfma operator*(const DodecicIfma& a, const DodecicIfma& b) {
  const DodecicIfma::Lanes x(a), y(b);
  const auto v0 = product(x.c0, Multiples(y.c0));
  const auto v1 = product(x.c1, Multiples(y.c1));
  const auto mixed = product((x.c0 + x.c1).reduced(), Multiples((y.c0 + y.c1).reduced()));
  const SixLanes v1_reduced = v1.reduced();
  return DodecicIfma::Lanes::joined((v0 + times_v<1>(v1_reduced, times_xi(v1_reduced))).reduced(),
                                    (mixed - v0 - v1).reduced());
}

DodecicIfma DodecicIfma::squared() const {
  const Lanes x(*this);
  const Multiples c1(x.c1);
  const SixLanes ab = product(x.c0, c1).reduced();
  const auto both = product((x.c0 + x.c1).reduced(), Multiples((x.c0 + times_v<1>(c1.x, c1.xi_x)).reduced()));
  return Lanes::joined((both - ab - times_v<1>(ab, times_xi(ab))).reduced(), (ab + ab).reduced());
}

DodecicIfma DodecicIfma::cyclotomic_squared() const {
  const Lanes x(*this);
  // (c0.c0, c1.c1), (c1.c0, c0.c2), (c0.c1, c1.c2) are the three elements of Fp4.
  const SixLanes a = selected(x.c0, x.c1, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 6, 7));
  const SixLanes b = selected(x.c0, x.c1, _mm512_setr_epi64(10, 11, 4, 5, 12, 13, 6, 7));
  const auto even = plus_three(plus_three(no_products(), a, a), b, times_xi(b)).over_r();
  const SixLanes odd = plus_three(no_products(), a, b).over_r().reduced();
  const SixLanes turned = times_v<1>(odd, times_xi(odd));
  const SixLanes three_turned = (turned + turned + turned).reduced();
  return Lanes::joined((even + even + even - x.c0 - x.c0).reduced(),
                       (three_turned + three_turned + x.c1 + x.c1).reduced());
}

DodecicIfma DodecicIfma::conjugate() const {
  const Lanes x(*this);
  Loose<P, -ifma::kReduced, 0> negative;
  ASSAY_UNROLL for (int i = 0; i < 5; ++i) negative.limb[i] =
      _mm512_sub_epi64(_mm512_setzero_si512(), x.c1.limb[i]);
  return Lanes::joined(x.c0, negative.reduced());
}

DodecicIfma DodecicIfma::times_line(const std::array<Limbs, 4>& line, const LineScale& scale) const {
  const Lanes x(*this);
  Words words;
  for (std::size_t j = 0; j < 4; ++j)
    words.word[j] = {line[0][j], line[1][j], line[2][j], line[3][j], 0, 0, 0, 0};
  const auto scaled = (from_storage<16>(words) * Lanes::load(scale.limb_)).carried();
  const Multiples c0(x.c0), c1(x.c1);
  const auto to_c0 = plus_term<2>(plus_term<1>(no_products(), scaled, 0, c1), scaled, 2, c1).over_r();
  const auto to_c1 = plus_term<1>(plus_term<0>(no_products(), scaled, 0, c0), scaled, 2, c0).over_r();
  return Lanes::joined((x.c0 + to_c0).reduced(), (x.c1 + to_c1).reduced());
}

ASSAY_TARGET_IFMA_END

// Rare enough for one coordinate at a time.
DodecicIfma DodecicIfma::inverse() const { return load(Dodecic<F>::load(store()).inverse().store()); }
DodecicIfma DodecicIfma::frobenius() const { return load(Dodecic<F>::load(store()).frobenius().store()); }

}  // namespace assay::field
#endif
