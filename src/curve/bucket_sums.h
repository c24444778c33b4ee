// Sums of points by bucket, in affine coordinates with shared inversions.
//
// A block of points is sorted by bucket; the points of each bucket are then summed in pairs, pairs of pairs
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

namespace assay::curve {

/// A bucket and a sign in 32 bits; 0 is no bucket.
class BucketKey {
 public:
  BucketKey() = default;
  BucketKey(std::size_t bucket, bool negated)
      : bits_(static_cast<std::uint32_t>(bucket + 1) << 1 | static_cast<std::uint32_t>(negated)) {}
  [[nodiscard]] bool is_none() const { return bits_ == 0; }
  [[nodiscard]] std::uint32_t bucket() const { return (bits_ >> 1) - 1; }
  [[nodiscard]] bool is_negated() const { return (bits_ & 1) != 0; }

 private:
  std::uint32_t bits_ = 0;
};

template <class F, class Adder>
class BucketSums {
 public:
  /// Points sorted at a time: their coordinates, 8 MB, stay in the outer cache while they are summed.
  static constexpr std::size_t kBlock = std::size_t{1} << 17;

  /// Empty buckets; `block` is the most points that one call of add() will bring. Memory that is there already is used
  /// again.
  void start(std::size_t buckets, std::size_t block) {
    buckets_ = buckets;
    // Every fresh sum takes two points of a block; later the two sums of every row stand there.
    grow(arena_, buckets + std::max(block / 2, 2 * rows()));
    grow(refs_, block + std::min(buckets, block));
    occupied_.assign(buckets, 0);
    ends_.resize(buckets);
  }

  /// bucket_sum[key of i] += bases[i] or -bases[i].
  void add(std::span<const G1Affine> bases, std::span<const BucketKey> keys) {
    space_ = {bases.data(), arena_.data()};
    sort(keys);
    next_ = static_cast<std::uint32_t>(buckets_);
    open_groups();
    while (!groups_.empty()) halve_groups();
  }

  /// The sum of a bucket; infinity where nothing came.
  [[nodiscard]] Affine<F> sum(std::size_t bucket) const {
    return occupied_[bucket] != 0 ? Adder::reduced(arena_[bucket]) : Affine<F>{};
  }

  /// sum_b (b + 1) bucket_sum[b]. The buckets are used up.
  ///
  /// The buckets are cut into rows of equal length. Down all rows at once run the suffix sums S (so far) and
  /// their sums T; a row that starts at bucket f then counts T + f S.
  [[nodiscard]] Xyzz<F> weighted_sum() {
    const std::size_t length = row_length(), count = rows();
    std::vector<Running> suffixes(count), totals(count);
    for (std::size_t row = 0; row < count; ++row) {
      suffixes[row].place = static_cast<std::uint32_t>(buckets_ + row);
      totals[row].place = static_cast<std::uint32_t>(buckets_ + count + row);
    }
    space_ = {nullptr, arena_.data()};
    for (std::size_t step = length; step-- > 0;) {
      for (std::size_t row = 0; row < count; ++row) {
        const std::size_t bucket = row * length + step;
        if (bucket < buckets_ && occupied_[bucket] != 0) accumulate(suffixes[row], bucket);
      }
      flush();
      for (std::size_t row = 0; row < count; ++row) {
        if (suffixes[row].started) accumulate(totals[row], suffixes[row].place);
      }
      flush();
    }
    Xyzz<F> total, suffix, weighted;
    for (std::size_t row = count; row-- > 0;) {
      if (suffixes[row].started) {
        total += Adder::reduced(arena_[totals[row].place]);
        suffix += Adder::reduced(arena_[suffixes[row].place]);
      }
      if (row > 0) weighted += suffix;
    }
    // Rows are a power of two long.
    for (std::size_t power = 1; power < length; power *= 2) weighted = weighted.doubled();
    return total += weighted;
  }

 private:
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

  /// A running sum at a place of the arena.
  struct Running {
    std::uint32_t place = 0;
    bool started = false;
  };

  void accumulate(Running& running, std::size_t from) {
    if (running.started) {
      push({PointRef::arena(running.place), PointRef::arena(from), running.place});
    } else {
      arena_[running.place] = arena_[from];
      running.started = true;
    }
  }

  /// Counting sort of the block's points by bucket. In front of its points stands a bucket's earlier sum.
  /// Afterwards bucket b has the references from ends_[b - 1] (or 0) to ends_[b].
  void sort(std::span<const BucketKey> keys) {
    std::fill(ends_.begin(), ends_.end(), 0);
    for (const BucketKey key : keys) {
      if (!key.is_none()) ++ends_[key.bucket()];
    }
    std::uint32_t position = 0;
    for (std::size_t b = 0; b < buckets_; ++b) {
      const std::uint32_t count = ends_[b];
      ends_[b] = position;
      if (count == 0) continue;
      if (occupied_[b] != 0) {
        refs_[position] = PointRef::arena(b);
        ends_[b] = ++position;
      }
      position += count;
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!keys[i].is_none()) refs_[ends_[keys[i].bucket()]++] = PointRef::base(i, keys[i].is_negated());
    }
  }

  /// Lists the buckets that have something to sum; a first point on its own is just copied.
  void open_groups() {
    groups_.clear();
    std::uint32_t first = 0;
    for (std::size_t b = 0; b < buckets_; ++b) {
      const std::uint32_t end = ends_[b], count = end - first;
      if (count == 1) {
        const PointRef only = refs_[first];
        if (!only.is_arena()) {
          const Affine<F> p = Adder::reduced(space_[only]);
          const Affine<F> signed_p = only.is_negated() ? -p : p;
          arena_[b] = {{signed_p.x.limbs()}, {signed_p.y.limbs()}};
        }
      } else if (count > 1) {
        groups_.push_back({static_cast<std::uint32_t>(b), first, count});
      }
      if (count != 0) occupied_[b] = 1;
      first = end;
    }
  }

  /// Replaces every two points of every group by their sum. The last sum of a group goes to its bucket.
  void halve_groups() {
    std::size_t kept = 0;
    for (Group group : groups_) {
      PointRef* const refs = refs_.data() + group.first;
      const std::uint32_t sums = group.count / 2;
      for (std::uint32_t i = 0; i < sums; ++i) {
        const PointRef left = refs[2 * i], right = refs[2 * i + 1];
        const std::uint32_t out = group.count == 2 ? group.bucket : left.is_arena() ? left.index() : next_++;
        push({left, right, out});
        refs[i] = PointRef::arena(out);
      }
      if (group.count % 2 != 0) refs[sums] = refs[group.count - 1];
      group.count -= sums;
      if (group.count > 1) groups_[kept++] = group;
    }
    groups_.resize(kept);
    flush();
  }

  void push(const PairSum& pair) {
    pairs_.push_back(pair);
    if (pairs_.size() == kPairBatch) flush();
  }
  void flush() {
    if (!pairs_.empty()) adder_.add(space_, pairs_);
    pairs_.clear();
  }

  std::size_t buckets_ = 0;
  LargeArray<G1Affine> arena_;  ///< the bucket sums, then room for the sums of a block
  std::vector<std::uint8_t> occupied_;
  std::vector<std::uint32_t> ends_;
  LargeArray<PointRef> refs_;
  std::vector<Group> groups_;
  std::vector<PairSum> pairs_;
  std::uint32_t next_ = 0;
  PointSpace space_{};
  Adder adder_;
};

}  // namespace assay::curve
