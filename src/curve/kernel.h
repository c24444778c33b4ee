// The block-sized operations that each kernel compiles: everything on the curve goes through this table.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "assay/curve.h"
#include "curve/pairing.h"
#include "field/kernel.h"

namespace assay::curve {

struct CurveKernel {
  G1Affine (*msm)(std::span<const std::span<const G1Affine>> runs, IntegerView scalars);
  void (*multiply_generator)(std::span<const Fr> scalars, std::span<G1Affine> out);
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
