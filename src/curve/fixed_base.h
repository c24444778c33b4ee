// Multiples of the generator for many scalars: a table of d * 2^(cw) * G, and additions in affine coordinates
// that share their inversions across a block of scalars.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "base/large_array.h"
#include "base/threads.h"
#include "curve/msm_simple.h"
#include "curve/pairs.h"
#include "curve/windows.h"

namespace assay::curve {

template <class F, AddsPairs<F> Adder>
class GeneratorMultiples {
 public:
  static void run(std::span<const Fr> scalars, std::span<G1Affine> out) {
    ASSAY_CHECK_EQ(scalars.size(), out.size());
    const GeneratorMultiples& table = table_for(scalars.size());
    parallel_for(0, scalars.size(), PairBatch::kCapacity, [&](std::size_t first, std::size_t last) {
      Worker worker(table);
      for (std::size_t begin = first; begin < last; begin += PairBatch::kCapacity) {
        const std::size_t count = std::min(PairBatch::kCapacity, last - begin);
        worker.multiply(scalars.subspan(begin, count), out.subspan(begin, count));
      }
    });
  }

 private:
  static constexpr unsigned kScalarBits = 254;

  explicit GeneratorMultiples(unsigned window_bits)
      : window_bits_(window_bits),
        // One bit more than the scalar has, so that the signed top digit never carries out.
        windows_((kScalarBits + 1 + window_bits - 1) / window_bits),
        half_(std::size_t{1} << (window_bits - 1)),
        table_(windows_ * half_) {
    parallel_for(0, windows_, 1, [&](std::size_t first, std::size_t last) {
      Adder adder;
      for (std::size_t w = first; w < last; ++w) fill_window(w, adder);
    });
  }

  /// Small batches take a small table: 8 bits cost 0.3 MB, 16 bits cost 32 MB and some hundredths of a
  /// second.
  static const GeneratorMultiples& table_for(std::size_t count) {
    if (count < (std::size_t{1} << 16)) {
      static const GeneratorMultiples small(8);
      return small;
    }
    static const GeneratorMultiples large(16);
    return large;
  }

  /// row[d - 1] = d * 2^(cw) * G for d = 1..2^(c-1), each doubling of the filled part in batches of
  /// additions.
  void fill_window(std::size_t w, Adder& adder) {
    Xyzz<F> power(load<F>(G1Affine::generator()));
    for (std::size_t i = 0; i < w * window_bits_; ++i) power = power.doubled();
    G1Affine* const row = table_.data() + w * half_;
    row[0] = store(power.to_affine());
    PairBatch batch;
    for (std::size_t filled = 1; filled < half_; filled *= 2) {
      for (std::size_t i = 0; i < filled; ++i) {
        batch.push(row[i], PointRef(row[filled - 1]), row[filled + i]);
        if (batch.is_full()) adder.add(batch);
      }
      adder.add(batch);
    }
    for (std::size_t i = 0; i < half_; ++i) row[i] = store(Adder::reduced(row[i]));
  }

  class Worker {
   public:
    explicit Worker(const GeneratorMultiples& table) : table_(table), sums_(PairBatch::kCapacity) {}

    /// At most PairBatch::kCapacity scalars.
    void multiply(std::span<const Fr> scalars, std::span<G1Affine> out) {
      using M = Magnitude<SignedMagnitude>;
      M::Wide offset{};
      for (unsigned w = 0; w < table_.windows_; ++w) {
        offset = M::add_bit(offset, w * table_.window_bits_ + table_.window_bits_ - 1);
      }
      shifted_.resize(scalars.size());
      for (std::size_t i = 0; i < scalars.size(); ++i) {
        shifted_[i] = M::add(scalars[i].to_scalar().words, offset);
        sums_[i] = G1Affine::infinity();
      }
      started_.assign(scalars.size(), false);
      const std::uint64_t mask = (std::uint64_t{1} << table_.window_bits_) - 1;
      const auto half = static_cast<std::int64_t>(table_.half_);
      for (unsigned w = 0; w < table_.windows_; ++w) {
        for (std::size_t i = 0; i < scalars.size(); ++i) {
          const std::int64_t digit =
              static_cast<std::int64_t>(M::bits(shifted_[i], w * table_.window_bits_) & mask) - half;
          if (digit == 0) continue;
          const std::size_t place =
              w * table_.half_ + static_cast<std::size_t>(digit < 0 ? -digit : digit) - 1;
          if (started_[i]) {
            batch_.push(sums_[i], PointRef(table_.table_[place], digit < 0), sums_[i]);
          } else {
            const Affine<F> p = load<F>(table_.table_[place]);
            sums_[i] = store(digit < 0 ? -p : p);
            started_[i] = true;
          }
        }
        adder_.add(batch_);
      }
      for (std::size_t i = 0; i < scalars.size(); ++i) out[i] = store(Adder::reduced(sums_[i]));
    }

   private:
    const GeneratorMultiples& table_;
    LargeArray<G1Affine> sums_;
    std::vector<Magnitude<SignedMagnitude>::Wide> shifted_;
    std::vector<bool> started_;
    PairBatch batch_;
    Adder adder_;
  };

  unsigned window_bits_;
  unsigned windows_;
  std::size_t half_;
  LargeArray<G1Affine> table_;
};

}  // namespace assay::curve
