// The bucket method at its simplest: one XYZZ accumulator per bucket. The oracle of msm.h, and the faster of
// the two for few points.
#pragma once

#include <span>
#include <vector>

#include "curve/group.h"
#include "curve/windows.h"

namespace assay::curve {

template <class F>
[[nodiscard]] Affine<F> load(const G1Affine& p) {
  return {F(p.x.limbs), F(p.y.limbs)};
}
template <class F>
[[nodiscard]] G1Affine store(const Affine<F>& p) {
  return {{p.x.limbs()}, {p.y.limbs()}};
}

/// sum_i key_i bases[i], where a key of bucket b stands for b + 1 or its negative. No bucket is `buckets` or
/// more.
template <class F>
[[nodiscard]] Xyzz<F> simple_bucket_sum(std::span<const G1Affine> bases, std::span<const BucketKey> keys,
                                        std::size_t buckets) {
  std::vector<Xyzz<F>> sums(buckets);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].is_none()) continue;
    const Affine<F> p = load<F>(bases[i]);
    sums[keys[i].bucket()] += keys[i].is_negated() ? -p : p;
  }
  // sum_k k * bucket_k as the sum of the suffix sums.
  Xyzz<F> suffix, sum;
  for (std::size_t k = buckets; k-- > 0;) {
    suffix += sums[k];
    sum += suffix;
  }
  return sum;
}

}  // namespace assay::curve
