// From an x coordinate to the point: square roots in Fp and Fp2, and membership tests.
#pragma once

#include <optional>

#include "assay/curve.h"
#include "curve/group.h"
#include "curve/pairing.h"
#include "curve/parameters.h"
#include "curve/roots.h"
#include "field/tower.h"

namespace assay::curve {

template <class F>
std::optional<F> square_root(const F& x) {
  F root = x;
  Roots<F>::take({&root, 1});
  if (root.squared() == x) return root;
  return std::nullopt;
}

/// With (s + ti)^2 = a + bi: s^2 is (a + n)/2 or (a - n)/2 for n^2 = a^2 + b^2, and t = b/(2s).
template <class F>
std::optional<field::Quadratic<F>> square_root(const field::Quadratic<F>& x) {
  using E2 = field::Quadratic<F>;
  if (x.c1.is_zero()) {
    if (const auto s = square_root(x.c0)) return E2{*s, F::zero()};
    const auto t = square_root(-x.c0);
    return E2{F::zero(), *t};  // -1 is no square, so one of a, -a is
  }
  const auto norm = square_root(x.c0.squared() + x.c1.squared());
  if (!norm) return std::nullopt;
  static const F half = F::from_u64(2).inverse();
  auto s = square_root((x.c0 + *norm) * half);
  if (!s) s = square_root((x.c0 - *norm) * half);
  if (!s) return std::nullopt;
  const E2 root{*s, x.c1 * s->doubled().inverse()};
  if (root.squared() == x) return root;
  return std::nullopt;
}

template <class F, CurveConstants Curve = Bn254>
struct Membership {
  using E2 = field::Quadratic<F>;

  static F right_side(const F& x) { return x.squared() * x + F::from_u64(Curve::kB); }
  static E2 right_side(const E2& x) { return x.squared() * x + twist_b<Curve, F>(); }

  template <class T>
  static bool is_on_curve(const Affine<T>& p) {
    return p.is_infinity() || p.y.squared() == right_side(p.x);
  }

  /// Membership in the subgroup of order kOrder, by definition.
  static bool is_in_g2(const Affine<E2>& p) {
    return is_on_curve(p) && multiply_vartime(p, Curve::kOrder).is_infinity();
  }
};

}  // namespace assay::curve
