// Points of y^2 = x^3 + b over a field T, with a = 0: affine, and XYZZ coordinates (x = X/ZZ, y = Y/ZZZ,
// ZZ^3 = ZZZ^2), which add an affine point in ten products. Formulas: Explicit-Formulas Database, "Short
// Weierstrass curves, XYZZ coordinates with a4 = 0": madd-2008-s, add-2008-s, dbl-2008-s-1, mdbl-2008-s-1
// (Sutherland 2008). Nothing here needs b.
#pragma once

#include <span>
#include <vector>

#include "field/element.h"

namespace assay::curve {

/// (0, 0), which is on neither curve, stands for infinity.
template <class T>
struct Affine {
  T x, y;
  [[nodiscard]] bool is_infinity() const { return x.is_zero() && y.is_zero(); }
  Affine operator-() const { return {x, -y}; }
  friend bool operator==(const Affine&, const Affine&) = default;
};

/// Infinity has ZZ = 0.
template <class T>
class Xyzz {
 public:
  Xyzz() = default;
  explicit Xyzz(const Affine<T>& p) {
    if (!p.is_infinity()) *this = {p.x, p.y, T::one(), T::one()};
  }

  [[nodiscard]] bool is_infinity() const { return zz_.is_zero(); }

  [[nodiscard]] Xyzz doubled() const {
    if (is_infinity()) return *this;
    const T u = y_.doubled();  // never zero: the groups have odd order
    const T v = u.squared();
    const T w = u * v;
    const T s = x_ * v;
    const T xx = x_.squared();
    const T m = xx.doubled() + xx;
    const T x3 = m.squared() - s.doubled();
    return {x3, m * (s - x3) - w * y_, v * zz_, w * zzz_};
  }

  Xyzz& operator+=(const Affine<T>& q) {
    if (q.is_infinity()) return *this;
    if (is_infinity()) return *this = Xyzz(q);
    const T p = q.x * zz_ - x_;
    const T r = q.y * zzz_ - y_;
    if (p.is_zero()) return *this = r.is_zero() ? Xyzz(q).doubled() : Xyzz();
    const T pp = p.squared();
    const T ppp = p * pp;
    const T s = x_ * pp;
    const T x3 = r.squared() - ppp - s.doubled();
    return *this = {x3, r * (s - x3) - y_ * ppp, zz_ * pp, zzz_ * ppp};
  }

  Xyzz& operator+=(const Xyzz& q) {
    if (q.is_infinity()) return *this;
    if (is_infinity()) return *this = q;
    const T u1 = x_ * q.zz_;
    const T s1 = y_ * q.zzz_;
    const T p = q.x_ * zz_ - u1;
    const T r = q.y_ * zzz_ - s1;
    if (p.is_zero()) return *this = r.is_zero() ? doubled() : Xyzz();
    const T pp = p.squared();
    const T ppp = p * pp;
    const T s = u1 * pp;
    const T x3 = r.squared() - ppp - s.doubled();
    return *this = {x3, r * (s - x3) - s1 * ppp, zz_ * q.zz_ * pp, zzz_ * q.zzz_ * ppp};
  }

  [[nodiscard]] Affine<T> to_affine() const {
    if (is_infinity()) return {};
    const T inverse = (zz_ * zzz_).inverse();
    return {x_ * zzz_ * inverse, y_ * zz_ * inverse};
  }

 private:
  Xyzz(const T& x, const T& y, const T& zz, const T& zzz) : x_(x), y_(y), zz_(zz), zzz_(zzz) {}
  T x_, y_, zz_, zzz_;
};

/// k * p by doubling and adding from the top bit.
template <class T>
Xyzz<T> multiply_vartime(const Affine<T>& p, std::span<const std::uint64_t> k) {
  Xyzz<T> out;
  for (std::size_t i = k.size() * 64; i-- > 0;) {
    out = out.doubled();
    if ((k[i / 64] >> (i % 64) & 1) != 0) out += p;
  }
  return out;
}

}  // namespace assay::curve
