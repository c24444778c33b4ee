// Interpolation on the nodes 0..n-1 of one axis, in Fr.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assay/field.h"

namespace assay::pst::internal {

/// Barycentric weights w_j = 1 / prod_{k != j} (j - k) = (-1)^(n-1-j) / (j! (n-1-j)!), n >= 1.
/// (Berrut and Trefethen, "Barycentric Lagrange interpolation", SIAM Review 2004, section 3.)
[[nodiscard]] std::vector<Fr> barycentric_weights(std::uint32_t n);

/// l_j(t) = w_j * prod_{k != j} (t - k) for every node j. By products alone, so that t may be a node.
[[nodiscard]] std::vector<Fr> lagrange_at(std::uint32_t n, const Fr& t);
/// The same from the weights w_j, where they serve for several t.
[[nodiscard]] std::vector<Fr> lagrange_at(std::vector<Fr> weights, const Fr& t);

/// sum_j factors[j] * rows[j * width + k] for every k, where `rows` holds factors.size() rows of `width`.
[[nodiscard]] std::vector<Fr> combine_rows(std::span<const Fr> rows, std::span<const Fr> factors);

}  // namespace assay::pst::internal
