// Sums of points by bucket, in affine coordinates with shared inversions.
//
// Points are added to their buckets in the order of their coming, a batch at a time: bases are read one
// after the other, and only buckets are looked for. A point whose bucket has an addition in the open batch
// waits. Those that wait are sorted by bucket, and the points of each bucket summed in pairs, pairs of pairs
// and so on, all buckets together, with the bucket's earlier sum as one more point. Whatever the data, an
// addition is spent per point, batches are full, and no two sums of a batch write to one place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/large_array.h"
#include "curve/group.h"
#include "curve/pairs.h"
#include "curve/windows.h"

namespace assay::curve {

template <class F, AddsPairs<F> Adder>
class BucketSums {
 public:
  /// Empty buckets, for `points` at most. Memory that is there already is used again.
  void start(std::size_t buckets, std::size_t points) {
    buckets_ = buckets;
    most_waiting_ = std::min(kMostWaiting, points);
    // Every fresh sum takes two points that wait; later the two sums of every row stand there.
    grow(arena_, buckets + std::max(most_waiting_ / 2, 2 * rows()));
    grow(refs_, most_waiting_ + std::min(buckets, most_waiting_));
    batch_of_.assign(buckets, kEmpty);
    batch_number_ = kFirstBatch;
    waiting_.reserve(most_waiting_);
    ends_.resize(buckets);
  }

  /// bucket_sum[key of i] += bases[i] or its negative. The bases are read until finish().
  void add(std::span<const G1Affine> bases, std::span<const BucketKey> keys) {
    // A batch from few buckets would never be full.
    const bool in_order = buckets_ >= 2 * PairBatch::kCapacity;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].is_none()) continue;
      const PointRef point(bases[i], keys[i].is_negated());
      const std::uint32_t bucket = keys[i].bucket();
      std::uint8_t& batch = batch_of_[bucket];
      if (batch == kEmpty) {
        place(point, bucket);
      } else if (in_order && batch != batch_number_) {
        batch = batch_number_;
        push(arena_[bucket], point, arena_[bucket]);
      } else {
        waiting_.push_back({point, bucket});
        if (waiting_.size() == most_waiting_) sum_waiting();
      }
    }
  }

  /// Adds the last points; from here on the sums are whole.
  void finish() { sum_waiting(); }

  /// The sum of a bucket; infinity where nothing came.
  [[nodiscard]] Affine<F> sum(std::size_t bucket) const {
    return is_occupied(bucket) ? Adder::reduced(arena_[bucket]) : Affine<F>{};
  }

  /// sum_b (b + 1) bucket_sum[b].
  ///
  /// The buckets are cut into rows of equal length. Down all rows at once run the suffix sums S (so far) and
  /// their sums T; a row that starts at bucket f then counts T + f S.
  [[nodiscard]] Xyzz<F> weighted_sum() {
    const std::size_t length = row_length(), count = rows();
    std::vector<Running> suffixes(count), totals(count);
    for (std::size_t row = 0; row < count; ++row) {
      suffixes[row].sum = &arena_[buckets_ + row];
      totals[row].sum = &arena_[buckets_ + count + row];
    }
    for (std::size_t step = length; step-- > 0;) {
      for (std::size_t row = 0; row < count; ++row) {
        const std::size_t bucket = row * length + step;
        if (bucket < buckets_ && is_occupied(bucket)) accumulate(suffixes[row], arena_[bucket]);
      }
      flush();
      for (std::size_t row = 0; row < count; ++row) {
        if (suffixes[row].started) accumulate(totals[row], *suffixes[row].sum);
      }
      flush();
    }
    Xyzz<F> total, suffix, weighted;
    for (std::size_t row = count; row-- > 0;) {
      if (suffixes[row].started) {
        total += Adder::reduced(*totals[row].sum);
        suffix += Adder::reduced(*suffixes[row].sum);
      }
      if (row > 0) weighted += suffix;
    }
    // Rows are a power of two long.
    for (std::size_t power = 1; power < length; power *= 2) weighted = weighted.doubled();
    return total += weighted;
  }

 private:
  /// Points that wait are sorted this many at a time: their coordinates, 8 MB, stay in the outer cache while
  /// they are summed.
  static constexpr std::size_t kMostWaiting = std::size_t{1} << 17;
  /// What batch_of_ says of a bucket: nothing has come to it, its first point alone, or the number of the
  /// last batch that had an addition to it.
  static constexpr std::uint8_t kEmpty = 0, kPlaced = 1, kFirstBatch = 2;

  struct Waiting {
    PointRef point;
    std::uint32_t bucket;
  };

  /// The points of one bucket that are still to be summed, refs_[first..first + count).
  struct Group {
    std::uint32_t bucket, first, count;
  };

  template <class T>
  static void grow(LargeArray<T>& array, std::size_t size) {
    if (array.size() < size) array = LargeArray<T>(size);
  }

  /// A row costs three additions on their own, a step two inversions of about twelve such each.
  [[nodiscard]] std::size_t row_length() const {
    std::size_t length = 1;
    while (length * length * 8 < buckets_) length *= 2;
    return length;
  }
  [[nodiscard]] std::size_t rows() const { return (buckets_ + row_length() - 1) / row_length(); }

  /// A running sum and its place in the arena.
  struct Running {
    G1Affine* sum = nullptr;
    bool started = false;
  };

  void accumulate(Running& running, const G1Affine& point) {
    if (running.started) {
      push(*running.sum, PointRef(point), *running.sum);
    } else {
      *running.sum = point;
      running.started = true;
    }
  }

  [[nodiscard]] bool is_occupied(std::size_t bucket) const { return batch_of_[bucket] != kEmpty; }

  /// The first point of a bucket.
  void place(PointRef point, std::size_t bucket) {
    const Affine<F> p = Adder::reduced(*point);
    const Affine<F> signed_p = point.is_negated() ? -p : p;
    arena_[bucket] = {{signed_p.x.limbs()}, {signed_p.y.limbs()}};
    batch_of_[bucket] = kPlaced;
  }

  void sum_waiting() {
    flush();
    sort_waiting();
    waiting_.clear();
    open_groups();
    for (bool first = true; !groups_.empty(); first = false) halve_groups(first);
  }

  /// Counting sort by bucket. In front of a bucket's points stands its earlier sum. Afterwards bucket b has
  /// the references from ends_[b - 1] (or 0) to ends_[b].
  void sort_waiting() {
    std::fill(ends_.begin(), ends_.end(), 0);
    for (const Waiting& each : waiting_) ++ends_[each.bucket];
    std::uint32_t position = 0;
    for (std::size_t b = 0; b < buckets_; ++b) {
      const std::uint32_t count = ends_[b];
      ends_[b] = position;
      if (count == 0) continue;
      refs_[position] = PointRef(arena_[b]);
      ends_[b] = ++position;
      position += count;
    }
    for (const Waiting& each : waiting_) refs_[ends_[each.bucket]++] = each.point;
  }

  /// Lists the buckets that have something to sum.
  void open_groups() {
    groups_.clear();
    std::uint32_t first = 0;
    for (std::size_t b = 0; b < buckets_; ++b) {
      const std::uint32_t end = ends_[b];
      if (end != first) groups_.push_back({static_cast<std::uint32_t>(b), first, end - first});
      first = end;
    }
  }

  /// Replaces every two points of every group by their sum, which goes to the place of the left one. The
  /// first time, all left ones but the bucket's own sum are bases, and sums go to fresh places.
  void halve_groups(bool first) {
    G1Affine* fresh = arena_.data() + buckets_;
    std::size_t kept = 0;
    for (Group group : groups_) {
      PointRef* const refs = refs_.data() + group.first;
      const std::uint32_t sums = group.count / 2;
      for (std::uint32_t i = 0; i < sums; ++i) {
        G1Affine& out = i == 0 ? arena_[group.bucket] : first ? *fresh++ : arena_[place_of(refs[2 * i])];
        // -P + Q = -(P - Q). A bucket's own sum is never negative.
        const bool negated = refs[2 * i].is_negated();
        push(*refs[2 * i], refs[2 * i + 1].negated_if(negated), out);
        refs[i] = PointRef(out, negated);
      }
      if (group.count % 2 != 0) refs[sums] = refs[group.count - 1];
      group.count -= sums;
      if (group.count > 1) groups_[kept++] = group;
    }
    groups_.resize(kept);
    flush();
  }

  [[nodiscard]] std::size_t place_of(PointRef sum) const {
    return static_cast<std::size_t>(&*sum - arena_.data());
  }

  void push(const G1Affine& left, PointRef right, G1Affine& out) {
    batch_.push(left, right, out);
    if (batch_.is_full()) flush();
  }
  void flush() {
    if (batch_.size() == 0) return;
    adder_.add(batch_);
    // Where a number comes round again, some buckets are taken for busy, and their points wait without need.
    if (++batch_number_ == kEmpty) batch_number_ = kFirstBatch;
  }

  std::size_t buckets_ = 0;
  LargeArray<G1Affine> arena_;          ///< the bucket sums, then room for sums of points that waited
  std::vector<std::uint8_t> batch_of_;  ///< by bucket; see kEmpty
  std::uint8_t batch_number_ = kFirstBatch;
  std::vector<Waiting> waiting_;
  std::size_t most_waiting_ = 0;
  std::vector<std::uint32_t> ends_;
  LargeArray<PointRef> refs_;
  std::vector<Group> groups_;
  PairBatch batch_;
  Adder adder_;
};

}  // namespace assay::curve
