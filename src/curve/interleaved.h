// Sums of few points times wide scalars: all points share their doublings (Möller, "Algorithms for
// multi-exponentiation", SAC 2001, section 3.2, interleaving), each scalar is a non-adjacent form over odd
// multiples of its point, and a long one goes in two halves by the endomorphism.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/curve.h"
#include "base/loan.h"
#include "curve/endomorphism.h"
#include "curve/msm_simple.h"
#include "curve/pairs.h"
#include "curve/parameters.h"
#include "curve/windows.h"

namespace assay::curve {

template <class F, AddsPairs<F> Adder, CurveConstants Curve = Bn254>
class InterleavedSum {
 public:
  /// Takes in scalar * point.
  void add(const G1Affine& point, const SignedMagnitude& scalar) {
    using M = Magnitude<SignedMagnitude>;
    const M::Wide magnitude = M::of(scalar);
    const unsigned bits = M::bit_width(magnitude);
    if (bits == 0 || point.is_infinity()) return;
    const bool negative = M::is_negative(scalar);
    const std::size_t base = points_.size();
    points_.push_back(point);
    if (kHalved && bits > kWhole) {
      const SplitScalar halves = split_scalar(magnitude);
      terms_.push_back({base, false, halves.low.negative != negative, wide(halves.low)});
      terms_.push_back({base, true, halves.high.negative != negative, wide(halves.high)});
    } else {
      terms_.push_back({base, false, negative, magnitude});
    }
  }

  [[nodiscard]] Xyzz<F> sum() const {
    // A table of twice the size spares an addition in six, and takes four more rounds to make.
    const unsigned width = points_.size() < kFewerTables ? 4 : 5;
    const std::size_t odd_multiples = std::size_t{1} << (width - 2);
    const std::vector<Affine<F>> table = make_table(odd_multiples);
    std::vector<std::int8_t> digits(terms_.size() * kMaxDigits);
    std::size_t longest = 0;
    for (std::size_t k = 0; k < terms_.size(); ++k)
      longest = std::max(longest, fill_digits(terms_[k], width, std::span(digits).subspan(k), terms_.size()));
    Xyzz<F> out;
    for (std::size_t i = longest; i-- > 0;) {
      out = out.doubled();
      for (std::size_t k = 0; k < terms_.size(); ++k) {
        const std::int8_t digit = digits[i * terms_.size() + k];
        if (digit == 0) continue;
        const Affine<F>& multiple =
            table[k * odd_multiples + static_cast<std::size_t>(digit < 0 ? -digit : +digit) / 2];
        out += digit < 0 ? -multiple : multiple;
      }
    }
    return out;
  }

 private:
  /// Other curves have no endomorphism here.
  static constexpr bool kHalved = std::same_as<Curve, Bn254>;
  /// Halving doubles the additions of a scalar and spares doublings, which are shared: it pays above this
  /// width alone.
  static constexpr unsigned kWhole = 144;
  static constexpr std::size_t kFewerTables = 5;
  /// Of a magnitude below 2^255.
  static constexpr std::size_t kMaxDigits = 256;

  struct Term {
    std::size_t base;
    bool image;  ///< of the base under the endomorphism
    bool negative;
    std::array<std::uint64_t, 4> magnitude;
  };

  static std::array<std::uint64_t, 4> wide(const HalfScalar& half) {
    return {half.words[0], half.words[1], 0, 0};
  }

  /// A term's non-adjacent form, every `stride`-th place of `digits`; how many digits it has.
  static std::size_t fill_digits(const Term& term, unsigned width, std::span<std::int8_t> digits,
                                 std::size_t stride) {
    std::array<std::uint64_t, 4> rest = term.magnitude;
    std::size_t count = 0;
    for (std::size_t i = 0; rest != std::array<std::uint64_t, 4>{}; ++i) {
      if ((rest[0] & 1) != 0) {
        int digit = static_cast<int>(rest[0] & ((1U << width) - 1));
        if (digit >= 1 << (width - 1)) digit -= 1 << width;
        subtract(rest, digit);
        digits[i * stride] = static_cast<std::int8_t>(term.negative ? -digit : digit);
        count = i + 1;
      }
      for (std::size_t k = 0; k < 4; ++k) rest[k] = rest[k] >> 1 | (k + 1 < 4 ? rest[k + 1] << 63 : 0);
    }
    return count;
  }

  /// Takes the digit that a number's lowest bits give from the number.
  static void subtract(std::array<std::uint64_t, 4>& number, int digit) {
    if (digit > 0) {
      number[0] -= static_cast<std::uint64_t>(digit);
      return;
    }
    auto carry = static_cast<std::uint64_t>(-digit);
    for (std::uint64_t& word : number) {
      word += carry;
      carry = static_cast<std::uint64_t>(word < carry);
    }
  }

  /// P, 3P, 5P, .. of each term's point; all points side by side, since they share their inversions.
  [[nodiscard]] std::vector<Affine<F>> make_table(std::size_t odd_multiples) const {
    const std::size_t count = points_.size();
    std::vector<G1Affine> multiples(count * odd_multiples), twice(points_);
    std::copy(points_.begin(), points_.end(), multiples.begin());
    const Loan<Worker> loan;
    Worker& worker = *loan;
    for (std::size_t first = 0; first < count; first += PairBatch::kCapacity)
      worker.adder.double_in_place(
          std::span(twice).subspan(first, std::min(PairBatch::kCapacity, count - first)));
    for (std::size_t m = 1; m < odd_multiples; ++m) {
      for (std::size_t i = 0; i < count; ++i) {
        worker.batch.push(multiples[(m - 1) * count + i], PointRef(twice[i]), multiples[m * count + i]);
        if (worker.batch.is_full()) worker.adder.add(worker.batch);
      }
      worker.adder.add(worker.batch);
    }
    std::vector<Affine<F>> table;
    table.reserve(terms_.size() * odd_multiples);
    const F beta = kHalved ? F::from_integer(kBeta) : F::one();
    for (const Term& term : terms_)
      for (std::size_t m = 0; m < odd_multiples; ++m) {
        Affine<F> multiple = Adder::reduced(multiples[m * count + term.base]);
        if (term.image) multiple.x *= beta;
        table.push_back(multiple);
      }
    return table;
  }

  struct Worker {
    Adder adder;
    PairBatch batch;
  };

  std::vector<G1Affine> points_;
  std::vector<Term> terms_;
};

}  // namespace assay::curve
