#include "pst/lagrange.h"

#include "base/check.h"
#include "base/threads.h"

namespace assay::pst::internal {

std::vector<Fr> barycentric_weights(std::uint32_t n) {
  ASSAY_CHECK_GE(n, 1);
  std::vector<Fr> inverse_factorials(n);
  inverse_factorials[0] = Fr::one();
  for (std::uint32_t j = 1; j < n; ++j) inverse_factorials[j] = inverse_factorials[j - 1] * Fr::from_u64(j);
  batch_inverse(inverse_factorials);
  std::vector<Fr> weights(n);
  for (std::uint32_t j = 0; j < n; ++j) {
    const Fr weight = inverse_factorials[j] * inverse_factorials[n - 1 - j];
    weights[j] = (n - 1 - j) % 2 == 0 ? weight : -weight;
  }
  return weights;
}

std::vector<Fr> lagrange_at(std::uint32_t n, const Fr& t) { return lagrange_at(barycentric_weights(n), t); }

std::vector<Fr> lagrange_at(std::vector<Fr> values, const Fr& t) {
  const auto n = static_cast<std::uint32_t>(values.size());
  Fr below = Fr::one();  // prod_{k < j} (t - k)
  for (std::uint32_t j = 0; j < n; ++j) {
    values[j] *= below;
    below *= t - Fr::from_u64(j);
  }
  Fr above = Fr::one();  // prod_{k > j} (t - k)
  for (std::uint32_t j = n; j-- > 0;) {
    values[j] *= above;
    above *= t - Fr::from_u64(j);
  }
  return values;
}

std::vector<Fr> combine_rows(std::span<const Fr> rows, std::span<const Fr> factors) {
  ASSAY_CHECK(!factors.empty() && rows.size() % factors.size() == 0, factors.size(), rows.size());
  const std::size_t width = rows.size() / factors.size();
  std::vector<Fr> sum(width);
  parallel_for(0, width, 256, [&](std::size_t first, std::size_t last) {
    const std::span<Fr> part = std::span(sum).subspan(first, last - first);
    for (std::size_t j = 0; j < factors.size(); ++j)
      add_scaled(part, factors[j], rows.subspan(j * width + first, last - first));
  });
  return sum;
}

}  // namespace assay::pst::internal
