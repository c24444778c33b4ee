#include "pst/node_weights.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "base/check.h"

namespace assay::pst::internal {
namespace {

std::int64_t binomial(std::int64_t n, std::int64_t k) {
  std::int64_t value = 1;
  for (std::int64_t i = 1; i <= k; ++i) value = value * (n - k + i) / i;
  return value;
}

struct Fraction {
  std::int64_t numerator, denominator;  // denominator > 0, lowest terms
};

Fraction fraction(std::int64_t numerator, std::int64_t denominator) {
  const std::int64_t common = std::gcd(numerator, denominator) * (denominator < 0 ? -1 : 1);
  return {numerator / common, denominator / common};
}

}  // namespace

NodeWeights node_weights(std::uint32_t n, std::uint32_t z) {
  ASSAY_CHECK(z < n && n <= kMaxClearedAxis, z, n);
  // q(z) = p'(z) = sum_j (w_j / w_z) / (z - j) * d_j with the barycentric weights w_j, and here
  // w_j / w_z = (-1)^(j-z) C(n-1, j) / C(n-1, z).
  std::vector<Fraction> direct(n), derivative(n);
  NodeWeights weights;
  for (std::int64_t j = 0; j < n; ++j) {
    const std::int64_t distance = j - z;
    if (distance == 0) {
      direct[z] = derivative[z] = {0, 1};
      continue;
    }
    direct[j] = fraction(1, distance);
    const std::int64_t sign = distance % 2 == 0 ? 1 : -1;
    derivative[j] = fraction(sign * binomial(n - 1, j), -distance * binomial(n - 1, z));
    weights.denominator =
        std::lcm(weights.denominator, std::lcm(direct[j].denominator, derivative[j].denominator));
  }
  std::uint64_t sum = 0;
  for (std::uint32_t j = 0; j < n; ++j) {
    const auto scaled = [&](const Fraction& f) {
      return f.numerator * (weights.denominator / f.denominator);
    };
    weights.direct.push_back(scaled(direct[j]));
    weights.derivative.push_back(scaled(derivative[j]));
    weights.growth = std::max<std::uint64_t>(weights.growth, std::abs(weights.direct[j]));
    sum += std::abs(weights.derivative[j]);
  }
  weights.growth = std::max(weights.growth, sum);
  return weights;
}

}  // namespace assay::pst::internal
