// What a field backend supplies: arithmetic modulo a prime on four words. Everything above it, from
// field::Element on, is written once over this concept and compiled for each backend.
#pragma once

#include <concepts>
#include <cstdint>

#include "field/parameters.h"

namespace assay::field {

/// The constants of an odd prime m < 2^254, as PrimeParameters derives them.
template <class P>
concept PrimeConstants = requires {
  requires std::same_as<decltype(P::kModulus), const Limbs>;
  requires std::same_as<decltype(P::kNegatedInverse), const std::uint64_t>;  ///< -1/m mod 2^64
  requires std::same_as<decltype(P::kOne), const Limbs>;                     ///< R mod m, R = 2^256
  requires std::same_as<decltype(P::kRSquared), const Limbs>;
  requires std::same_as<decltype(P::kRCubed), const Limbs>;
  requires std::same_as<decltype(P::kHalf), const Limbs>;  ///< (m - 1) / 2
  requires P::kModulus[0] % 2 == 1;
  requires P::kModulus[3] >> 62 == 0;
};

/// Backend computes modulo the prime m of P: on integers below m in four words, of which it returns others.
/// What one backend has written every other reads, so all of them divide products by R = 2^256. Nothing
/// branches on an operand. That the functions do what is said of them here is tested against shifting and
/// adding (field_test.cc) and, for small primes, over all operands (exhaustive_test.cc).
template <class Backend, class P>
concept ComputesModulo = PrimeConstants<P> &&
    requires(const Limbs& a, const Limbs& b, const Pair& pair, Six six) {
  /// a b / R mod m. As an exception, b may be any four words.
  { Backend::template multiply<P>(a, b) } -> std::same_as<Limbs>;
  /// a + b mod m.
  { Backend::template add<P>(a, b) } -> std::same_as<Limbs>;
  /// a - b mod m.
  { Backend::template subtract<P>(a, b) } -> std::same_as<Limbs>;
  /// Sums of products over R mod m: a[k] b[k] over all k, of four arguments with c[k] d[k].
  { Backend::template inner_product<P>(pair, pair) } -> std::same_as<Limbs>;
  { Backend::template inner_product<P>(pair, pair, pair, pair) } -> std::same_as<Limbs>;
  { Backend::template inner_product<P>(six, six) } -> std::same_as<Limbs>;
};

/// A backend computes modulo both primes of BN254, and modulo every other that has PrimeConstants.
template <class Backend>
concept FieldBackend = ComputesModulo<Backend, FpParameters> && ComputesModulo<Backend, FrParameters>;

}  // namespace assay::field
