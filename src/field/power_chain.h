// Powers with an exponent that is known when compiling, by windows of at most five bits that begin and end
// with a one (Menezes, van Oorschot, Vanstone, "Handbook of applied cryptography", 1996, algorithm 14.85).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "field/parameters.h"

namespace assay::field {

struct PowerChain {
  static constexpr std::size_t kOddPowers = 16;  ///< x, x^3, .. x^31

  /// Square so often, then multiply by the odd power of this index, if any.
  struct Step {
    unsigned squarings;
    int odd;
  };
  static constexpr int kNone = -1;

  /// The squarings of the first step are of one.
  std::array<Step, 96> steps{};
  std::size_t count = 0;

  static constexpr PowerChain of(const Limbs& exponent) {
    const auto bit = [&](int i) {
      return static_cast<int>(exponent[static_cast<std::size_t>(i) / 64] >> (i % 64) & 1);
    };
    PowerChain out;
    unsigned squarings = 0;
    for (int top = 255; top >= 0;) {
      if (bit(top) == 0) {
        --top;
        ++squarings;
        continue;
      }
      int bottom = top < 4 ? 0 : top - 4;
      while (bit(bottom) == 0) ++bottom;
      int window = 0;
      for (int i = top; i >= bottom; --i, ++squarings) window = 2 * window + bit(i);
      out.steps[out.count++] = {squarings, window / 2};
      squarings = 0;
      top = bottom - 1;
    }
    if (squarings != 0) out.steps[out.count++] = {squarings, kNone};
    return out;
  }
};

/// x to the exponent of a chain that is not empty.
template <class T>
T power(const T& x, const PowerChain& chain) {
  std::array<T, PowerChain::kOddPowers> odd;
  odd[0] = x;
  const T square = x.squared();
  for (std::size_t k = 1; k < odd.size(); ++k) odd[k] = odd[k - 1] * square;
  T out = odd[static_cast<std::size_t>(chain.steps[0].odd)];
  for (std::size_t i = 1; i < chain.count; ++i) {
    const PowerChain::Step& step = chain.steps[i];
    for (unsigned k = 0; k < step.squarings; ++k) out = out.squared();
    if (step.odd != PowerChain::kNone) out *= odd[static_cast<std::size_t>(step.odd)];
  }
  return out;
}

}  // namespace assay::field
