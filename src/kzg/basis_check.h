// Whether points are the Lagrange basis at the secret of a key: by random combinations and pairings, block by
// block.
#pragma once

#include <functional>
#include <span>

#include "assay/kzg.h"
#include "integers/random_weights.h"

namespace assay::kzg::internal {

/// Points of this many are read, weighted and summed at a time.
inline constexpr std::size_t kPointsTogether = std::size_t{1} << 16;

/// Sums of a basis L_i, x_i its nodes.
struct BasisSums {
  G1Affine all;                       ///< sum_i L_i
  G1Affine low_degree;                ///< sum_i f(x_i) L_i for a random f of degree below n - 1
  G1Affine shifted;                   ///< sum_i x_i f(x_i) L_i
  G1Affine powers;                    ///< sum_i (sum_j rho_j x_i^(2^j)) L_i for random rho_j, j < k
  std::vector<Scalar> power_weights;  ///< rho_j
};

/// Sums up the blocks that `read` hands out: points from `first` on, in their order. Errors: those of `read`.
[[nodiscard]] Result<BasisSums> sum_basis(
    const RootDomain& domain, RandomWeights& random,
    const std::function<Result<std::span<const G1Affine>>(std::size_t first, std::size_t count)>& read);

/// Steps: "generator sum", "degree relation", "powers".
[[nodiscard]] Verdict check_sums(const BasisSums& sums, std::span<const G2Affine> powers);

}  // namespace assay::kzg::internal
