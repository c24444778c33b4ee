// Fills a CurveKernel from the templates of this room over one field backend, one way to sum pairs of
// points, one to take square roots and one to compute in Fp12.
#pragma once

#include "base/threads.h"
#include "curve/axis_sums.h"
#include "curve/decompress.h"
#include "curve/fixed_base.h"
#include "curve/group.h"
#include "curve/interleaved.h"
#include "curve/kernel.h"
#include "curve/msm.h"
#include "curve/multiples.h"
#include "curve/pairing.h"
#include "curve/table_sums.h"

namespace assay::curve {

template <class Curve, class Backend>
using CoordinateOf = field::Element<typename Curve::BaseField, Backend>;

template <field::FieldBackend Backend, CurveConstants Curve = Bn254,
          AddsPairs<CoordinateOf<Curve, Backend>> Adder = PairAdder<CoordinateOf<Curve, Backend>>,
          TakesRoots<CoordinateOf<Curve, Backend>> RootTaker = Roots<CoordinateOf<Curve, Backend>>,
          field::Fp12Arithmetic E12 = field::Dodecic<CoordinateOf<Curve, Backend>>>
struct KernelOf {
  using F = CoordinateOf<Curve, Backend>;
  using E2 = field::Quadratic<F>;
  using G2 = Pairing<F, E12>;
  using In = Membership<F, Curve>;
  using Multiples = GeneratorMultiples<F, Adder, Curve>;
  using FromTable = TableSums<F, Adder>;
  using OfPoints = PointMultiples<F, Adder, Curve>;

  static std::size_t find_invalid_point(std::span<const G1Affine> points) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (field::internal::at_least(points[i].x.limbs, Curve::BaseField::kModulus) ||
          field::internal::at_least(points[i].y.limbs, Curve::BaseField::kModulus) || !is_in_g1(points[i])) {
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
    InterleavedSum<F, Adder, Curve> product;
    product.add(a, SignedMagnitude::of(k.to_scalar().words));
    return store(product.sum().to_affine());
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
    for (const Fp& each : x) squares.push_back(In::right_side(F(each.limbs)));
    roots = squares;
    RootTaker::take(roots);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (roots[i].squared() != squares[i]) return i;
      y[i] = {roots[i].limbs()};
    }
    return x.size();
  }
  static std::optional<Fp2> solve_g2(const Fp2& x) {
    const auto y = square_root(In::right_side(G2::load(x)));
    if (!y) return std::nullopt;
    return G2::store(*y);
  }
  static bool is_in_g1(const G1Affine& p) { return In::is_on_curve(load<F>(p)); }
  static bool is_in_g2(const G2Affine& p) { return In::is_in_g2(G2::load(p)); }

  static constexpr CurveKernel kTable = {Msm<F, Adder, Curve>::run,
                                         AxisSums<F, Adder>::run,
                                         Multiples::run,
                                         FromTable::fill_multiples,
                                         FromTable::sum_rounds,
                                         FromTable::sum_groups,
                                         OfPoints::add_all,
                                         OfPoints::double_all,
                                         OfPoints::multiply_all,
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
                                         G2::prepare_together,
                                         G2::multi_miller_loop,
                                         G2::final_exponentiation};
};

}  // namespace assay::curve
