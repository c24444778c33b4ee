// Square roots in Fp by the batch: what decoding compressed points spends its time on.
#pragma once

#include <span>

#include "field/parameters.h"
#include "field/power_chain.h"

namespace assay::curve {

/// x^((p+1)/4) is a square root of every square x, as p = 3 (mod 4).
inline constexpr field::PowerChain kSquareRootChain =
    field::PowerChain::of(field::FpParameters::kSquareRootExponent);

/// Replaces each x by x^((p+1)/4), one after the other.
template <class F>
struct Roots {
  static void take(std::span<F> values) {
    for (F& x : values) x = field::power(x, kSquareRootChain);
  }
};

}  // namespace assay::curve
