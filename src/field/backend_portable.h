// Montgomery arithmetic on four 64-bit limbs in plain C++ with 128-bit products: the oracle of every other
// backend.
#pragma once

#include <cstdint>

#include "field/parameters.h"

namespace assay::field {

struct PortableBackend {
  static constexpr const char* kName = "portable";

  __extension__ using Wide = unsigned __int128;

  /// a * b / 2^256 mod m, reduced. a below m, b any four limbs. Coarsely integrated operand scanning (Koc,
  /// Acar, Kaliski, "Analyzing and comparing Montgomery multiplication algorithms", 1996) without the extra
  /// limb, which a modulus below 2^255 allows.
  template <class P>
  static Limbs multiply(const Limbs& a, const Limbs& b) {
    constexpr Limbs m = P::kModulus;
    std::uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint64_t bi = b[i];
      Wide product = Wide{a[0]} * bi + t0;
      const std::uint64_t q = low(product) * P::kNegatedInverse;
      Wide reduction = Wide{q} * m[0] + low(product);

      product = Wide{a[1]} * bi + t1 + high(product);
      reduction = Wide{q} * m[1] + low(product) + high(reduction);
      t0 = low(reduction);

      product = Wide{a[2]} * bi + t2 + high(product);
      reduction = Wide{q} * m[2] + low(product) + high(reduction);
      t1 = low(reduction);

      product = Wide{a[3]} * bi + t3 + high(product);
      reduction = Wide{q} * m[3] + low(product) + high(reduction);
      t2 = low(reduction);

      t3 = high(product) + high(reduction);
    }
    return reduce_once<P>({t0, t1, t2, t3});
  }

  /// a + b mod m. Inputs below m.
  template <class P>
  static Limbs add(const Limbs& a, const Limbs& b) {
    Limbs sum;
    Wide carry = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      carry += Wide{a[i]} + b[i];
      sum[i] = low(carry);
      carry >>= 64;
    }
    return reduce_once<P>(sum);
  }

  /// a - b mod m. Inputs below m.
  template <class P>
  static Limbs subtract(const Limbs& a, const Limbs& b) {
    Limbs difference;
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const Wide d = Wide{a[i]} - b[i] - borrow;
      difference[i] = low(d);
      borrow = high(d) & 1;
    }
    const std::uint64_t mask = 0 - borrow;
    Wide carry = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      carry += Wide{difference[i]} + (P::kModulus[i] & mask);
      difference[i] = low(carry);
      carry >>= 64;
    }
    return difference;
  }

  /// a - m where a >= m, else a; for a below 2m. Without a branch.
  template <class P>
  static Limbs reduce_once(const Limbs& a) {
    Limbs difference;
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const Wide d = Wide{a[i]} - P::kModulus[i] - borrow;
      difference[i] = low(d);
      borrow = high(d) & 1;
    }
    const std::uint64_t keep = 0 - borrow;
    for (std::size_t i = 0; i < 4; ++i) difference[i] = (a[i] & keep) | (difference[i] & ~keep);
    return difference;
  }

 private:
  static std::uint64_t low(Wide value) { return static_cast<std::uint64_t>(value); }
  static std::uint64_t high(Wide value) { return static_cast<std::uint64_t>(value >> 64); }
};

}  // namespace assay::field
