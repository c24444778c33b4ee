// The two prime fields of BN254, and the choice of the code that computes in them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
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

/// out[i] = elements[i] * integers[i] as the integer below r that it is. Equal lengths, and one product each.
void multiply_integers(std::span<const Fr> elements, std::span<const std::int64_t> integers,
                       std::span<Scalar> out);

/// out = matrix * in: `matrix` square in row order, `in` and `out` with as many rows of equal length, one
/// after the other. `in` and `out` do not overlap.
void multiply_matrix(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out);

/// The roots of unity of Fr whose order is a power of two, and polynomials over them: {w^i}, w of order n.
///
/// Everything stands in bit-reversed order: place i has the node w^b, where b is i with its bits backwards.
/// So the nodes of a domain are the first ones of every larger domain, and an aligned run of 2^k places is a
/// coset h * {roots of order 2^k}, whose first node is h.
class RootDomain {
 public:
  static constexpr unsigned kMaxLogSize = 28;

  /// At most kMaxLogSize. Holds 2^(log_size - 1) elements.
  explicit RootDomain(unsigned log_size);

  /// 5^((r-1)/n), n = 2^log_size; 5 is the least generator of Fr's multiplicative group.
  static Fr root(unsigned log_size);

  [[nodiscard]] unsigned log_size() const { return log_size_; }
  [[nodiscard]] std::size_t size() const { return std::size_t{1} << log_size_; }
  /// The node of a place below size().
  [[nodiscard]] Fr node(std::size_t place) const {
    return place % 2 == 0 ? half_[place / 2] : -half_[place / 2];
  }

  /// Coefficients, lowest first, into values at the nodes of the domain of that many. Their number is a power
  /// of two of at most size(). Cooley and Tukey 1965, from natural to bit-reversed order, in n log n / 2
  /// products.
  void evaluate(std::span<Fr> coefficients) const;

  /// The inverse of evaluate().
  void interpolate(std::span<Fr> values) const;

  /// x p'(x) at the nodes, of the polynomial p with these values at them.
  void differentiate(std::span<Fr> values) const;

  /// out[i] = 1 / (node(i) - z), and zero where node(i) is z; out.size() is size(). Two products each: the
  /// inverse of x^2 - z^2 gives those of x - z and of -x - z.
  void inverse_differences(const Fr& z, std::span<Fr> out) const;

  /// The place of z, or none where it is no node.
  [[nodiscard]] std::optional<std::size_t> place_of(const Fr& z) const;

  /// The nodes of even places, for who transforms elements of another group.
  [[nodiscard]] std::span<const Fr> even_nodes() const { return half_; }

 private:
  unsigned log_size_;
  std::vector<Fr> half_;
};

/// Names of the field kernels that this processor can run, slowest first: "portable", "adx".
[[nodiscard]] std::vector<std::string_view> available_kernels();

/// The kernel in use: the fastest available, unless the environment's ASSAY_KERNEL or force_kernel says
/// otherwise.
[[nodiscard]] std::string_view active_kernel();

/// Uses the named kernel from now on; set it before work is under way. Errors: kUnsupported.
Status force_kernel(std::string_view name);

}  // namespace assay
