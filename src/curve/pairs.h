// Sums of pairs of affine points by the batch: what the bucket method spends its time on.
//
// A batch names its operands by their places in memory. Every kernel carries out the same batches.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "curve/group.h"
#include "field/parameters.h"

namespace assay::curve {

/// A point in memory, or its negative: the sign stands in the lowest bit of the address.
class PointRef {
 public:
  static constexpr std::uintptr_t kSign = 1;

  /// No point.
  PointRef() = default;
  explicit PointRef(const G1Affine& point, bool negated = false)
      : bits_(reinterpret_cast<std::uintptr_t>(&point) | static_cast<std::uintptr_t>(negated)) {}

  [[nodiscard]] const G1Affine& operator*() const {
    return *reinterpret_cast<const G1Affine*>(bits_ & ~kSign);
  }
  [[nodiscard]] bool is_none() const { return bits_ == 0; }
  [[nodiscard]] bool is_negated() const { return (bits_ & kSign) != 0; }
  [[nodiscard]] PointRef negated_if(bool condition) const {
    PointRef out = *this;
    out.bits_ ^= static_cast<std::uintptr_t>(condition);
    return out;
  }

 private:
  static_assert(alignof(G1Affine) > kSign);
  std::uintptr_t bits_ = 0;
};

/// Sums of two points that are to be made together: one inversion is spread over them.
class PairBatch {
 public:
  static constexpr std::size_t kCapacity = 1024;

  /// out = left + right; who has -left to add takes -(left - right). `out` may be the place of an operand of
  /// this pair, of no other pair of the batch.
  void push(const G1Affine& left, PointRef right, G1Affine& out) {
    left_[size_] = &left;
    right_[size_] = right;
    out_[size_++] = &out;
  }
  void clear() { size_ = 0; }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_full() const { return size_ == kCapacity; }
  [[nodiscard]] const G1Affine& left(std::size_t i) const { return *left_[i]; }
  [[nodiscard]] const PointRef& right(std::size_t i) const { return right_[i]; }
  [[nodiscard]] G1Affine& out(std::size_t i) const { return *out_[i]; }

  /// Repeats the last pair behind the end, up to a multiple of `count`, for who reads so many at a time.
  void pad(std::size_t count) {
    for (std::size_t i = size_; i % count != 0; ++i) {
      left_[i] = left_[size_ - 1];
      right_[i] = right_[size_ - 1];
    }
  }

 private:
  std::size_t size_ = 0;
  std::array<const G1Affine*, kCapacity> left_;
  std::array<PointRef, kCapacity> right_;
  std::array<G1Affine*, kCapacity> out_;
};

/// 2P by the slope of the tangent.
template <class F>
[[nodiscard]] Affine<F> doubled(const Affine<F>& p, const F& inverse_of_2y) {
  const F xx = p.x.squared();
  const F slope = (xx.doubled() + xx) * inverse_of_2y;
  const F x = slope.squared() - p.x.doubled();
  return {x, slope * (p.x - x) - p.y};
}

/// The sums of a batch's pairs without a slope through two points: 2P, or a sum with infinity or to it. They
/// are made before any sum of the batch is stored, and stored after all others.
template <class F>
class SpecialSums {
 public:
  void clear() { pairs_.clear(); }
  [[nodiscard]] bool empty() const { return pairs_.empty(); }
  void note(std::size_t pair) { pairs_.push_back(pair); }

  /// `reduced` makes a point with coordinates below p of one in memory.
  template <class Reduced>
  void make(const PairBatch& batch, const Reduced& reduced) {
    sums_.resize(pairs_.size());
    inverses_.resize(pairs_.size());
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const PointRef given = batch.right(pairs_[i]);
      const Affine<F> left = reduced(batch.left(pairs_[i]));
      const Affine<F> right = given.is_negated() ? -reduced(*given) : reduced(*given);
      // No point has y = 0: zero marks the sums that need no slope.
      inverses_[i] = F::zero();
      if (left.is_infinity()) {
        sums_[i] = right;
      } else if (right.is_infinity()) {
        sums_[i] = left;
      } else if (left == right) {
        sums_[i] = left;
        inverses_[i] = left.y.doubled();
      } else {
        sums_[i] = {};
      }
    }
    field::batch_inverse<F>(inverses_, scratch_);
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (!inverses_[i].is_zero()) sums_[i] = doubled(sums_[i], inverses_[i]);
    }
  }
  void store(const PairBatch& batch) const {
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      batch.out(pairs_[i]) = {{sums_[i].x.limbs()}, {sums_[i].y.limbs()}};
  }

 private:
  std::vector<std::size_t> pairs_;
  std::vector<Affine<F>> sums_;
  std::vector<F> inverses_, scratch_;
};

/// What carries out batches, over points with coordinates in F: PairAdder, or lanes that agree with it. Sums
/// may be left in memory unreduced; `reduced` reads them, and points of the field's usual storage too.
template <class Adder, class F>
concept AddsPairs = std::default_initializable<Adder> &&
    requires(Adder adder, PairBatch& batch, std::span<G1Affine> points, const G1Affine& sum) {
  /// Carries out a batch and empties it.
  { adder.add(batch) } -> std::same_as<void>;
  /// Doubles points of the curve, PairBatch::kCapacity at most.
  { adder.double_in_place(points) } -> std::same_as<void>;
  { Adder::reduced(sum) } -> std::same_as<Affine<F>>;
};

/// Sums pairs over any backend. The sums are reduced.
///
/// Two passes over a batch: the first multiplies up the denominators of the slopes, the second comes back
/// with the inverse of their product (Montgomery, "Speeding the Pollard and elliptic curve methods", 1987,
/// section 10.3.1). Six products an addition.
template <class F>
class PairAdder {
 public:
  /// Carries out a batch and empties it.
  void add(PairBatch& batch) {
    const std::size_t size = batch.size();
    special_.clear();
    Chains chains;
    chains.fill(F::one());
    for (std::size_t i = 0; i < std::min(kAhead, size); ++i) prefetch(batch, i);
    for (std::size_t i = 0; i < size; ++i) {
      prefetch(batch, i + kAhead);
      F& chain = chains[i % kChains];
      before_[i] = chain;
      runs_[i] = run_of(batch, i);
      chain *= runs_[i];
    }
    if (!special_.empty()) special_.make(batch, reduced);
    field::batch_inverse<F>(chains, scratch_);
    for (std::size_t end = size; end > 0;) {
      const std::size_t first = (end - 1) / kChains * kChains;
      add_abreast(batch, first, end - first, chains);
      end = first;
    }
    special_.store(batch);
    batch.clear();
  }

  /// Doubles points of the curve, PairBatch::kCapacity at most.
  void double_in_place(std::span<G1Affine> points) {
    ASSAY_CHECK_LE(points.size(), PairBatch::kCapacity);
    // Infinity has y = 0, and zeros stay as they are.
    for (std::size_t i = 0; i < points.size(); ++i) runs_[i] = F(points[i].y.limbs).doubled();
    field::batch_inverse<F>(std::span(runs_).first(points.size()), scratch_);
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (runs_[i].is_zero()) continue;
      const Affine<F> sum = doubled(reduced(points[i]), runs_[i]);
      points[i] = {{sum.x.limbs()}, {sum.y.limbs()}};
    }
  }

  /// A sum, reduced.
  static Affine<F> reduced(const G1Affine& p) { return {F(p.x.limbs), F(p.y.limbs)}; }

 private:
  /// Running products that do not wait for each other: a product takes longer to finish than to issue.
  static constexpr std::size_t kChains = 4;
  /// Pairs between asking for a point and using it.
  static constexpr std::size_t kAhead = 12;
  using Chains = std::array<F, kChains>;

  // Called instead of inlined, it has no effect that GCC sees, and is left out.
  [[gnu::always_inline]] static void prefetch(const PairBatch& batch, std::size_t i) {
    if (i >= batch.size()) return;
    __builtin_prefetch(&batch.left(i));
    __builtin_prefetch(&*batch.right(i));
  }

  /// The denominator of the pair's slope, one where there is none.
  F run_of(const PairBatch& batch, std::size_t i) {
    const G1Affine &left = batch.left(i), &right = *batch.right(i);
    const F run = F::difference(right.x.limbs, left.x.limbs);
    if (!run.is_zero() && !reduced(left).is_infinity() && !reduced(right).is_infinity()) [[likely]]
      return run;
    special_.note(i);
    return F::one();
  }

  /// The last sums that are not made yet, at most one of each chain, side by side from product to product.
  void add_abreast(const PairBatch& batch, std::size_t first, std::size_t count, Chains& chains) {
    Chains slope, x;
    for (std::size_t j = 0; j < count; ++j) slope[j] = before_[first + j] * chains[j];
    for (std::size_t j = 0; j < count; ++j) chains[j] *= runs_[first + j];
    for (std::size_t j = 0; j < count; ++j) {
      const PointRef right = batch.right(first + j);
      slope[j] *= F::difference(signed_y(right).limbs(), batch.left(first + j).y.limbs);
    }
    for (std::size_t j = 0; j < count; ++j) {
      const F x_sum = F::sum(batch.left(first + j).x.limbs, (*batch.right(first + j)).x.limbs);
      x[j] = slope[j].squared() - x_sum;
    }
    for (std::size_t j = 0; j < count; ++j) {
      const G1Affine& left = batch.left(first + j);
      const F y = F::difference((slope[j] * F::difference(left.x.limbs, x[j].limbs())).limbs(), left.y.limbs);
      batch.out(first + j) = {{x[j].limbs()}, {y.limbs()}};
    }
  }

  /// Chosen by a mask, for nothing could predict a branch.
  static F signed_y(PointRef point) {
    const field::Limbs& y = (*point).y.limbs;
    const F negated = F::difference({}, y);
    const std::uint64_t mask = std::uint64_t{0} - static_cast<std::uint64_t>(point.is_negated());
    field::Limbs out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (y[i] & ~mask) | (negated.limbs()[i] & mask);
    return F(out);
  }

  std::array<F, PairBatch::kCapacity> runs_, before_;
  SpecialSums<F> special_;
  std::vector<F> scratch_;
};

}  // namespace assay::curve
