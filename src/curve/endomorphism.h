// The endomorphism (x, y) -> (beta x, y) of BN254's G1, which multiplies by lambda, beta and lambda cube
// roots of one: scalars in two halves (Gallant, Lambert, Vanstone, "Faster point multiplication on elliptic
// curves with efficient endomorphisms", CRYPTO 2001, section 4).
//
// The vectors (a1, b1) = (2u + 1, 6u^2 + 4u + 1) and (a2, b2) = (6u^2 + 2u, -(2u + 1)) satisfy
// a + b lambda = 0 mod r, and their determinant is -r. k less the multiples of both that lie just below it
// leaves halves of at most (1 + 2^-66) (a1 + a2) and (1 + 2^-66) b1 in magnitude, and so under 2^127.
#pragma once

#include <array>
#include <cstdint>

#include "curve/parameters.h"
#include "field/backend.h"

namespace assay::curve {

/// beta, as an integer.
inline constexpr field::Limbs kBeta = {0xe4bd44e5607cfd48, 0xc28f069fbb966e3d, 0x5e6dd9e7e0acccb0,
                                       0x30644e72e131a029};
/// lambda, as an integer.
inline constexpr field::Limbs kLambda = {0xb8ca0b2d36636f23, 0xcc37a73fec2bc5e9, 0x048b6e193fd84104,
                                         0x30644e72e131a029};

/// A magnitude below 2^127 and its sign.
struct HalfScalar {
  std::array<std::uint64_t, 2> words{};
  bool negative = false;
};

/// k = low + lambda * high.
struct SplitScalar {
  HalfScalar low, high;
};

namespace internal {

/// The product of two numbers, cut to kOut words.
template <std::size_t kOut, std::size_t kA, std::size_t kB>
constexpr std::array<std::uint64_t, kOut> product(const std::array<std::uint64_t, kA>& a,
                                                  const std::array<std::uint64_t, kB>& b) {
  std::array<std::uint64_t, kOut> out{};
  for (std::size_t i = 0; i < kA; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; i + j < kOut; ++j) {
      const WideInteger sum = WideInteger{a[i]} * (j < kB ? b[j] : 0) + out[i + j] + carry;
      out[i + j] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
  }
  return out;
}

/// a - b modulo 2^192.
constexpr std::array<std::uint64_t, 3> difference(const std::array<std::uint64_t, 3>& a,
                                                  const std::array<std::uint64_t, 3>& b) {
  std::array<std::uint64_t, 3> out{};
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const WideInteger left = WideInteger{a[i]} - b[i] - borrow;
    out[i] = static_cast<std::uint64_t>(left);
    borrow = static_cast<std::uint64_t>(left >> 64) & 1;
  }
  return out;
}

/// A number modulo 2^192 that is small in magnitude.
constexpr HalfScalar half_of(const std::array<std::uint64_t, 3>& value) {
  const bool negative = value[2] >> 63 != 0;
  const std::array<std::uint64_t, 3> magnitude = negative ? difference({}, value) : value;
  return {{magnitude[0], magnitude[1]}, negative};
}

}  // namespace internal

/// Splits a scalar below r.
constexpr SplitScalar split_scalar(const std::array<std::uint64_t, 4>& k) {
  constexpr std::array<std::uint64_t, 1> kA1 = {2 * kCurveU + 1};
  constexpr std::array<std::uint64_t, 2> kB1 = {0x0be4e1541221250b, 0x6f4d8248eeb859fd};
  constexpr std::array<std::uint64_t, 2> kA2 = {0x8211bbeb7d4f1128, 0x6f4d8248eeb859fc};
  // a1 and b1 times 2^320 / r, rounded down: off by so little that the multiples are at most one too small.
  constexpr std::array<std::uint64_t, 3> kG1 = {0x6eb9c714773a6ef2, 0xd91d232ec7e0b3d7, 2};
  constexpr std::array<std::uint64_t, 4> kG2 = {0x149d540fd5e495cc, 0x5398fd0300ff6565, 0x4ccef014a773d2d2,
                                                2};

  const auto first = internal::product<7>(k, kG1);
  const auto second = internal::product<8>(k, kG2);
  const std::array<std::uint64_t, 2> c1 = {first[5], first[6]};
  const std::array<std::uint64_t, 3> c2 = {second[5], second[6], second[7]};
  const std::array<std::uint64_t, 3> low = {k[0], k[1], k[2]};
  return {
      internal::half_of(internal::difference(internal::difference(low, internal::product<3>(c1, kA1)),
                                             internal::product<3>(c2, kA2))),
      internal::half_of(internal::difference(internal::product<3>(c2, kA1), internal::product<3>(c1, kB1)))};
}

}  // namespace assay::curve
