// The tower over Fp that the pairing lives in:
//
//   Fp2  = Fp[i]  / (i^2 + 1)
//   Fp6  = Fp2[v] / (v^3 - xi),  xi = 9 + i
//   Fp12 = Fp6[w] / (w^2 - v)
//
// Every coordinate of a product in Fp2 or Fp6 is an inner product over Fp that is reduced once (Longa,
// "Efficient algorithms for large prime characteristic fields and their application to bilinear pairings",
// TCHES 2023(3)); Fp12 takes three products of Fp6 by Karatsuba's method (Devegili, O hEigeartaigh, Scott,
// Dahab, "Multiplication and squaring on pairing-friendly fields", 2006).
#pragma once

#include <array>
#include <concepts>
#include <cstdint>

#include "field/element.h"

namespace assay::field {

/// Copies an element word by word: see Element's assignment.
template <class F>
[[gnu::always_inline]] inline void copy_words(const F& from, Limbs& to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    std::uint64_t word = from.limbs()[i];
    __asm__("" : "+r"(word));
    to[i] = word;
  }
}

/// Both elements, copied word by word.
template <class F>
[[gnu::always_inline]] inline Pair pair_of(const F& first, const F& second) {
  Pair out;
  copy_words(first, out[0]);
  copy_words(second, out[1]);
  return out;
}

template <class F>
struct Quadratic {
  using Base = F;
  F c0, c1;

  static Quadratic zero() { return {}; }
  static Quadratic one() { return {F::one(), F::zero()}; }
  [[nodiscard]] bool is_zero() const { return c0.is_zero() && c1.is_zero(); }
  friend bool operator==(const Quadratic&, const Quadratic&) = default;

  friend Quadratic operator+(const Quadratic& a, const Quadratic& b) { return {a.c0 + b.c0, a.c1 + b.c1}; }
  friend Quadratic operator-(const Quadratic& a, const Quadratic& b) { return {a.c0 - b.c0, a.c1 - b.c1}; }
  // Not inlined, as the products of Fp12 would not fit the instruction cache.
  [[gnu::noinline]] friend Quadratic operator*(const Quadratic& a, const Quadratic& b) {
    const Pair factor = pair_of(a.c0, a.c1);
    return {F::inner_product(factor, pair_of(b.c0, -b.c1)), F::inner_product(factor, pair_of(b.c1, b.c0))};
  }
  friend Quadratic operator*(const Quadratic& a, const F& b) { return {a.c0 * b, a.c1 * b}; }
  Quadratic operator-() const { return {-c0, -c1}; }
  Quadratic& operator+=(const Quadratic& b) { return *this = *this + b; }
  Quadratic& operator-=(const Quadratic& b) { return *this = *this - b; }
  Quadratic& operator*=(const Quadratic& b) { return *this = *this * b; }

  /// a b + c d, with one reduction for each coordinate.
  [[gnu::noinline]] static Quadratic inner_product(const Quadratic& a, const Quadratic& b, const Quadratic& c,
                                                   const Quadratic& d) {
    const Pair left = pair_of(a.c0, a.c1), right = pair_of(c.c0, c.c1);
    return {F::inner_product(left, pair_of(b.c0, -b.c1), right, pair_of(d.c0, -d.c1)),
            F::inner_product(left, pair_of(b.c1, b.c0), right, pair_of(d.c1, d.c0))};
  }

  /// (a + bi)^2 = (a + b)(a - b) + 2ab i.
  [[nodiscard, gnu::noinline]] Quadratic squared() const {
    return {(c0 + c1) * (c0 - c1), (c0 * c1).doubled()};
  }
  [[nodiscard]] Quadratic doubled() const { return {c0.doubled(), c1.doubled()}; }
  [[nodiscard]] Quadratic conjugate() const { return {c0, -c1}; }

  /// 1 / (a + bi) = (a - bi) / (a^2 + b^2); zero for zero.
  [[nodiscard]] Quadratic inverse() const {
    const F norm_inverse = (c0.squared() + c1.squared()).inverse();
    return {c0 * norm_inverse, -(c1 * norm_inverse)};
  }

  /// xi * (a + bi) = (9a - b) + (9b + a) i.
  [[nodiscard]] Quadratic times_xi() const {
    const F nine_a = c0.doubled().doubled().doubled() + c0;
    const F nine_b = c1.doubled().doubled().doubled() + c1;
    return {nine_a - c1, nine_b + c0};
  }
};

template <class F>
struct Sextic {
  using Fp2 = Quadratic<F>;
  Fp2 c0, c1, c2;

  static Sextic zero() { return {}; }
  static Sextic one() { return {Fp2::one(), {}, {}}; }
  [[nodiscard]] bool is_zero() const { return c0.is_zero() && c1.is_zero() && c2.is_zero(); }
  friend bool operator==(const Sextic&, const Sextic&) = default;

  friend Sextic operator+(const Sextic& a, const Sextic& b) {
    return {a.c0 + b.c0, a.c1 + b.c1, a.c2 + b.c2};
  }
  friend Sextic operator-(const Sextic& a, const Sextic& b) {
    return {a.c0 - b.c0, a.c1 - b.c1, a.c2 - b.c2};
  }
  /// Coefficient j is the inner product of (a0, a1, a2) with three neighbours of b2, b1, b0, xi b2, xi b1,
  /// from number 2 - j on.
  [[gnu::noinline]] friend Sextic operator*(const Sextic& a, const Sextic& b) {
    std::array<Limbs, 6> factor;
    const std::array<const Fp2*, 3> parts{&a.c0, &a.c1, &a.c2};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      copy_words(parts[i]->c0, factor[2 * i]);
      copy_words(parts[i]->c1, factor[2 * i + 1]);
    }
    const Fp2 xi_b2 = b.c2.times_xi(), xi_b1 = b.c1.times_xi();
    const std::array<const Fp2*, 5> row{&b.c2, &b.c1, &b.c0, &xi_b2, &xi_b1};
    std::array<Limbs, 10> for_c0, for_c1;
    for (std::size_t i = 0; i < row.size(); ++i) {
      copy_words(row[i]->c0, for_c0[2 * i]);
      copy_words(-row[i]->c1, for_c0[2 * i + 1]);
      copy_words(row[i]->c1, for_c1[2 * i]);
      copy_words(row[i]->c0, for_c1[2 * i + 1]);
    }
    const auto coefficient = [&](std::size_t j) {
      return Fp2{F::inner_product(factor, Six(&for_c0[4 - 2 * j], 6)),
                 F::inner_product(factor, Six(&for_c1[4 - 2 * j], 6))};
    };
    return {coefficient(0), coefficient(1), coefficient(2)};
  }
  Sextic operator-() const { return {-c0, -c1, -c2}; }

  [[nodiscard]] Sextic times_v() const { return {c2.times_xi(), c0, c1}; }

  /// (Beuchat et al., "High-speed software implementation of the optimal ate pairing over Barreto-Naehrig
  /// curves", 2010, algorithm 17.)
  [[nodiscard]] Sextic inverse() const {
    const Fp2 t0 = c0.squared() - (c1 * c2).times_xi();
    const Fp2 t1 = c2.squared().times_xi() - c0 * c1;
    const Fp2 t2 = c1.squared() - c0 * c2;
    const Fp2 scale = (c0 * t0 + (c2 * t1 + c1 * t2).times_xi()).inverse();
    return {t0 * scale, t1 * scale, t2 * scale};
  }
};

template <class F>
struct Dodecic {
  using Fp2 = Quadratic<F>;
  using Fp6 = Sextic<F>;
  Fp6 c0, c1;

  static Dodecic one() { return {Fp6::one(), {}}; }
  friend bool operator==(const Dodecic&, const Dodecic&) = default;

  friend Dodecic operator*(const Dodecic& a, const Dodecic& b) {
    const Fp6 v0 = a.c0 * b.c0;
    const Fp6 v1 = a.c1 * b.c1;
    return {v0 + v1.times_v(), (a.c0 + a.c1) * (b.c0 + b.c1) - v0 - v1};
  }
  Dodecic& operator*=(const Dodecic& b) { return *this = *this * b; }

  /// (a + bw)^2 = (a + b)(a + bv) - ab - abv + 2ab w.
  [[nodiscard]] Dodecic squared() const {
    const Fp6 ab = c0 * c1;
    return {(c0 + c1) * (c0 + c1.times_v()) - ab - ab.times_v(), ab + ab};
  }

  /// x^(p^6); the inverse of an element of the cyclotomic subgroup.
  [[nodiscard]] Dodecic conjugate() const { return {c0, -c1}; }

  [[nodiscard]] Dodecic inverse() const {
    const Fp6 scale = (c0 * c0 - (c1 * c1).times_v()).inverse();
    return {c0 * scale, -(c1 * scale)};
  }

  /// Twelve elements of Fp in their storage form: c0.c0.c0, c0.c0.c1, c0.c1.c0, .. c1.c2.c1.
  using Coordinates = std::array<Limbs, 12>;
  static Dodecic load(const Coordinates& c) {
    const auto at = [&](std::size_t i) { return Fp2{F(c[2 * i]), F(c[2 * i + 1])}; };
    return {{at(0), at(1), at(2)}, {at(3), at(4), at(5)}};
  }
  [[nodiscard]] Coordinates store() const {
    Coordinates out;
    const std::array<const Fp2*, 6> parts = {&c0.c0, &c0.c1, &c0.c2, &c1.c0, &c1.c1, &c1.c2};
    for (std::size_t i = 0; i < 6; ++i) {
      out[2 * i] = parts[i]->c0.limbs();
      out[2 * i + 1] = parts[i]->c1.limbs();
    }
    return out;
  }

  /// Scales of the two coefficients of lines.
  struct LineScale {
    F b, c;
    static LineScale of(const Limbs& b, const Limbs& c) { return {F(b), F(c)}; }
  };
  /// Product with 1 + b w + c v w, where `line` is b then c before they are scaled.
  [[nodiscard]] Dodecic times_line(const std::array<Limbs, 4>& line, const LineScale& scale) const {
    return times_line(Fp2{F(line[0]), F(line[1])} * scale.b, Fp2{F(line[2]), F(line[3])} * scale.c);
  }
  /// Product with 1 + b w + c v w, the form of the Miller loop's lines.
  [[nodiscard]] Dodecic times_line(const Fp2& b, const Fp2& c) const {
    const Fp2 xi_b = b.times_xi(), xi_c = c.times_xi();
    // c1 times b + c v, times v = w^2; and c0 times b + c v.
    return {
        {c0.c0 + Fp2::inner_product(c1.c2, xi_b, c1.c1, xi_c),
         c0.c1 + Fp2::inner_product(c1.c0, b, c1.c2, xi_c), c0.c2 + Fp2::inner_product(c1.c1, b, c1.c0, c)},
        {c1.c0 + Fp2::inner_product(c0.c0, b, c0.c2, xi_c), c1.c1 + Fp2::inner_product(c0.c1, b, c0.c0, c),
         c1.c2 + Fp2::inner_product(c0.c2, b, c0.c1, c)}};
  }

  /// The square of an element with x^(p^4 - p^2 + 1) = 1, as three squares a^2 + xi b^2, 2ab of Fp4 =
  /// Fp2[s]/(s^2 - xi), s = vw (Granger and Scott, "Faster squaring in the cyclotomic subgroup of sixth
  /// degree extensions", PKC 2010, section 3).
  [[nodiscard]] Dodecic cyclotomic_squared() const {
    const auto even = [](const Fp2& a, const Fp2& b) { return Fp2::inner_product(a, a, b, b.times_xi()); };
    const auto triple_minus = [](const Fp2& t, const Fp2& z) { return (t - z).doubled() + t; };
    const auto triple_plus = [](const Fp2& t, const Fp2& z) { return (t + z).doubled() + t; };
    const auto odd = [](const Fp2& a, const Fp2& b) { return (a * b).doubled(); };
    return {{triple_minus(even(c0.c0, c1.c1), c0.c0), triple_minus(even(c1.c0, c0.c2), c0.c1),
             triple_minus(even(c0.c1, c1.c2), c0.c2)},
            {triple_plus(odd(c0.c1, c1.c2).times_xi(), c1.c0), triple_plus(odd(c0.c0, c1.c1), c1.c1),
             triple_plus(odd(c1.c0, c0.c2), c1.c2)}};
  }

  /// x^p: conjugates the coefficient of w^k and multiplies it by xi^(k(p-1)/6).
  [[nodiscard]] Dodecic frobenius() const;
};

/// xi^(k(p-1)/6) for k = 0..5.
template <class F>
const std::array<Quadratic<F>, 6>& frobenius_constants() {
  static const std::array<Quadratic<F>, 6> constants = [] {
    // (p - 1) / 6 = ((p - 1) / 2) / 3, by long division from the top limb.
    Limbs exponent = F::Parameters::kHalf;
    std::uint64_t remainder = 0;
    for (std::size_t i = 4; i-- > 0;) {
      __extension__ using Wide = unsigned __int128;
      const Wide part = (Wide{remainder} << 64) | exponent[i];
      exponent[i] = static_cast<std::uint64_t>(part / 3);
      remainder = static_cast<std::uint64_t>(part % 3);
    }
    const Quadratic<F> step = power(Quadratic<F>::one().times_xi(), exponent);
    std::array<Quadratic<F>, 6> out;
    out[0] = Quadratic<F>::one();
    for (std::size_t k = 1; k < 6; ++k) out[k] = out[k - 1] * step;
    return out;
  }();
  return constants;
}

template <class F>
Dodecic<F> Dodecic<F>::frobenius() const {
  // As powers of w: 1, v = w^2, v^2 = w^4 in c0; w, vw = w^3, v^2 w = w^5 in c1.
  const auto& g = frobenius_constants<F>();
  return {{c0.c0.conjugate(), c0.c1.conjugate() * g[2], c0.c2.conjugate() * g[4]},
          {c1.c0.conjugate() * g[1], c1.c1.conjugate() * g[3], c1.c2.conjugate() * g[5]}};
}

/// What computes in Fp12 for the pairing: Dodecic, or lanes that agree with it. What a function does stands
/// at Dodecic's of the same name.
template <class E>
concept Fp12Arithmetic = std::copyable<E> && std::same_as<typename E::Coordinates, std::array<Limbs, 12>> &&
    requires(E x, const E& a, const std::array<Limbs, 12>& coordinates, const std::array<Limbs, 4>& line,
             const Limbs& b, const Limbs& c) {
  { E::one() } -> std::same_as<E>;
  { E::load(coordinates) } -> std::same_as<E>;
  { a.store() } -> std::same_as<std::array<Limbs, 12>>;
  { a* a } -> std::same_as<E>;
  { x *= a } -> std::same_as<E&>;
  { a.squared() } -> std::same_as<E>;
  { a.cyclotomic_squared() } -> std::same_as<E>;
  { a.conjugate() } -> std::same_as<E>;
  { a.inverse() } -> std::same_as<E>;
  { a.frobenius() } -> std::same_as<E>;
  { a.times_line(line, E::LineScale::of(b, c)) } -> std::same_as<E>;
};

}  // namespace assay::field
