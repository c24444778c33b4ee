// From powers of secrets to the Lagrange basis at them, in the group.
#pragma once

#include <cstdint>
#include <span>

#include "assay/curve.h"
#include "assay/integers.h"

namespace assay::pst::internal {

/// Replaces the points [prod t_i^(a_i)]_1, a in C order over the exponents below the axes, by
/// [prod l_(j_i)(t_i)]_1, j in C order over the grid. `scratch` is as long, and is overwritten.
///
/// On each axis t^a becomes the falling factorial t (t-1) .. (t-k+1), by small integers; one multiplication
/// by 1 / prod a_i! makes binomials of the products; and since the k-th difference of the values p(0), p(1),
/// .. is the coefficient of the k-th binomial (Newton), the transposed table of differences makes Lagrange
/// polynomials of binomials. No denominator but a factorial appears, so long axes cost no more than their
/// length in additions for each point.
void powers_to_lagrange(const Axes& axes, std::span<G1Affine> points, std::span<G1Affine> scratch);

}  // namespace assay::pst::internal
