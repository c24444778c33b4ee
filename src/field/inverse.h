// Modular inversion by division steps: Bernstein, Yang, "Fast constant-time gcd computation and modular
// inversion", TCHES 2019(3), with 62 steps gathered into one 2x2 matrix and several zero bits taken at a
// time. Variable time.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "field/parameters.h"

namespace assay::field {

/// 1/a mod m as plain integers, for a below the odd prime m < 2^255; 0 for 0.
template <class P>
class Inversion {
 public:
  static Limbs of_vartime(const Limbs& a) {
    Signed f = kModulus, g = split(a), d{}, e{1, 0, 0, 0, 0};
    std::int64_t eta = -1;
    while ((g[0] | g[1] | g[2] | g[3] | g[4]) != 0) {
      const Matrix t =
          division_steps(eta, static_cast<std::uint64_t>(f[0]), static_cast<std::uint64_t>(g[0]));
      // d and e are kept modulo m with d * a = f and e * a = g, up to powers of two that cancel.
      update_modular(d, e, t);
      update(f, g, t);
    }
    // f is 1 or -1 (m is prime), or m for a = 0, where d is 0.
    return normalised(d, f[4] < 0);
  }

 private:
  __extension__ using Wide = __int128;
  /// sum_i s[i] 2^(62 i), the top limb signed.
  using Signed = std::array<std::int64_t, 5>;
  static constexpr std::int64_t kMask = (std::int64_t{1} << 62) - 1;

  static constexpr Signed split(const Limbs& a) {
    const std::uint64_t mask = kMask;
    return {
        static_cast<std::int64_t>(a[0] & mask), static_cast<std::int64_t>((a[0] >> 62 | a[1] << 2) & mask),
        static_cast<std::int64_t>((a[1] >> 60 | a[2] << 4) & mask),
        static_cast<std::int64_t>((a[2] >> 58 | a[3] << 6) & mask), static_cast<std::int64_t>(a[3] >> 56)};
  }
  static constexpr Signed kModulus = split(P::kModulus);
  /// 1/m mod 2^62.
  static constexpr std::uint64_t kInverse = (0 - P::kNegatedInverse) & kMask;

  /// (f', g') = (u f + v g, q f + r g) / 2^62.
  struct Matrix {
    std::int64_t u, v, q, r;
  };

  /// 62 division steps on the low words of f (odd) and g.
  static Matrix division_steps(std::int64_t& eta, std::uint64_t f, std::uint64_t g) {
    std::uint64_t u = 1, v = 0, q = 0, r = 1;
    int left = 62;
    while (true) {
      // The sentinel bit stops the count of zeros at the steps that are left.
      const int zeros = std::countr_zero(g | (~std::uint64_t{0} << left));
      g >>= zeros;
      u <<= zeros;
      v <<= zeros;
      eta -= zeros;
      left -= zeros;
      if (left == 0) break;
      std::uint64_t w;
      if (eta < 0) {
        eta = -eta;
        const std::uint64_t old_f = f, old_u = u, old_v = v;
        f = g;
        g = 0 - old_f;
        u = q;
        q = 0 - old_u;
        v = r;
        r = 0 - old_v;
        // Up to six low bits of g go at once: f (f^2 - 2) is -1/f modulo 64.
        const int steps = static_cast<int>(eta) + 1 > left ? left : static_cast<int>(eta) + 1;
        const std::uint64_t mask = (~std::uint64_t{0} >> (64 - steps)) & 63;
        w = (f * g * (f * f - 2)) & mask;
      } else {
        // Up to four: f + 2 ((f + 1) & 4) is 1/f modulo 16.
        const int steps = static_cast<int>(eta) + 1 > left ? left : static_cast<int>(eta) + 1;
        const std::uint64_t mask = (~std::uint64_t{0} >> (64 - steps)) & 15;
        w = f + (((f + 1) & 4) << 1);
        w = ((0 - w) * g) & mask;
      }
      g += f * w;
      q += u * w;
      r += v * w;
    }
    return {static_cast<std::int64_t>(u), static_cast<std::int64_t>(v), static_cast<std::int64_t>(q),
            static_cast<std::int64_t>(r)};
  }

  static void update(Signed& f, Signed& g, const Matrix& t) {
    Wide cf = Wide{t.u} * f[0] + Wide{t.v} * g[0];
    Wide cg = Wide{t.q} * f[0] + Wide{t.r} * g[0];
    cf >>= 62;
    cg >>= 62;
    for (std::size_t i = 1; i < 5; ++i) {
      cf += Wide{t.u} * f[i] + Wide{t.v} * g[i];
      cg += Wide{t.q} * f[i] + Wide{t.r} * g[i];
      f[i - 1] = static_cast<std::int64_t>(cf) & kMask;
      g[i - 1] = static_cast<std::int64_t>(cg) & kMask;
      cf >>= 62;
      cg >>= 62;
    }
    f[4] = static_cast<std::int64_t>(cf);
    g[4] = static_cast<std::int64_t>(cg);
  }

  /// The same matrix on (d, e) modulo m: multiples of m make the low 62 bits zero. Both stay in (-2m, m).
  static void update_modular(Signed& d, Signed& e, const Matrix& t) {
    const std::int64_t d_sign = d[4] >> 63, e_sign = e[4] >> 63;
    std::int64_t md = (t.u & d_sign) + (t.v & e_sign);
    std::int64_t me = (t.q & d_sign) + (t.r & e_sign);
    Wide cd = Wide{t.u} * d[0] + Wide{t.v} * e[0];
    Wide ce = Wide{t.q} * d[0] + Wide{t.r} * e[0];
    md -= static_cast<std::int64_t>(
        (kInverse * static_cast<std::uint64_t>(cd) + static_cast<std::uint64_t>(md)) & kMask);
    me -= static_cast<std::int64_t>(
        (kInverse * static_cast<std::uint64_t>(ce) + static_cast<std::uint64_t>(me)) & kMask);
    cd += Wide{kModulus[0]} * md;
    ce += Wide{kModulus[0]} * me;
    cd >>= 62;
    ce >>= 62;
    for (std::size_t i = 1; i < 5; ++i) {
      cd += Wide{t.u} * d[i] + Wide{t.v} * e[i] + Wide{kModulus[i]} * md;
      ce += Wide{t.q} * d[i] + Wide{t.r} * e[i] + Wide{kModulus[i]} * me;
      d[i - 1] = static_cast<std::int64_t>(cd) & kMask;
      e[i - 1] = static_cast<std::int64_t>(ce) & kMask;
      cd >>= 62;
      ce >>= 62;
    }
    d[4] = static_cast<std::int64_t>(cd);
    e[4] = static_cast<std::int64_t>(ce);
  }

  /// d or -d in [0, m), for d in (-2m, m).
  static Limbs normalised(Signed d, bool negate) {
    const auto add_modulus_if = [&](bool condition) {
      if (!condition) return;
      for (std::size_t i = 0; i < 5; ++i) d[i] += kModulus[i];
      carry(d);
    };
    add_modulus_if(d[4] < 0);
    if (negate) {
      for (std::int64_t& limb : d) limb = -limb;
      carry(d);
    }
    add_modulus_if(d[4] < 0);
    const auto word = [&](std::size_t i) { return static_cast<std::uint64_t>(d[i]); };
    return {word(0) | word(1) << 62, word(1) >> 2 | word(2) << 60, word(2) >> 4 | word(3) << 58,
            word(3) >> 6 | word(4) << 56};
  }

  static void carry(Signed& d) {
    for (std::size_t i = 0; i < 4; ++i) {
      d[i + 1] += d[i] >> 62;
      d[i] &= kMask;
    }
  }
};

}  // namespace assay::field
