// Square roots in Fp by the batch: what decoding compressed points spends its time on.
#pragma once

#include <concepts>
#include <span>

#include "field/parameters.h"
#include "field/power_chain.h"

namespace assay::curve {

/// x^((p+1)/4) is a square root of every square x, as p = 3 (mod 4).
inline constexpr field::PowerChain kSquareRootChain =
    field::PowerChain::of(field::FpParameters::kSquareRootExponent);

/// What takes roots of many elements of F: replaces each x by x^((p+1)/4).
template <class Roots, class F>
concept TakesRoots = requires(std::span<F> values) {
  { Roots::take(values) } -> std::same_as<void>;
};

/// One after the other.
template <class F>
struct Roots {
  static void take(std::span<F> values) {
    for (F& x : values) x = field::power(x, kSquareRootChain);
  }
};

}  // namespace assay::curve
