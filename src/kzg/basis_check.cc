#include "kzg/basis_check.h"

#include <algorithm>

#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"

namespace assay::kzg::internal {
namespace {

/// e(a, [1]_2) = e(b, q)
bool pair_alike(const G1Affine& a, const G1Affine& b, const G2Affine& q) {
  const curve::PreparedG2 minus_one(curve::negate(G2Affine::generator())), other(q);
  const std::array<curve::PairingTerm, 2> terms{{{a, &minus_one}, {b, &other}}};
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

}  // namespace

Result<BasisSums> sum_basis(
    const RootDomain& domain, RandomWeights& random,
    const std::function<Result<std::span<const G1Affine>>(std::size_t first, std::size_t count)>& read) {
  BasisSums sums;
  std::vector<Fr> rho;
  for (unsigned j = 0; j < domain.log_size(); ++j) {
    sums.power_weights.push_back(random.next());
    rho.push_back(Fr::from_scalar(sums.power_weights.back()));
  }
  // f is free at all nodes but the last: its coefficient of X^(n-1) is sum_i x_i f(x_i) / n.
  Fr leading = Fr::zero();
  const std::size_t n = domain.size();
  std::vector<Scalar> values;
  std::vector<Fr> shifted, powers;
  for (std::size_t first = 0; first < n; first += kPointsTogether) {
    const std::size_t count = std::min(kPointsTogether, n - first);
    const std::span<const G1Affine> points = ASSAY_TRY(read(first, count));
    ASSAY_CHECK_EQ(points.size(), count);
    values.resize(count);
    for (Scalar& value : values) value = random.next();
    shifted.resize(count);
    powers.resize(count);
    parallel_for(0, count, 256, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const Fr node = domain.node(first + i);
        shifted[i] = node * Fr::from_scalar(values[i]);
        powers[i] = Fr::zero();
        Fr power = node;
        for (const Fr& weight : rho) {
          powers[i] += weight * power;
          power *= power;
        }
      }
    });
    if (first + count == n) {
      shifted[count - 1] = Fr::zero();
      for (const Fr& each : shifted) leading += each;
      shifted[count - 1] = -leading;
      values[count - 1] = (shifted[count - 1] * domain.node(n - 1).inverse()).to_scalar();
    } else {
      for (const Fr& each : shifted) leading += each;
    }
    const std::vector<std::int8_t> ones(count, 1);
    const auto add = [](G1Affine& sum, const G1Affine& part) { sum = curve::add(sum, part); };
    add(sums.all, curve::msm_vartime(points, IntegerView(ones)));
    add(sums.low_degree, curve::msm_vartime(points, IntegerView(values)));
    add(sums.shifted, curve::msm_vartime(points, shifted));
    add(sums.powers, curve::msm_vartime(points, powers));
  }
  return sums;
}

Verdict check_sums(const BasisSums& sums, std::span<const G2Affine> powers) {
  ASSAY_CHECK_EQ(powers.size(), sums.power_weights.size());
  if (sums.all != G1Affine::generator())
    return Verdict::rejected("generator sum", "the points do not sum to the generator");
  if (!pair_alike(sums.shifted, sums.low_degree, powers[0]))
    return Verdict::rejected("degree relation",
                             "the points are no Lagrange basis at the secret of the verifier part");
  G2Affine weighted = G2Affine::infinity();
  for (std::size_t j = 0; j < powers.size(); ++j)
    weighted =
        curve::add(weighted, curve::multiply_vartime(powers[j], Fr::from_scalar(sums.power_weights[j])));
  if (!pair_alike(sums.powers, G1Affine::generator(), weighted))
    return Verdict::rejected("powers", "the verifier part has not the squares of its secret");
  return Verdict::accepted();
}

}  // namespace assay::kzg::internal
