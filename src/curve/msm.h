// Multi-scalar multiplication by the bucket method with signed windows (Bernstein, Doumen, Lange, Oosterwijk,
// "Faster batch forgery identification", 2012, section 4), a task for every window and range of points.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <span>
#include <type_traits>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "base/loan.h"
#include "base/threads.h"
#include "curve/bucket_sums.h"
#include "curve/msm_simple.h"
#include "curve/windows.h"

namespace assay::curve {

/// Adder sums pairs of affine points: PairAdder<F> or one that agrees with it.
template <class F, class Adder>
class Msm {
 public:
  static G1Affine run(std::span<const G1Affine> bases, IntegerView scalars) {
    ASSAY_CHECK_EQ(bases.size(), scalars.size());
    Xyzz<F> sum;
    for (std::size_t first = 0; first < bases.size(); first += kSlab) {
      const std::size_t count = std::min(kSlab, bases.size() - first);
      sum += slab_sum(bases.subspan(first, count), scalars.subview(first, count));
    }
    return store(sum.to_affine());
  }

 private:
  /// What is summed at a time: PointRef numbers the points of a block only, but scalars are prepared by the
  /// slab.
  static constexpr std::size_t kSlab = std::size_t{1} << 22;
  /// Under this many points the inversions of the batches cost more than they save.
  static constexpr std::size_t kFew = 256;

  static Xyzz<F> slab_sum(std::span<const G1Affine> bases, IntegerView scalars) {
    return scalars.visit([&](auto values) {
      using Int = std::remove_const_t<typename decltype(values)::element_type>;
      if constexpr (std::is_same_v<Int, Scalar>) {
        std::vector<SignedMagnitude> prepared(values.size());
        parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
          for (std::size_t i = first; i < last; ++i) prepared[i] = SignedMagnitude::of(values[i]);
        });
        return sum_of(bases, std::span(prepared));
      } else {
        return sum_of(bases, values);
      }
    });
  }

  static constexpr std::size_t kGrain = 8192;

  /// The OR of all magnitudes.
  template <class Int>
  static auto union_of(std::span<const Int> values) {
    typename Magnitude<Int>::Wide all{};
    std::mutex mutex;
    parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
      const auto some = Digits<Int>::union_of(values.subspan(first, last - first));
      const std::scoped_lock lock(mutex);
      all = Magnitude<Int>::combine(all, some);
    });
    return all;
  }

  /// Prepared scalars are changed.
  template <class T>
  static Xyzz<F> sum_of(std::span<const G1Affine> bases, std::span<T> data) {
    using Int = std::remove_const_t<T>;
    const std::span<const Int> values = data;
    const auto all = union_of(values);
    const unsigned bits = Magnitude<Int>::bit_width(all);
    if (bits == 0) return {};
    const bool few = values.size() < kFew;
    const WindowPlan plan = plan_windows(values.size(), bits, worker_count(), few ? 2.6 : 2.2);
    const Digits<Int> digits(plan, all);
    if constexpr (Digits<Int>::kTakesBiased) {
      parallel_for(0, data.size(), kGrain, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) digits.bias(data[i]);
      });
    }

    const std::size_t tasks = std::size_t{plan.windows} * plan.ranges;
    std::vector<Xyzz<F>> partial(tasks);
    parallel_for(0, tasks, few ? tasks : 1, [&](std::size_t first_task, std::size_t last_task) {
      for (std::size_t task = first_task; task < last_task; ++task) {
        const std::size_t range = task % plan.ranges;
        const std::size_t begin = values.size() * range / plan.ranges;
        const std::size_t end = values.size() * (range + 1) / plan.ranges;
        const auto window = static_cast<unsigned>(task / plan.ranges);
        const auto range_bases = bases.subspan(begin, end - begin);
        const auto range_values = values.subspan(begin, end - begin);
        partial[task] = few ? simple_window_sum<F>(range_bases, range_values, window, digits)
                            : window_sum(range_bases, range_values, window, digits);
      }
    });

    Xyzz<F> sum;
    for (unsigned w = plan.windows; w-- > 0;) {
      for (unsigned i = 0; i < plan.window_bits; ++i) sum = sum.doubled();
      for (unsigned range = 0; range < plan.ranges; ++range)
        sum += partial[std::size_t{w} * plan.ranges + range];
    }
    return sum;
  }

  /// sum_i digit_window(values[i]) * bases[i].
  template <class Int>
  static Xyzz<F> window_sum(std::span<const G1Affine> bases, std::span<const Int> values, unsigned window,
                            const Digits<Int>& digits) {
    using Buckets = BucketSums<F, Adder>;
    const std::size_t block = std::min(Buckets::kBlock, values.size());
    const Loan<Buckets> loan;
    Buckets& buckets = *loan;
    buckets.start(digits.largest(window), block);
    std::vector<BucketKey> keys;
    for (std::size_t first = 0; first < values.size(); first += block) {
      const std::size_t count = std::min(block, values.size() - first);
      keys.assign(count, BucketKey());
      digits.for_each(window, values.subspan(first, count),
                      [&](std::size_t i, std::size_t magnitude, bool negative) {
                        keys[i] = BucketKey(magnitude - 1, negative);
                      });
      buckets.add(bases.subspan(first, count), keys);
    }
    return buckets.weighted_sum();
  }
};

}  // namespace assay::curve
