// Multi-scalar multiplication by the bucket method with signed windows (Bernstein, Doumen, Lange, Oosterwijk,
// "Faster batch forgery identification", 2012, section 4), a task for every window and range of points.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "base/loan.h"
#include "base/threads.h"
#include "curve/bucket_sums.h"
#include "curve/distinct.h"
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
  /// A bucket's two additions are of general points there, which cost more than that of an affine one.
  static constexpr double kBucketCostAlone = 2.6;

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
    if (bits > kOneWindow && values.size() >= kManyToSort) {
      if (const auto sum = sum_by_value(bases, values)) return *sum;
    }
    const bool few = values.size() < kFew;
    const WindowPlan plan =
        plan_windows(values.size(), bits, worker_count(), few ? kBucketCostAlone : kBucketCost);
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

  /// The sum by way of the sums of the points that share a value: one addition a point, whatever the width of
  /// the values. Nothing where the values are not few enough.
  template <class Int>
  static std::optional<Xyzz<F>> sum_by_value(std::span<const G1Affine> bases, std::span<const Int> values) {
    if (!Distinct<Int>::is_likely(values)) return std::nullopt;
    struct Part {
      std::vector<G1Affine> sums;
      std::vector<SignedMagnitude> magnitudes;
    };
    std::vector<Part> parts(worker_count());
    std::atomic<bool> too_many = false;
    parallel_for(0, parts.size(), 1, [&](std::size_t first_part, std::size_t last_part) {
      for (std::size_t p = first_part; p < last_part && !too_many; ++p) {
        const std::size_t begin = values.size() * p / parts.size();
        const std::size_t end = values.size() * (p + 1) / parts.size();
        const auto part_values = values.subspan(begin, end - begin);
        Distinct<Int> distinct(part_values.size() / kFewerThanPoints);
        std::vector<BucketKey> keys(part_values.size());
        if (!number_values(part_values, distinct, keys)) {
          too_many = true;
          return;
        }
        using Buckets = BucketSums<F, Adder>;
        const Loan<Buckets> loan;
        Buckets& buckets = *loan;
        const std::size_t block = std::min(Buckets::kBlock, keys.size());
        buckets.start(distinct.magnitudes().size(), block);
        for (std::size_t first = 0; first < keys.size(); first += block) {
          const std::size_t count = std::min(block, keys.size() - first);
          buckets.add(bases.subspan(begin + first, count), std::span(keys).subspan(first, count));
        }
        for (std::size_t b = 0; b < distinct.magnitudes().size(); ++b) {
          parts[p].sums.push_back(store(buckets.sum(b)));
          parts[p].magnitudes.push_back(SignedMagnitude::of(distinct.magnitudes()[b]));
        }
      }
    });
    if (too_many) return std::nullopt;
    Part all;
    for (const Part& part : parts) {
      all.sums.insert(all.sums.end(), part.sums.begin(), part.sums.end());
      all.magnitudes.insert(all.magnitudes.end(), part.magnitudes.begin(), part.magnitudes.end());
    }
    return sum_of(all.sums, std::span(all.magnitudes));
  }

  /// Windows of the bucket method start to repeat the points above this width.
  static constexpr unsigned kOneWindow = 17;
  /// What numbering the values and a second, small sum cost must be little beside the points.
  static constexpr std::size_t kManyToSort = std::size_t{1} << 14;
  static constexpr std::size_t kFewerThanPoints = 8;

  /// False where there are too many distinct ones.
  template <class Int>
  static bool number_values(std::span<const Int> values, Distinct<Int>& distinct, std::span<BucketKey> keys) {
    using M = Magnitude<Int>;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto magnitude = M::of(values[i]);
      if (magnitude == typename M::Wide{}) continue;
      const std::uint32_t number = distinct.number(magnitude);
      if (number == Distinct<Int>::kNone) return false;
      keys[i] = BucketKey(number, M::is_negative(values[i]));
    }
    return true;
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
