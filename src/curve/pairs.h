// Sums of pairs of affine points by the batch: what the bucket method spends its time on.
//
// A schedule names its operands in 32 bits and lies over two arrays: the bases, which are never written, and
// an arena, which takes the sums. Every kernel carries out the same schedules.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/curve.h"
#include "curve/group.h"

namespace assay::curve {

/// A point of a schedule, or its negative.
class PointRef {
 public:
  PointRef() = default;
  static PointRef base(std::size_t index, bool negated) {
    return PointRef(static_cast<std::uint32_t>(index) | (negated ? kNegated : 0));
  }
  static PointRef arena(std::size_t index) { return PointRef(static_cast<std::uint32_t>(index) | kArena); }

  [[nodiscard]] bool is_negated() const { return (bits_ & kNegated) != 0; }
  [[nodiscard]] bool is_arena() const { return (bits_ & kArena) != 0; }
  [[nodiscard]] std::uint32_t index() const { return bits_ & (kArena - 1); }

 private:
  static constexpr std::uint32_t kNegated = std::uint32_t{1} << 31, kArena = std::uint32_t{1} << 30;
  explicit PointRef(std::uint32_t bits) : bits_(bits) {}
  std::uint32_t bits_ = 0;
};

/// arena[out] = left + right. `out` may be the place of an operand of this pair, of no other pair of a call.
struct PairSum {
  PointRef left, right;
  std::uint32_t out;
};

struct PointSpace {
  const G1Affine* bases = nullptr;
  G1Affine* arena = nullptr;

  [[nodiscard]] const G1Affine& operator[](PointRef ref) const {
    // Looked up and not chosen by a branch, which nothing could predict.
    const std::array<const G1Affine*, 2> origins = {bases, arena};
    return origins[static_cast<std::size_t>(ref.is_arena())][ref.index()];
  }
};

/// Points that one call sums at most: one inversion is spread over them.
inline constexpr std::size_t kPairBatch = 1024;

/// Sums pairs over any backend. Points of the arena are reduced.
///
/// Two passes over a batch: the first multiplies up the denominators of the slopes, the second comes back
/// with the inverse of their product (Montgomery, "Speeding the Pollard and elliptic curve methods", 1987,
/// section 10.3.1). Six products an addition.
template <class F>
class PairAdder {
 public:
  void add(const PointSpace& space, std::span<const PairSum> pairs) {
    while (!pairs.empty()) {
      const std::size_t count = std::min(kPairBatch, pairs.size());
      add_batch(space, pairs.first(count));
      pairs = pairs.subspan(count);
    }
  }

  /// The point of a place in the arena, reduced.
  static Affine<F> reduced(const G1Affine& p) { return {F(p.x.limbs), F(p.y.limbs)}; }

 private:
  /// Running products that do not wait for each other: a product takes longer to finish than to issue.
  static constexpr std::size_t kChains = 4;
  /// Pairs between asking for a point and using it.
  static constexpr std::size_t kAhead = 12;

  /// A pair without a slope through two points: 2P, or a sum with infinity or to it.
  struct Special {
    std::size_t pair;
    bool is_doubling;
  };

  /// A point of either sign.
  class Operand {
   public:
    Operand(const PointSpace& space, PointRef ref)
        : point_(reduced(space[ref])), negated_y_(-point_.y), negated_(ref.is_negated()) {}
    [[nodiscard]] const F& x() const { return point_.x; }
    /// Looked up, for nothing could predict a branch, and not copied.
    [[nodiscard]] const F& y() const {
      const std::array<const F*, 2> either = {&point_.y, &negated_y_};
      return *either[static_cast<std::size_t>(negated_)];
    }
    [[nodiscard]] Affine<F> point() const { return {x(), y()}; }

   private:
    Affine<F> point_;
    F negated_y_;
    bool negated_;
  };

  // Called instead of inlined, it has no effect that GCC sees, and is left out.
  [[gnu::always_inline]] static void prefetch(const PointSpace& space, std::span<const PairSum> pairs,
                                              std::size_t i) {
    if (i >= pairs.size()) return;
    __builtin_prefetch(&space[pairs[i].left]);
    __builtin_prefetch(&space[pairs[i].right]);
  }

  void add_batch(const PointSpace& space, std::span<const PairSum> pairs) {
    special_.clear();
    std::array<F, kChains> product;
    product.fill(F::one());
    for (std::size_t i = 0; i < std::min(kAhead, pairs.size()); ++i) prefetch(space, pairs, i);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      prefetch(space, pairs, i + kAhead);
      F& chain = product[i % kChains];
      before_[i] = chain;
      runs_[i] = run_of(space, pairs[i], i);
      chain *= runs_[i];
    }
    field::batch_inverse<F>(product, scratch_);
    for (std::size_t i = pairs.size(); i-- > 0;) {
      F& chain = product[i % kChains];
      const F inverse_run = before_[i] * chain;
      chain *= runs_[i];
      const Operand a(space, pairs[i].left), b(space, pairs[i].right);
      F rise = b.y() - a.y();
      if (!special_.empty() && special_.back().pair == i) [[unlikely]] {
        const bool is_doubling = special_.back().is_doubling;
        special_.pop_back();
        if (!is_doubling) {
          const Affine<F> p = a.point(), q = b.point();
          store(space, pairs[i], p.is_infinity() ? q : q.is_infinity() ? p : Affine<F>{});
          continue;
        }
        const F xx = a.x().squared();
        rise = xx.doubled() + xx;
      }
      const F slope = rise * inverse_run;
      const F x3 = slope.squared() - a.x() - b.x();
      store(space, pairs[i], {x3, slope * (a.x() - x3) - a.y()});
    }
  }

  /// The denominator of the pair's slope, one where there is none.
  F run_of(const PointSpace& space, const PairSum& pair, std::size_t i) {
    const G1Affine &left = space[pair.left], &right = space[pair.right];
    const F run = F(right.x.limbs) - F(left.x.limbs);
    if (!run.is_zero() && !reduced(left).is_infinity() && !reduced(right).is_infinity()) [[likely]]
      return run;
    const Affine<F> a = Operand(space, pair.left).point(), b = Operand(space, pair.right).point();
    const bool is_doubling = !a.is_infinity() && a == b;
    special_.push_back({i, is_doubling});
    return is_doubling ? a.y.doubled() : F::one();
  }

  static void store(const PointSpace& space, const PairSum& pair, const Affine<F>& sum) {
    space.arena[pair.out] = {{sum.x.limbs()}, {sum.y.limbs()}};
  }

  std::array<F, kPairBatch> runs_, before_;
  std::vector<Special> special_;
  std::vector<F> scratch_;
};

}  // namespace assay::curve
