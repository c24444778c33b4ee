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

/// sum_i digit_window(values[i]) * bases[i].
template <class F, class Int>
[[nodiscard]] Xyzz<F> simple_window_sum(std::span<const G1Affine> bases, std::span<const Int> values,
                                        unsigned window, const Digits<Int>& digits) {
  std::vector<Xyzz<F>> buckets(digits.largest(window));
  digits.for_each(window, values, [&](std::size_t i, std::size_t magnitude, bool negative) {
    const Affine<F> p = load<F>(bases[i]);
    buckets[magnitude - 1] += negative ? -p : p;
  });
  // sum_k k * bucket_k as the sum of the suffix sums.
  Xyzz<F> suffix, sum;
  for (std::size_t k = buckets.size(); k-- > 0;) {
    suffix += buckets[k];
    sum += suffix;
  }
  return sum;
}

}  // namespace assay::curve
