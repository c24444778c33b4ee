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
#include "curve/base_runs.h"
#include "curve/bucket_sums.h"
#include "curve/distinct.h"
#include "curve/interleaved.h"
#include "curve/msm_simple.h"
#include "curve/windows.h"

namespace assay::curve {

template <class F, AddsPairs<F> Adder, CurveConstants Curve = Bn254>
class Msm {
 public:
  static G1Affine run(std::span<const std::span<const G1Affine>> runs, IntegerView scalars) {
    const BaseRuns bases({runs.begin(), runs.end()});
    ASSAY_CHECK_EQ(bases.size(), scalars.size());
    const std::size_t slab = scalars.kind() == IntegerView::Kind::kScalar ? kSlabOfScalars : kSlab;
    Xyzz<F> sum;
    for (std::size_t first = 0; first < bases.size(); first += slab) {
      const std::size_t count = std::min(slab, bases.size() - first);
      sum += slab_sum(bases.part(first, count), scalars.subview(first, count));
    }
    return store(sum.to_affine());
  }

 private:
  /// What is summed at a time, which bounds the working memory: 4 bytes an integer of few kinds, and of each
  /// scalar 32 bytes and 4 a window.
  static constexpr std::size_t kSlab = std::size_t{1} << 22, kSlabOfScalars = std::size_t{1} << 21;
  /// Under this many points the inversions of the batches cost more than they save.
  static constexpr std::size_t kFew = kFewPoints;
  /// A bucket's two additions are of general points there, which cost more than that of an affine one.
  static constexpr double kBucketCostAlone = 2.6;

  static Xyzz<F> slab_sum(const BaseRuns& bases, IntegerView scalars) {
    return scalars.visit([&](auto values) {
      using Int = std::remove_const_t<typename decltype(values)::element_type>;
      if constexpr (std::is_same_v<Int, Scalar>) {
        if (values.size() < kFew) return interleaved_sum(bases, values);
        std::vector<SignedMagnitude> prepared(values.size());
        parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
          for (std::size_t i = first; i < last; ++i) prepared[i] = SignedMagnitude::of(values[i]);
        });
        return sum_of(bases, std::span<const SignedMagnitude>(prepared));
      } else {
        return sum_of(bases, values);
      }
    });
  }

  static Xyzz<F> interleaved_sum(const BaseRuns& bases, std::span<const Scalar> values) {
    InterleavedSum<F, Adder, Curve> sum;
    bases.for_each(0, values.size(), [&](std::span<const G1Affine> run, std::size_t before) {
      for (std::size_t i = 0; i < run.size(); ++i) sum.add(run[i], SignedMagnitude::of(values[before + i]));
    });
    return sum.sum();
  }

  static constexpr std::size_t kGrain = 8192;

  template <class Int>
  static auto largest_magnitude(std::span<const Int> values) {
    using M = Magnitude<Int>;
    typename M::Wide largest{};
    std::mutex mutex;
    parallel_for(0, values.size(), kGrain, [&](std::size_t first, std::size_t last) {
      typename M::Wide here{};
      for (const Int& value : values.subspan(first, last - first)) here = M::larger(here, M::of(value));
      const std::scoped_lock lock(mutex);
      largest = M::larger(largest, here);
    });
    return largest;
  }

  template <class Int>
  static Xyzz<F> sum_of(const BaseRuns& bases, std::span<const Int> values) {
    const auto largest = largest_magnitude(values);
    const Width width = Width::of<Int>(largest);
    if (width.bits == 0) return {};
    if (width.bits > kOneWindow && values.size() >= kManyToSort) {
      if (const auto sum = sum_by_value(bases, values)) return *sum;
    }
    const bool few = values.size() < kFew;
    const WindowPlan plan =
        plan_windows(values.size(), width, worker_count(), few ? kBucketCostAlone : kBucketCost);
    const DigitLayout<Int> layout(plan, largest);
    const Digits<Int> digits(layout, values);

    const std::size_t tasks = std::size_t{plan.windows} * plan.ranges;
    std::vector<Xyzz<F>> partial(tasks);
    parallel_for(0, tasks, few ? tasks : 1, [&](std::size_t first_task, std::size_t last_task) {
      for (std::size_t task = first_task; task < last_task; ++task) {
        const std::size_t range = task % plan.ranges;
        const std::size_t begin = values.size() * range / plan.ranges;
        const std::size_t end = values.size() * (range + 1) / plan.ranges;
        const auto window = static_cast<unsigned>(task / plan.ranges);
        const auto sum = few ? simple_window_sum<Int> : window_sum<Int>;
        partial[task] = sum(bases, begin, end, window, layout.largest(window), digits);
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
  static std::optional<Xyzz<F>> sum_by_value(const BaseRuns& bases, std::span<const Int> values) {
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
        buckets.start(distinct.magnitudes().size(), keys.size());
        bases.for_each(begin, keys.size(), [&](std::span<const G1Affine> run, std::size_t before) {
          buckets.add(run, std::span(keys).subspan(before, run.size()));
        });
        buckets.finish();
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
    return sum_of(BaseRuns({all.sums}), std::span<const SignedMagnitude>(all.magnitudes));
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

  /// The sum over [begin, end) of the points times their digits in a window, which are below `buckets`.
  template <class Int>
  static Xyzz<F> window_sum(const BaseRuns& bases, std::size_t begin, std::size_t end, unsigned window,
                            std::size_t buckets, const Digits<Int>& digits) {
    const Loan<BucketSums<F, Adder>> loan;
    BucketSums<F, Adder>& sums = *loan;
    sums.start(buckets, end - begin);
    std::vector<BucketKey> space;
    for (std::size_t first = begin; first < end; first += kGrain) {
      const auto keys = digits.keys(window, first, std::min(kGrain, end - first), space);
      bases.for_each(first, keys.size(), [&](std::span<const G1Affine> run, std::size_t before) {
        sums.add(run, keys.subspan(before, run.size()));
      });
    }
    sums.finish();
    return sums.weighted_sum();
  }
  template <class Int>
  static Xyzz<F> simple_window_sum(const BaseRuns& bases, std::size_t begin, std::size_t end, unsigned window,
                                   std::size_t buckets, const Digits<Int>& digits) {
    std::vector<BucketKey> space;
    const auto keys = digits.keys(window, begin, end - begin, space);
    SimpleBuckets<F> sums(buckets);
    bases.for_each(begin, keys.size(), [&](std::span<const G1Affine> run, std::size_t before) {
      sums.add(run, keys.subspan(before, run.size()));
    });
    return sums.weighted_sum();
  }
};

}  // namespace assay::curve
