// Sums of points along one axis of a grid, a bucket for each sum.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "base/loan.h"
#include "base/threads.h"
#include "curve/bucket_sums.h"
#include "curve/msm_simple.h"

namespace assay::curve {

template <class F, AddsPairs<F> Adder>
struct AxisSums {
  /// See sum_axis().
  static void run(std::span<const G1Affine> points, std::size_t nodes, std::size_t inner,
                  std::span<G1Affine> out) {
    parallel_for(0, out.size(), kSums, [&](std::size_t first, std::size_t last) {
      for (; first < last; first += std::min(kSums, last - first))
        some(points, nodes, inner, first, out.subspan(first, std::min(kSums, last - first)));
    });
  }

 private:
  /// Sums that are made together: their points stay in the outer cache.
  static constexpr std::size_t kSums = std::size_t{1} << 13;

  /// The sums from number `first` on.
  static void some(std::span<const G1Affine> points, std::size_t nodes, std::size_t inner, std::size_t first,
                   std::span<G1Affine> out) {
    std::vector<BucketKey> keys(out.size());
    for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = BucketKey(i, false);
    const Loan<BucketSums<F, Adder>> loan;
    BucketSums<F, Adder>& sums = *loan;
    sums.start(out.size(), out.size() * nodes);
    for (std::size_t done = 0; done < out.size();) {
      const std::size_t block = (first + done) / inner, column = (first + done) % inner;
      const std::size_t count = std::min(inner - column, out.size() - done);
      for (std::size_t j = 0; j < nodes; ++j)
        sums.add(points.subspan((block * nodes + j) * inner + column, count),
                 std::span(keys).subspan(done, count));
      done += count;
    }
    sums.finish();
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = store(sums.sum(i));
  }
};

}  // namespace assay::curve
