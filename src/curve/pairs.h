// Sums of pairs of affine points by the batch: what the bucket method spends its time on.
//
// A schedule names its operands in 32 bits and lies over two arrays: the bases, which are never written, and
// an arena, which takes the sums. Every kernel carries out the same schedules.
#pragma once

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

/// The oracle: one addition after another over any backend. Points of the arena are reduced.
template <class F>
class PairAdder {
 public:
  void add(const PointSpace& space, std::span<const PairSum> pairs) {
    sums_.resize(pairs.size());
    addends_.resize(pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      sums_[i] = load(space, pairs[i].left);
      addends_[i] = load(space, pairs[i].right);
    }
    adder_.add(sums_, addends_);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      space.arena[pairs[i].out] = {{sums_[i].x.limbs()}, {sums_[i].y.limbs()}};
    }
  }

  /// The point of a place in the arena, reduced.
  static Affine<F> reduced(const G1Affine& p) { return {F(p.x.limbs), F(p.y.limbs)}; }

 private:
  static Affine<F> load(const PointSpace& space, PointRef ref) {
    const Affine<F> p = reduced(space[ref]);
    return ref.is_negated() ? -p : p;
  }

  std::vector<Affine<F>> sums_, addends_;
  BatchAdder<F> adder_;
};

}  // namespace assay::curve
