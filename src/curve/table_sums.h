// Sums of points out of a table, in affine coordinates with shared inversions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/large_array.h"
#include "curve/group.h"
#include "curve/msm_simple.h"
#include "curve/pairs.h"

namespace assay::curve {

/// Bits of a scalar, as one signed digit: a table has 2^(bits - 1) multiples for them.
struct Window {
  unsigned shift;
  unsigned bits;
  /// Where its multiples begin among those of one base.
  std::size_t first;
};

/// Fills in the point that a round adds to each sum, or none.
using FillRound = std::function<void(std::size_t round, std::span<PointRef> points)>;

template <class F, AddsPairs<F> Adder>
struct TableSums {
  /// out[first + d - 1] = d 2^shift base for d = 1 .. 2^(bits - 1), of each window. The base is not infinity.
  /// The filled part of all windows' rows doubles with each batch of additions.
  static void fill_multiples(const G1Affine& base, std::span<const Window> windows, std::span<G1Affine> out) {
    Xyzz<F> power(load<F>(base));
    unsigned shift = 0;
    std::size_t longest = 0;
    for (const Window& window : windows) {
      for (; shift < window.shift; ++shift) power = power.doubled();
      out[window.first] = store(power.to_affine());
      longest = std::max(longest, std::size_t{1} << (window.bits - 1));
    }
    Adder adder;
    PairBatch batch;
    for (std::size_t filled = 1; filled < longest; filled *= 2) {
      for (const Window& window : windows) {
        if (filled >= std::size_t{1} << (window.bits - 1)) continue;
        G1Affine* const row = out.data() + window.first;
        for (std::size_t i = 0; i < filled; ++i) {
          batch.push(row[i], PointRef(row[filled - 1]), row[filled + i]);
          if (batch.is_full()) adder.add(batch);
        }
      }
      adder.add(batch);
    }
    for (G1Affine& point : out) point = store(Adder::reduced(point));
  }

  /// sums[i] = the points that `fill` gives for i in all rounds. PairBatch::kCapacity sums at most: they stay
  /// in the first caches, and so does what a round takes from the table when that lies together.
  static void sum_rounds(std::size_t rounds, const FillRound& fill, std::span<G1Affine> sums) {
    ASSAY_CHECK_LE(sums.size(), PairBatch::kCapacity);
    Adder adder;
    PairBatch batch;
    std::vector<PointRef> points(sums.size());
    std::vector<bool> started(sums.size());
    for (std::size_t round = 0; round < rounds; ++round) {
      fill(round, points);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        if (points[i].is_none()) continue;
        if (started[i]) {
          batch.push(sums[i], points[i], sums[i]);
        } else {
          sums[i] = signed_point(points[i]);
          started[i] = true;
        }
      }
      adder.add(batch);
    }
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = started[i] ? store(Adder::reduced(sums[i])) : G1Affine::infinity();
  }

  /// sums[g] = the sum of points[ends[g - 1]] to points[ends[g] - 1]; the points are all given, and their
  /// references are used up. Pairs of each group are summed, pairs of these sums and so on, all groups
  /// together.
  static void sum_groups(std::span<PointRef> points, std::span<const std::size_t> ends,
                         std::span<G1Affine> sums) {
    ASSAY_CHECK_EQ(ends.size(), sums.size());
    if (points.size() < kFew)
      sum_few(points, ends, sums);
    else
      sum_pairs(points, ends, sums);
  }

 private:
  /// Fewer additions than this take less time one after the other than inversions for each round of pairs.
  static constexpr std::size_t kFew = 192;

  static G1Affine signed_point(PointRef point) {
    const Affine<F> p = Adder::reduced(*point);
    return store(point.is_negated() ? -p : p);
  }

  static void sum_few(std::span<const PointRef> points, std::span<const std::size_t> ends,
                      std::span<G1Affine> sums) {
    std::size_t next = 0;
    for (std::size_t g = 0; g < sums.size(); ++g) {
      Xyzz<F> sum;
      for (; next < ends[g]; ++next) {
        const Affine<F> p = load<F>(*points[next]);
        sum += points[next].is_negated() ? -p : p;
      }
      sums[g] = store(sum.to_affine());
    }
  }

  static void sum_pairs(std::span<PointRef> points, std::span<const std::size_t> ends,
                        std::span<G1Affine> sums) {
    LargeArray<G1Affine> made(points.size() / 2);
    Adder adder;
    PairBatch batch;
    std::vector<std::size_t> counts(ends.size());
    std::size_t first = 0, next = 0, longest = 0;
    for (std::size_t g = 0; g < ends.size(); first = ends[g++]) {
      counts[g] = ends[g] - first;
      longest = std::max(longest, counts[g]);
    }
    // A sum takes the place of its left operand, which after the first round is a sum too.
    for (bool fresh = true; longest > 1; fresh = false, longest -= longest / 2) {
      first = 0;
      for (std::size_t g = 0; g < ends.size(); first = ends[g++]) {
        const std::size_t pairs = counts[g] / 2;
        for (std::size_t i = 0; i < pairs; ++i) {
          const PointRef left = points[first + 2 * i], right = points[first + 2 * i + 1];
          G1Affine& out = made[fresh ? next++ : static_cast<std::size_t>(&*left - made.data())];
          batch.push(*left, right.negated_if(left.is_negated()), out);
          points[first + i] = PointRef(out, left.is_negated());
          if (batch.is_full()) adder.add(batch);
        }
        if (counts[g] % 2 != 0) points[first + pairs] = points[first + counts[g] - 1];
        counts[g] -= pairs;
      }
      adder.add(batch);
    }
    first = 0;
    for (std::size_t g = 0; g < ends.size(); first = ends[g++])
      sums[g] = counts[g] == 0 ? G1Affine::infinity() : signed_point(points[first]);
  }
};

}  // namespace assay::curve
