// The block-sized operations that each kernel compiles: everything on the curve goes through this table.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "assay/curve.h"
#include "curve/pairing.h"
#include "curve/table_sums.h"
#include "field/kernel.h"

namespace assay::curve {

struct CurveKernel {
  G1Affine (*msm)(std::span<const std::span<const G1Affine>> runs, IntegerView scalars);
  void (*sum_axis)(std::span<const G1Affine> points, std::size_t nodes, std::size_t inner,
                   std::span<G1Affine> out);
  void (*multiply_generator)(std::span<const Fr> scalars, std::span<G1Affine> out);
  void (*fill_multiples)(const G1Affine& base, std::span<const Window> windows, std::span<G1Affine> out);
  void (*sum_rounds)(std::size_t rounds, const FillRound& fill, std::span<G1Affine> sums);
  void (*sum_groups)(std::span<PointRef> points, std::span<const std::size_t> ends, std::span<G1Affine> sums);
  void (*add_all)(std::span<G1Affine> sums, std::span<const G1Affine> addends, bool negated);
  void (*double_all)(std::span<G1Affine> points);
  void (*multiply_all)(std::span<G1Affine> points, std::span<const Fr> scalars);
  std::size_t (*find_invalid_point)(std::span<const G1Affine> points);
  G1Affine (*add_g1)(const G1Affine& a, const G1Affine& b);
  G1Affine (*multiply_g1)(const G1Affine& a, const Fr& k);
  G2Affine (*add_g2)(const G2Affine& a, const G2Affine& b);
  G2Affine (*multiply_g2)(const G2Affine& a, const Fr& k);
  /// For each x a y with (x, y) on the curve, either of the two. Returns the first index that has none, or
  /// the count.
  std::size_t (*solve_g1)(std::span<const Fp> x, std::span<Fp> y);
  std::optional<Fp2> (*solve_g2)(const Fp2& x);
  bool (*is_in_g1)(const G1Affine& p);
  bool (*is_in_g2)(const G2Affine& p);
  PreparedG2::Lines (*prepare)(const G2Affine& point);
  std::vector<PreparedG2::Lines> (*prepare_together)(std::span<const G2Affine> points);
  Fp12Coordinates (*multi_miller_loop)(std::span<const PairingTerm> terms);
  Fp12Coordinates (*final_exponentiation)(const Fp12Coordinates& value);
};

extern const CurveKernel kPortableCurveKernel;
#if defined(__x86_64__)
extern const CurveKernel kAdxCurveKernel;
extern const CurveKernel kIfmaCurveKernel;
#endif

/// The table of field::active_kernel_id().
[[nodiscard]] const CurveKernel& active_curve_kernel();

}  // namespace assay::curve
