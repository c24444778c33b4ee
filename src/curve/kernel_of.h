// Fills a CurveKernel from the templates of this room over one field backend, one way to sum pairs of
// points, one to take square roots and one to compute in Fp12.
#pragma once

#include "base/threads.h"
#include "curve/decompress.h"
#include "curve/fixed_base.h"
#include "curve/group.h"
#include "curve/kernel.h"
#include "curve/msm.h"
#include "curve/pairing.h"

namespace assay::curve {

template <class Backend>
using BaseField = field::Element<field::FpParameters, Backend>;

template <field::FieldBackend Backend, AddsPairs<BaseField<Backend>> Adder = PairAdder<BaseField<Backend>>,
          TakesRoots<BaseField<Backend>> RootTaker = Roots<BaseField<Backend>>,
          field::Fp12Arithmetic E12 = field::Dodecic<BaseField<Backend>>>
struct KernelOf {
  using F = BaseField<Backend>;
  using E2 = field::Quadratic<F>;
  using G2 = Pairing<F, E12>;

  static std::size_t find_invalid_point(std::span<const G1Affine> points) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (field::internal::at_least(points[i].x.limbs, field::kBasePrime) ||
          field::internal::at_least(points[i].y.limbs, field::kBasePrime) || !is_in_g1(points[i])) {
        return i;
      }
    }
    return points.size();
  }

  static G1Affine add_g1(const G1Affine& a, const G1Affine& b) {
    Xyzz<F> sum(load<F>(a));
    sum += load<F>(b);
    return store(sum.to_affine());
  }
  static G1Affine multiply_g1(const G1Affine& a, const Fr& k) {
    return store(multiply_vartime(load<F>(a), k.to_scalar().words).to_affine());
  }
  static G2Affine add_g2(const G2Affine& a, const G2Affine& b) {
    Xyzz<E2> sum(G2::load(a));
    sum += G2::load(b);
    return G2::store(sum.to_affine());
  }
  static G2Affine multiply_g2(const G2Affine& a, const Fr& k) {
    return G2::store(multiply_vartime(G2::load(a), k.to_scalar().words).to_affine());
  }
  static std::size_t solve_g1(std::span<const Fp> x, std::span<Fp> y) {
    std::vector<F> squares, roots;
    for (const Fp& each : x) squares.push_back(Membership<F>::right_side(F(each.limbs)));
    roots = squares;
    RootTaker::take(roots);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (roots[i].squared() != squares[i]) return i;
      y[i] = {roots[i].limbs()};
    }
    return x.size();
  }
  static std::optional<Fp2> solve_g2(const Fp2& x) {
    const auto y = square_root(Membership<F>::right_side(G2::load(x)));
    if (!y) return std::nullopt;
    return G2::store(*y);
  }
  static bool is_in_g1(const G1Affine& p) { return Membership<F>::is_on_curve(load<F>(p)); }
  static bool is_in_g2(const G2Affine& p) { return Membership<F>::is_in_g2(G2::load(p)); }

  static constexpr CurveKernel kTable = {Msm<F, Adder>::run,
                                         GeneratorMultiples<F, Adder>::run,
                                         find_invalid_point,
                                         add_g1,
                                         multiply_g1,
                                         add_g2,
                                         multiply_g2,
                                         solve_g1,
                                         solve_g2,
                                         is_in_g1,
                                         is_in_g2,
                                         G2::prepare,
                                         G2::multi_miller_loop,
                                         G2::final_exponentiation};
};

}  // namespace assay::curve
