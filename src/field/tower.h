// The tower over Fp that the pairing lives in:
//
//   Fp2  = Fp[i]  / (i^2 + 1)
//   Fp6  = Fp2[v] / (v^3 - xi),  xi = 9 + i
//   Fp12 = Fp6[w] / (w^2 - v)
//
// Products by Karatsuba's method (Devegili, O hEigeartaigh, Scott, Dahab, "Multiplication and squaring on
// pairing-friendly fields", 2006).
#pragma once

#include <array>
#include <cstdint>

#include "field/element.h"

namespace assay::field {

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
  friend Quadratic operator*(const Quadratic& a, const Quadratic& b) {
    const F low = a.c0 * b.c0;
    const F high = a.c1 * b.c1;
    return {low - high, (a.c0 + a.c1) * (b.c0 + b.c1) - low - high};
  }
  friend Quadratic operator*(const Quadratic& a, const F& b) { return {a.c0 * b, a.c1 * b}; }
  Quadratic operator-() const { return {-c0, -c1}; }
  Quadratic& operator+=(const Quadratic& b) { return *this = *this + b; }
  Quadratic& operator-=(const Quadratic& b) { return *this = *this - b; }
  Quadratic& operator*=(const Quadratic& b) { return *this = *this * b; }

  /// (a + bi)^2 = (a + b)(a - b) + 2ab i.
  [[nodiscard]] Quadratic squared() const { return {(c0 + c1) * (c0 - c1), (c0 * c1).doubled()}; }
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
  friend Sextic operator*(const Sextic& a, const Sextic& b) {
    const Fp2 v0 = a.c0 * b.c0;
    const Fp2 v1 = a.c1 * b.c1;
    const Fp2 v2 = a.c2 * b.c2;
    return {((a.c1 + a.c2) * (b.c1 + b.c2) - v1 - v2).times_xi() + v0,
            (a.c0 + a.c1) * (b.c0 + b.c1) - v0 - v1 + v2.times_xi(),
            (a.c0 + a.c2) * (b.c0 + b.c2) - v0 - v2 + v1};
  }
  Sextic operator-() const { return {-c0, -c1, -c2}; }

  /// Product with (b0, b1, 0), as the lines of the Miller loop are.
  [[nodiscard]] Sextic times_sparse(const Fp2& b0, const Fp2& b1) const {
    const Fp2 v0 = c0 * b0;
    const Fp2 v1 = c1 * b1;
    return {((c1 + c2) * b1 - v1).times_xi() + v0, (c0 + c1) * (b0 + b1) - v0 - v1, (c0 + c2) * b0 - v0 + v1};
  }
  [[nodiscard]] Sextic times(const Fp2& b) const { return {c0 * b, c1 * b, c2 * b}; }
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

  /// Product with a line l0 + l3 w + l4 v w, at thirteen Fp2 products instead of eighteen.
  [[nodiscard]] Dodecic times_line(const Fp2& l0, const Fp2& l3, const Fp2& l4) const {
    const Fp6 v0 = c0.times(l0);
    const Fp6 v1 = c1.times_sparse(l3, l4);
    return {v0 + v1.times_v(), (c0 + c1).times_sparse(l0 + l3, l4) - v0 - v1};
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

}  // namespace assay::field
