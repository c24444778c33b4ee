// Montgomery arithmetic on four 64-bit limbs in plain C++ with 128-bit products: the oracle of every other
// backend.
#pragma once

#include <cstdint>

#include "field/backend.h"
#include "field/parameters.h"

namespace assay::field {

struct PortableBackend {
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

  /// a[0] b[0] + a[1] b[1], over 2^256 mod m, reduced. Inputs below m. One reduction for all products, in the
  /// order of multiply (Longa, "Efficient algorithms for large prime characteristic fields and their
  /// application to bilinear pairings", TCHES 2023(3)).
  template <class P>
  static Limbs inner_product(const Pair& a, const Pair& b) {
    return inner_product_of<P, 2>({&a[0], &a[1]}, {&b[0], &b[1]});
  }
  /// The same and c[0] d[0] + c[1] d[1].
  template <class P>
  static Limbs inner_product(const Pair& a, const Pair& b, const Pair& c, const Pair& d) {
    return inner_product_of<P, 4>({&a[0], &a[1], &c[0], &c[1]}, {&b[0], &b[1], &d[0], &d[1]});
  }
  /// sum_k a[k] b[k] of six; more than four do not fit one accumulator of four limbs.
  template <class P>
  static Limbs inner_product(Six a, Six b) {
    return add<P>(inner_product_of<P, 3>({&a[0], &a[1], &a[2]}, {&b[0], &b[1], &b[2]}),
                  inner_product_of<P, 3>({&a[3], &a[4], &a[5]}, {&b[3], &b[4], &b[5]}));
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
  /// The accumulator stays below (n + 1) m, four limbs, between steps, and the end below n m^2 / 2^256 + m.
  template <class P, std::size_t n>
  static Limbs inner_product_of(const std::array<const Limbs*, n>& a, const std::array<const Limbs*, n>& b) {
    constexpr Limbs m = P::kModulus;
    static_assert(m[3] < ~std::uint64_t{0} / (n + 1));
    std::array<std::uint64_t, 5> t{};
    const auto add_row = [&](const Limbs& row, std::uint64_t factor) {
      Wide carry = 0;
      for (std::size_t j = 0; j < 4; ++j) {
        carry = Wide{row[j]} * factor + t[j] + high(carry);
        t[j] = low(carry);
      }
      t[4] += high(carry);
    };
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t k = 0; k < n; ++k) add_row(*a[k], (*b[k])[i]);
      add_row(m, t[0] * P::kNegatedInverse);
      t = {t[1], t[2], t[3], t[4], 0};
    }
    return reduce_once<P>({t[0], t[1], t[2], t[3]});
  }

  static std::uint64_t low(Wide value) { return static_cast<std::uint64_t>(value); }
  static std::uint64_t high(Wide value) { return static_cast<std::uint64_t>(value >> 64); }
};
static_assert(FieldBackend<PortableBackend>);

}  // namespace assay::field
