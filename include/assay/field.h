// The two prime fields of BN254, and the choice of the code that computes in them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/integers.h"

namespace assay {

/// An element of the base field Fp, p = 36u^4 + 36u^3 + 24u^2 + 6u + 1, u = 4965661367192848881.
///
/// Four 64-bit limbs, least significant first, in Montgomery form: limbs = x * 2^256 mod p, always below p.
struct Fp {
  std::array<std::uint64_t, 4> limbs{};
  friend bool operator==(const Fp&, const Fp&) = default;
};

/// An element of the scalar field Fr, r = 36u^4 + 36u^3 + 18u^2 + 6u + 1. Stored as Fp is, modulo r.
struct Fr {
  std::array<std::uint64_t, 4> limbs{};

  static Fr zero() { return {}; }
  static Fr one();
  static Fr from_scalar(const Scalar& scalar);
  static Fr from_i64(std::int64_t value) { return from_scalar(Scalar::from_i64(value)); }
  static Fr from_u64(std::uint64_t value) { return from_scalar(Scalar::from_u64(value)); }

  /// The integer that the bytes spell, least significant first, modulo r. At most 64 bytes.
  static Fr from_bytes_reduced(ByteSpan little_endian);

  /// A uniform element, from the operating system's randomness.
  static Result<Fr> random();

  [[nodiscard]] Scalar to_scalar() const;

  [[nodiscard]] bool is_zero() const { return *this == zero(); }

  /// 1/x by exponentiation; zero for zero.
  [[nodiscard]] Fr inverse() const;

  friend bool operator==(const Fr&, const Fr&) = default;
};

Fr operator+(const Fr& a, const Fr& b);
Fr operator-(const Fr& a, const Fr& b);
Fr operator-(const Fr& a);
Fr operator*(const Fr& a, const Fr& b);
inline Fr& operator+=(Fr& a, const Fr& b) { return a = a + b; }
inline Fr& operator-=(Fr& a, const Fr& b) { return a = a - b; }
inline Fr& operator*=(Fr& a, const Fr& b) { return a = a * b; }

/// Replaces each element by its inverse, with one inversion in all (Montgomery's trick); zeros stay.
void batch_inverse(std::span<Fr> elements);

/// out[i] += factor * in[i]. Equal lengths.
void add_scaled(std::span<Fr> out, const Fr& factor, std::span<const Fr> in);

/// out = matrix * in: `matrix` square in row order, `in` and `out` with as many rows of equal length, one
/// after the other. `in` and `out` do not overlap.
void multiply_matrix(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out);

/// Names of the field kernels that this processor can run, slowest first: "portable", "adx".
[[nodiscard]] std::vector<std::string_view> available_kernels();

/// The kernel in use: the fastest available, unless the environment's ASSAY_KERNEL or force_kernel says
/// otherwise.
[[nodiscard]] std::string_view active_kernel();

/// Uses the named kernel from now on; set it before work is under way. Errors: kUnsupported.
Status force_kernel(std::string_view name);

}  // namespace assay
