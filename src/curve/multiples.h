// Operations on many points at once that are in affine coordinates and share their inversions: sums,
// doubles, and multiples by a scalar of each point's own.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "base/large_array.h"
#include "base/threads.h"
#include "base/wipe.h"
#include "curve/endomorphism.h"
#include "curve/msm_simple.h"
#include "curve/pairs.h"
#include "curve/parameters.h"

namespace assay::curve {

template <class F, AddsPairs<F> Adder, CurveConstants Curve = Bn254>
class PointMultiples {
 public:
  static void add_all(std::span<G1Affine> sums, std::span<const G1Affine> addends, bool negated) {
    ASSAY_CHECK_EQ(sums.size(), addends.size());
    for_blocks(sums, [&](Adder& adder, PairBatch& batch, std::size_t first, std::span<G1Affine> block) {
      for (std::size_t i = 0; i < block.size(); ++i)
        batch.push(block[i], PointRef(addends[first + i], negated), block[i]);
      adder.add(batch);
    });
  }

  static void double_all(std::span<G1Affine> points) {
    for_blocks(points, [](Adder& adder, PairBatch&, std::size_t, std::span<G1Affine> block) {
      adder.double_in_place(block);
    });
  }

  /// By windows of four bits from the top, all points of a block side by side: 1 to 8 times each point, then
  /// four doublings and an addition for each half of the scalar in a window.
  static void multiply_all(std::span<G1Affine> points, std::span<const Fr> scalars) {
    ASSAY_CHECK_EQ(points.size(), scalars.size());
    parallel_for(0, points.size(), PairBatch::kCapacity, [&](std::size_t first, std::size_t last) {
      Worker worker;
      for (std::size_t begin = first; begin < last; begin += PairBatch::kCapacity) {
        const std::size_t count = std::min(PairBatch::kCapacity, last - begin);
        worker.multiply(points.subspan(begin, count), scalars.subspan(begin, count));
      }
    });
  }

 private:
  /// Other curves have no endomorphism here, and scalars of full width.
  static constexpr bool kHalved = std::same_as<Curve, Bn254>;
  static constexpr std::size_t kParts = kHalved ? 2 : 1;
  static constexpr unsigned kWindowBits = 4;
  static constexpr std::size_t kLargest = std::size_t{1} << (kWindowBits - 1);
  static constexpr std::size_t kWindows = kHalved ? 32 : 64;
  using Digits = std::array<std::int8_t, kWindows>;

  template <class Body>
  static void for_blocks(std::span<G1Affine> points, const Body& body) {
    parallel_for(0, points.size(), PairBatch::kCapacity, [&](std::size_t first, std::size_t last) {
      Adder adder;
      PairBatch batch;
      for (std::size_t begin = first; begin < last; begin += PairBatch::kCapacity) {
        const std::span<G1Affine> block = points.subspan(begin, std::min(PairBatch::kCapacity, last - begin));
        body(adder, batch, begin, block);
        for (G1Affine& point : block) point = store(Adder::reduced(point));
      }
    });
  }

  /// Digits from -8 to 7, the top one from 0 to 8: eight is added to every window below the top, and taken
  /// from its bits again. `words` is below 2^(4 kWindows - 1).
  template <std::size_t kWords>
  static Digits digits_of(const std::array<std::uint64_t, kWords>& words, bool negated) {
    static_assert(kWords * 16 == kWindows);
    constexpr std::uint64_t kEights = 0x8888888888888888;
    std::array<std::uint64_t, kWords> biased;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < kWords; ++i) {
      const WideInteger sum =
          WideInteger{words[i]} + (i + 1 == kWords ? kEights & (~std::uint64_t{0} >> 4) : kEights) + carry;
      biased[i] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
    Digits out;
    for (std::size_t w = 0; w < kWindows; ++w) {
      const auto bits = static_cast<int>(biased[w / 16] >> (kWindowBits * (w % 16)) & 15);
      const int digit = w + 1 == kWindows ? bits : bits - static_cast<int>(kLargest);
      out[w] = static_cast<std::int8_t>(negated ? -digit : digit);
    }
    return out;
  }

  class Worker {
   public:
    Worker()
        : table_(kParts * kLargest * PairBatch::kCapacity),
          digits_(kParts * PairBatch::kCapacity),
          started_(PairBatch::kCapacity) {}
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    // The scalars of a ceremony are secrets.
    ~Worker() { wipe(std::span(digits_)); }

    /// At most PairBatch::kCapacity points.
    void multiply(std::span<G1Affine> points, std::span<const Fr> scalars) {
      fill_table(points);
      for (std::size_t i = 0; i < points.size(); ++i) split(i, scalars[i], points[i].is_infinity());
      std::fill(started_.begin(), started_.end(), false);
      std::fill(points.begin(), points.end(), G1Affine::infinity());
      for (std::size_t w = kWindows; w-- > 0;) {
        if (w + 1 < kWindows)
          for (unsigned i = 0; i < kWindowBits; ++i) adder_.double_in_place(points);
        for (std::size_t part = 0; part < kParts; ++part) add_digits(points, part, w);
      }
      for (G1Affine& point : points) point = store(Adder::reduced(point));
    }

   private:
    G1Affine& entry(std::size_t part, std::size_t multiple, std::size_t i) {
      return table_[(part * kLargest + multiple - 1) * PairBatch::kCapacity + i];
    }
    Digits& digits(std::size_t part, std::size_t i) { return digits_[part * PairBatch::kCapacity + i]; }

    void fill_table(std::span<const G1Affine> points) {
      const std::size_t count = points.size();
      std::copy(points.begin(), points.end(), &entry(0, 1, 0));
      std::copy(points.begin(), points.end(), &entry(0, 2, 0));
      adder_.double_in_place({&entry(0, 2, 0), count});
      for (std::size_t multiple = 3; multiple <= kLargest; ++multiple) {
        for (std::size_t i = 0; i < count; ++i) {
          // Points at infinity take no part, and would hold up all others.
          if (points[i].is_infinity()) continue;
          batch_.push(entry(0, multiple - 1, i), PointRef(points[i]), entry(0, multiple, i));
        }
        adder_.add(batch_);
      }
      if constexpr (kHalved) {
        const F beta = F::from_integer(kBeta);
        for (std::size_t multiple = 1; multiple <= kLargest; ++multiple) {
          for (std::size_t i = 0; i < count; ++i) {
            if (points[i].is_infinity()) continue;
            Affine<F> p = Adder::reduced(entry(0, multiple, i));
            p.x *= beta;
            entry(1, multiple, i) = store(p);
          }
        }
      }
    }

    void split(std::size_t i, const Fr& scalar, bool at_infinity) {
      const std::array<std::uint64_t, 4> words =
          at_infinity ? std::array<std::uint64_t, 4>{} : scalar.to_scalar().words;
      if constexpr (kHalved) {
        const SplitScalar halves = split_scalar(words);
        digits(0, i) = digits_of(halves.low.words, halves.low.negative);
        digits(1, i) = digits_of(halves.high.words, halves.high.negative);
      } else {
        digits(0, i) = digits_of(words, false);
      }
    }

    void add_digits(std::span<G1Affine> sums, std::size_t part, std::size_t window) {
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const std::int8_t digit = digits(part, i)[window];
        if (digit == 0) continue;
        const G1Affine& multiple = entry(part, static_cast<std::size_t>(digit < 0 ? -digit : +digit), i);
        if (started_[i]) {
          batch_.push(sums[i], PointRef(multiple, digit < 0), sums[i]);
        } else {
          const Affine<F> p = Adder::reduced(multiple);
          sums[i] = store(digit < 0 ? -p : p);
          started_[i] = true;
        }
      }
      adder_.add(batch_);
    }

    LargeArray<G1Affine> table_;
    std::vector<Digits> digits_;
    std::vector<bool> started_;
    PairBatch batch_;
    Adder adder_;
  };
};

}  // namespace assay::curve
