// The bucket method at its simplest: one XYZZ accumulator per bucket. For few points the faster way.
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

/// As BucketSums.
template <class F>
class SimpleBuckets {
 public:
  explicit SimpleBuckets(std::size_t buckets) : sums_(buckets) {}

  void add(std::span<const G1Affine> bases, std::span<const BucketKey> keys) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].is_none()) continue;
      const Affine<F> p = load<F>(bases[i]);
      sums_[keys[i].bucket()] += keys[i].is_negated() ? -p : p;
    }
  }

  /// sum_b (b + 1) bucket_sum[b], as the sum of the suffix sums.
  [[nodiscard]] Xyzz<F> weighted_sum() const {
    Xyzz<F> suffix, sum;
    for (std::size_t b = sums_.size(); b-- > 0;) {
      suffix += sums_[b];
      sum += suffix;
    }
    return sum;
  }

 private:
  std::vector<Xyzz<F>> sums_;
};

}  // namespace assay::curve
