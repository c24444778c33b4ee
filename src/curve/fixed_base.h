// Multiples of the generator for many scalars: a table of d * 2^(cw) * G, and additions in affine coordinates
// that share their inversions across a block of scalars.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/curve.h"
#include "base/threads.h"
#include "curve/group.h"
#include "curve/msm.h"

namespace assay::curve {

template <class F>
class GeneratorMultiples {
 public:
  static void run(std::span<const Fr> scalars, std::span<G1Affine> out) {
    ASSAY_CHECK_EQ(scalars.size(), out.size());
    const GeneratorMultiples& table = table_for(scalars.size());
    parallel_for(0, scalars.size(), kBlock, [&](std::size_t first, std::size_t last) {
      for (std::size_t begin = first; begin < last; begin += kBlock) {
        const std::size_t count = std::min(kBlock, last - begin);
        table.multiply(scalars.subspan(begin, count), out.subspan(begin, count));
      }
    });
  }

 private:
  static constexpr std::size_t kBlock = 1024;
  static constexpr unsigned kScalarBits = 254;

  explicit GeneratorMultiples(unsigned window_bits)
      : window_bits_(window_bits),
        // One bit more than the scalar has, so that the signed top digit never carries out.
        windows_((kScalarBits + 1 + window_bits - 1) / window_bits),
        half_(std::size_t{1} << (window_bits - 1)) {
    table_.resize(windows_ * half_);
    parallel_for(0, windows_, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t w = first; w < last; ++w) fill_window(w);
    });
  }

  /// Small batches take a small table: 8 bits cost 0.3 MB, 16 bits cost 32 MB and a tenth of a second.
  static const GeneratorMultiples& table_for(std::size_t count) {
    if (count < (std::size_t{1} << 16)) {
      static const GeneratorMultiples small(8);
      return small;
    }
    static const GeneratorMultiples large(16);
    return large;
  }

  /// table[d - 1] = d * 2^(cw) * G for d = 1..2^(c-1), each doubling of the filled part one batch of
  /// additions.
  void fill_window(std::size_t w) {
    Xyzz<F> power(Msm<F>::load(G1Affine::generator()));
    for (std::size_t i = 0; i < w * window_bits_; ++i) power = power.doubled();
    const std::span<Affine<F>> row(table_.data() + w * half_, half_);
    row[0] = power.to_affine();
    BatchAdder<F> adder;
    for (std::size_t filled = 1; filled < half_; filled *= 2) {
      // row[filled + i] = row[i] + row[filled - 1]
      const std::vector<Affine<F>> step(filled, row[filled - 1]);
      std::copy_n(row.begin(), filled, row.begin() + static_cast<std::ptrdiff_t>(filled));
      adder.add(row.subspan(filled, filled), step);
    }
  }

  void multiply(std::span<const Fr> scalars, std::span<G1Affine> out) const {
    using M = Magnitude<Scalar>;
    M::Wide offset{};
    for (unsigned w = 0; w < windows_; ++w) offset = M::add_bit(offset, w * window_bits_ + window_bits_ - 1);
    std::vector<M::Wide> shifted(scalars.size());
    for (std::size_t i = 0; i < scalars.size(); ++i)
      shifted[i] = M::add(scalars[i].to_scalar().words, offset);

    std::vector<Affine<F>> sums(scalars.size()), addends(scalars.size());
    BatchAdder<F> adder;
    const std::uint64_t mask = (std::uint64_t{1} << window_bits_) - 1;
    for (unsigned w = 0; w < windows_; ++w) {
      for (std::size_t i = 0; i < shifted.size(); ++i) {
        const std::int64_t digit = static_cast<std::int64_t>(M::bits(shifted[i], w * window_bits_) & mask) -
                                   static_cast<std::int64_t>(half_);
        if (digit == 0) {
          addends[i] = {};
        } else {
          const Affine<F>& p = table_[w * half_ + static_cast<std::size_t>(digit < 0 ? -digit : digit) - 1];
          addends[i] = digit < 0 ? -p : p;
        }
      }
      adder.add(sums, addends);
    }
    for (std::size_t i = 0; i < sums.size(); ++i) out[i] = Msm<F>::store(sums[i]);
  }

  unsigned window_bits_;
  unsigned windows_;
  std::size_t half_;
  std::vector<Affine<F>> table_;
};

}  // namespace assay::curve
