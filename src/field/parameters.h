// The two primes of BN254 and what Montgomery arithmetic needs of them, derived at compile time from the
// primes alone.
//
//   u = 4965661367192848881
//   p = 36u^4 + 36u^3 + 24u^2 + 6u + 1    coordinates      p = 3 (mod 4)
//   r = 36u^4 + 36u^3 + 18u^2 + 6u + 1    group order
//
// Both are below 2^254, so two elements add without a carry out of four limbs, and the interleaved product
// below never needs a fifth.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "assay/integers.h"

namespace assay::field {

using Limbs = std::array<std::uint64_t, 4>;
/// Two elements beside each other: the coordinates of one of Fp2.
using Pair = std::array<Limbs, 2>;
/// Six: the coordinates of one of Fp6.
using Six = std::span<const Limbs, 6>;

namespace internal {

constexpr bool at_least(const Limbs& a, const Limbs& b) {
  for (std::size_t i = 4; i-- > 0;) {
    if (a[i] != b[i]) return a[i] > b[i];
  }
  return true;
}

/// 2a mod m, for a < m < 2^255.
constexpr Limbs double_mod(const Limbs& a, const Limbs& m) {
  Limbs out{};
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    out[i] = (a[i] << 1) | carry;
    carry = a[i] >> 63;
  }
  if (at_least(out, m)) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t difference = out[i] - m[i] - borrow;
      borrow = (out[i] < m[i] || (out[i] == m[i] && borrow != 0)) ? 1 : 0;
      out[i] = difference;
    }
  }
  return out;
}

/// 2^exponent mod m.
constexpr Limbs power_of_two(unsigned exponent, const Limbs& m) {
  Limbs out{1, 0, 0, 0};
  for (unsigned i = 0; i < exponent; ++i) out = double_mod(out, m);
  return out;
}

/// -1/m mod 2^64 by Newton's iteration, m odd.
constexpr std::uint64_t negated_inverse(std::uint64_t m) {
  std::uint64_t inverse = 1;
  for (int i = 0; i < 6; ++i) inverse *= 2 - m * inverse;
  return 0 - inverse;
}

/// 2^exponent, below 2^256.
constexpr Limbs two_to(std::size_t exponent) {
  Limbs out{};
  out[exponent / 64] = std::uint64_t{1} << (exponent % 64);
  return out;
}

constexpr Limbs shift_right(const Limbs& a, unsigned bits) {
  Limbs out{};
  for (std::size_t i = 0; i < 4; ++i) out[i] = (a[i] >> bits) | (i < 3 ? a[i + 1] << (64 - bits) : 0);
  return out;
}

}  // namespace internal

template <const Limbs& kPrime>
struct PrimeParameters {
  static constexpr Limbs kModulus = kPrime;
  static constexpr std::uint64_t kNegatedInverse = internal::negated_inverse(kPrime[0]);
  static constexpr Limbs kOne = internal::power_of_two(256, kPrime);       ///< R mod m, R = 2^256
  static constexpr Limbs kRSquared = internal::power_of_two(512, kPrime);  ///< R^2 mod m
  static constexpr Limbs kRCubed = internal::power_of_two(768, kPrime);
  static constexpr Limbs kHalf = internal::shift_right(kPrime, 1);  ///< (m - 1) / 2
};

/// Of a prime p = 3 (mod 4), for which square roots are powers.
template <const Limbs& kPrime>
struct PrimeWithRoots : PrimeParameters<kPrime> {
  static_assert(kPrime[0] % 4 == 3 && kPrime[0] + 1 != 0);
  /// (p + 1) / 4: x to it is a square root of every square x.
  static constexpr Limbs kSquareRootExponent =
      internal::shift_right({kPrime[0] + 1, kPrime[1], kPrime[2], kPrime[3]}, 2);
};

inline constexpr Limbs kBasePrime = {0x3c208c16d87cfd47, 0x97816a916871ca8d, 0xb85045b68181585d,
                                     0x30644e72e131a029};

struct FpParameters : PrimeWithRoots<kBasePrime> {};

struct FrParameters : PrimeParameters<kScalarModulus> {};

}  // namespace assay::field
