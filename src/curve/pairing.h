// The optimal ate pairing: lines of a fixed G2 point, a product of Miller loops, the final exponentiation.
//
// A point of E' is carried as (X : Y : Z) with x = X/Z, y = Y/Z; doubling and addition steps with their lines
// are those of Costello, Lange and Naehrig ("Faster pairing computations on curves with high-degree twists",
// 2010, section 4), in the form of Aranha, Karabina, Longa, Gebotys and Lopez (2011, section 4). A line
// evaluated at P is l0 yP + l3 xP w + l4 v w. Factors in Fp2 die in the final exponentiation, so lines are
// divided by l0 yP: what is kept of them is l3/l0 and l4/l0, to be multiplied by xP/yP and 1/yP.
#pragma once

#include <span>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "curve/group.h"
#include "curve/parameters.h"
#include "field/tower.h"

namespace assay::curve {

/// b/xi, the b of the twist.
template <class Curve, class F>
const field::Quadratic<F>& twist_b() {
  static const auto b = field::Quadratic<F>::one().times_xi().inverse() * F::from_u64(Curve::kB);
  return b;
}

/// One line over its coefficient of yP: the coefficients of xP w and of v w, each in Fp2.
using Line = std::array<field::Limbs, 4>;

struct PreparedG2::Lines {
  bool is_infinity = false;
  std::vector<Line> lines;  ///< in the order that the Miller loop asks for them
};

template <class F, field::Fp12Arithmetic E12 = field::Dodecic<F>>
struct Pairing {
  using E2 = field::Quadratic<F>;

  static E2 load(const Fp2& a) { return {F(a.c0.limbs), F(a.c1.limbs)}; }
  static Fp2 store(const E2& a) { return {{a.c0.limbs()}, {a.c1.limbs()}}; }
  static Affine<E2> load(const G2Affine& p) { return {load(p.x), load(p.y)}; }
  static G2Affine store(const Affine<E2>& p) { return {store(p.x), store(p.y)}; }

  static E12 load(const Fp12Coordinates& a) {
    typename E12::Coordinates coordinates;
    for (std::size_t i = 0; i < 12; ++i) coordinates[i] = a[i].limbs;
    return E12::load(coordinates);
  }
  static Fp12Coordinates store(const E12& a) {
    const typename E12::Coordinates coordinates = a.store();
    Fp12Coordinates out;
    for (std::size_t i = 0; i < 12; ++i) out[i] = {coordinates[i]};
    return out;
  }

  /// The image of the Frobenius map of E under the twist: (conj(x) xi^((p-1)/3), conj(y) xi^((p-1)/2)).
  static Affine<E2> twist_frobenius(const Affine<E2>& p) {
    const auto& g = field::frobenius_constants<F>();
    return {p.x.conjugate() * g[2], p.y.conjugate() * g[3]};
  }

  /// For a point of order r, whose lines are never vertical: multiples of it that are added are distinct.
  static PreparedG2::Lines prepare(const G2Affine& point) {
    PreparedG2::Lines out;
    out.is_infinity = point.is_infinity();
    if (out.is_infinity) return out;
    const Affine<E2> q = load(point);
    const Affine<E2> minus_q = -q;
    std::vector<RawLine> raw;
    raw.reserve(2 * kLoop.count + 2);
    Projective t{q.x, q.y, E2::one()};
    for (std::size_t i = kLoop.count - 1; i-- > 0;) {
      raw.push_back(double_step(t));
      if (kLoop.digits[i] != 0) raw.push_back(add_step(t, kLoop.digits[i] > 0 ? q : minus_q));
    }
    const Affine<E2> q1 = twist_frobenius(q);
    const Affine<E2> q2 = twist_frobenius(q1);
    raw.push_back(add_step(t, q1));
    raw.push_back(add_step(t, -q2));

    // Back through the steps: the inverse of Z behind each gives that of the line's divisor, and of Z before.
    out.lines.resize(raw.size());
    E2 z_inverse = t.z.inverse();
    for (std::size_t i = raw.size(); i-- > 0;) {
      const E2 inverse = raw[i].inverse_of_z * z_inverse;
      const E2 x = raw[i].x * inverse, constant = raw[i].constant * inverse;
      out.lines[i] = {x.c0.limbs(), x.c1.limbs(), constant.c0.limbs(), constant.c1.limbs()};
      z_inverse = raw[i].is_sum ? raw[i].before * z_inverse : raw[i].before * inverse;
    }
    return out;
  }

  /// The same lines, of points that take each step together: in affine coordinates a step takes half of the
  /// products, and one inversion serves all points.
  static std::vector<PreparedG2::Lines> prepare_together(std::span<const G2Affine> points) {
    std::vector<PreparedG2::Lines> out(points.size());
    std::vector<Walk> walks;
    for (std::size_t i = 0; i < points.size(); ++i) {
      out[i].is_infinity = points[i].is_infinity();
      if (out[i].is_infinity) continue;
      out[i].lines.reserve(2 * kLoop.count + 2);
      const Affine<E2> q = load(points[i]);
      walks.push_back({q, q, &out[i].lines});
    }
    std::vector<E2> divisors(walks.size()), scratch;
    const auto double_all = [&] {
      for (std::size_t k = 0; k < walks.size(); ++k) divisors[k] = walks[k].t.y.doubled();
      field::batch_inverse<E2>(divisors, scratch);
      for (std::size_t k = 0; k < walks.size(); ++k) {
        const E2 xx = walks[k].t.x.squared();
        walks[k].step((xx.doubled() + xx) * divisors[k], walks[k].t.x);
      }
    };
    const auto add_all = [&](const auto& addend_of) {
      for (std::size_t k = 0; k < walks.size(); ++k) divisors[k] = walks[k].t.x - addend_of(walks[k]).x;
      field::batch_inverse<E2>(divisors, scratch);
      for (std::size_t k = 0; k < walks.size(); ++k) {
        const Affine<E2> addend = addend_of(walks[k]);
        walks[k].step((walks[k].t.y - addend.y) * divisors[k], addend.x);
      }
    };
    for (std::size_t i = kLoop.count - 1; i-- > 0;) {
      double_all();
      if (kLoop.digits[i] > 0) add_all([](const Walk& walk) { return walk.q; });
      if (kLoop.digits[i] < 0) add_all([](const Walk& walk) { return -walk.q; });
    }
    for (Walk& walk : walks) walk.q = twist_frobenius(walk.q);
    add_all([](const Walk& walk) { return walk.q; });
    for (Walk& walk : walks) walk.q = -twist_frobenius(walk.q);
    add_all([](const Walk& walk) { return walk.q; });
    return out;
  }

  static Fp12Coordinates multi_miller_loop(std::span<const PairingTerm> terms) {
    std::vector<F> y_inverses, scratch;
    for (const PairingTerm& term : terms) {
      y_inverses.push_back(F(term.p.y.limbs));
      // A group of odd order has no point with y = 0; one that is not of the group must not pass for a 1.
      ASSAY_CHECK(!y_inverses.back().is_zero() || term.p.is_infinity(), y_inverses.size() - 1, terms.size());
    }
    field::batch_inverse<F>(y_inverses, scratch);

    struct Live {
      typename E12::LineScale scale;
      const Line* line;
    };
    std::vector<Live> live;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      const PreparedG2::Lines& lines = terms[i].q->lines();
      if (terms[i].p.is_infinity() || lines.is_infinity) continue;
      const F x_over_y = F(terms[i].p.x.limbs) * y_inverses[i];
      live.push_back({E12::LineScale::of(x_over_y.limbs(), y_inverses[i].limbs()), lines.lines.data()});
    }

    E12 f = E12::one();
    const auto take_lines = [&] {
      for (Live& each : live) f = f.times_line(*each.line++, each.scale);
    };
    for (std::size_t i = kLoop.count - 1; i-- > 0;) {
      f = f.squared();
      take_lines();
      if (kLoop.digits[i] != 0) take_lines();
    }
    take_lines();
    take_lines();
    return store(f);
  }

  /// f^((p^12 - 1) / r). Easy part (p^6 - 1)(p^2 + 1); hard part (p^4 - p^2 + 1)/r by the vectorial addition
  /// chain of Scott, Benger, Charlemagne, Dominguez Perez and Kachisa ("On the final exponentiation for
  /// calculating pairings on ordinary elliptic curves", 2009, section 5).
  static Fp12Coordinates final_exponentiation(const Fp12Coordinates& value) {
    const E12 in = load(value);
    E12 f = in.conjugate() * in.inverse();
    f = f.frobenius().frobenius() * f;

    const E12 fu = power_of_u(f);
    const E12 fu2 = power_of_u(fu);
    const E12 fu3 = power_of_u(fu2);
    const E12 fp = f.frobenius();
    const E12 fp2 = fp.frobenius();

    const E12 y0 = fp * fp2 * fp2.frobenius();
    const E12 y1 = f.conjugate();
    const E12 y2 = fu2.frobenius().frobenius();
    const E12 y3 = fu.frobenius().conjugate();
    const E12 y4 = (fu * fu2.frobenius()).conjugate();
    const E12 y5 = fu2.conjugate();
    const E12 y6 = (fu3 * fu3.frobenius()).conjugate();

    // y0 y1^2 y2^6 y3^12 y4^18 y5^30 y6^36
    E12 t0 = y6.cyclotomic_squared() * y4 * y5;
    E12 t1 = y3 * y5 * t0;
    t0 *= y2;
    t1 = (t1.cyclotomic_squared() * t0).cyclotomic_squared();
    t0 = (t1 * y1).cyclotomic_squared();
    return store(t0 * (t1 * y0));
  }

 private:
  struct Projective {
    E2 x, y, z;
  };

  /// A point on its way: the multiple t of q, and the lines of the steps behind it.
  struct Walk {
    Affine<E2> t, q;
    std::vector<Line>* lines;

    /// To the third point of the line through t and a point of this x, mirrored: y - t.y = slope (x - t.x).
    void step(const E2& slope, const E2& other_x) {
      const E2 constant = slope * t.x - t.y, minus_slope = -slope;
      lines->push_back(
          {minus_slope.c0.limbs(), minus_slope.c1.limbs(), constant.c0.limbs(), constant.c1.limbs()});
      t.x = slope.squared() - t.x - other_x;
      t.y = constant - slope * t.x;
    }
  };

  /// A line before it is divided by its coefficient y of yP: the coefficients of xP w, and of v w. With the Z
  /// of the point behind the step, 1/y = inverse_of_z / Z. And 1/Z of the point before it is before / Z of a
  /// sum, before / y of a doubling.
  struct RawLine {
    E2 x, constant;
    E2 inverse_of_z, before;
    bool is_sum;
  };

  /// f^u in the cyclotomic subgroup, where the inverse is the conjugate, by the signed digits
  /// of u.
  static E12 power_of_u(const E12& f) {
    std::array<E12, 4> odd;  // f, f^3, f^5, f^7
    odd[0] = f;
    const E12 square = f.cyclotomic_squared();
    for (std::size_t k = 1; k < odd.size(); ++k) odd[k] = odd[k - 1] * square;
    const auto of_digit = [&](int digit) {
      return digit > 0 ? odd[static_cast<std::size_t>(digit / 2)]
                       : odd[static_cast<std::size_t>(-digit / 2)].conjugate();
    };
    E12 out = of_digit(kPowerOfU.digits[kPowerOfU.count - 1]);
    for (std::size_t i = kPowerOfU.count - 1; i-- > 0;) {
      out = out.cyclotomic_squared();
      if (kPowerOfU.digits[i] != 0) out *= of_digit(kPowerOfU.digits[i]);
    }
    return out;
  }

  // The coordinates are four times those of the source, which halves in two places. The line is divided by
  // -h, where h = 2YZ and 4 b h is the new Z.
  static RawLine double_step(Projective& t) {
    const E2 y = t.y;
    const E2 b = y.squared();
    const E2 c = t.z.squared();
    const E2 e = twist_b<Bn254, F>() * (c.doubled() + c);
    const E2 f = e.doubled() + e;
    const E2 h = (y + t.z).squared() - (b + c);
    const E2 xx = t.x.squared();
    const E2 ee = e.squared().doubled().doubled();
    const E2 four_b = b.doubled().doubled();
    t = {(t.x * y).doubled() * (b - f), (b + f).squared() - (ee.doubled() + ee), four_b * h};
    return {xx.doubled() + xx, e - b, -four_b, -y.doubled(), false};
  }

  static RawLine add_step(Projective& t, const Affine<E2>& q) {
    const E2 theta = t.y - q.y * t.z;
    const E2 lambda = t.x - q.x * t.z;
    const E2 c = theta.squared();
    const E2 d = lambda.squared();
    const E2 e = lambda * d;
    const E2 f = t.z * c;
    const E2 g = t.x * d;
    const E2 h = e + f - g.doubled();
    const E2 zd = t.z * d;
    t = {lambda * h, theta * (g - h) - e * t.y, zd * lambda};
    return {-theta, theta * q.x - lambda * q.y, zd, e, true};
  }
};

}  // namespace assay::curve
