// A prime field element over a backend. Curve code is written over this template and compiled once per
// kernel.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "field/backend.h"
#include "field/inverse.h"
#include "field/parameters.h"

namespace assay::field {

/// x in Montgomery form, below the modulus of P.
template <class P, class Backend>
requires ComputesModulo<Backend, P>
class Element {
 public:
  using Parameters = P;

  constexpr Element() = default;
  constexpr explicit Element(const Limbs& montgomery) : limbs_(montgomery) {}
  constexpr Element(const Element&) = default;
  /// Word by word. Compilers copy by vectors, and a vector of words just written one by one cannot be read
  /// before all of them have reached the cache.
  constexpr Element& operator=(const Element& other) {
    for (std::size_t i = 0; i < limbs_.size(); ++i) {
      std::uint64_t word = other.limbs_[i];
      if (!std::is_constant_evaluated()) __asm__("" : "+r"(word));
      limbs_[i] = word;
    }
    return *this;
  }
  constexpr ~Element() = default;

  static constexpr Element zero() { return Element(); }
  static constexpr Element one() { return Element(P::kOne); }
  static Element from_u64(std::uint64_t value) { return from_integer({value, 0, 0, 0}); }

  /// Any integer below 2^256, modulo m.
  static Element from_integer(const Limbs& value) {
    return Element(Backend::template multiply<P>(P::kRSquared, value));
  }

  /// The integer in [0, m).
  [[nodiscard]] Limbs to_integer() const { return Backend::template multiply<P>(limbs_, {1, 0, 0, 0}); }

  [[nodiscard]] constexpr const Limbs& limbs() const { return limbs_; }
  [[nodiscard]] bool is_zero() const { return (limbs_[0] | limbs_[1] | limbs_[2] | limbs_[3]) == 0; }

  friend Element operator+(const Element& a, const Element& b) { return sum(a.limbs_, b.limbs_); }
  friend Element operator-(const Element& a, const Element& b) { return difference(a.limbs_, b.limbs_); }
  friend Element operator*(const Element& a, const Element& b) {
    return Element([&] { return Backend::template multiply<P>(a.limbs_, b.limbs_); }, InPlace());
  }
  Element operator-() const { return zero() - *this; }
  /// The same from words in Montgomery form and below m, where they lie.
  static Element sum(const Limbs& a, const Limbs& b) {
    return Element([&] { return Backend::template add<P>(a, b); }, InPlace());
  }
  static Element difference(const Limbs& a, const Limbs& b) {
    return Element([&] { return Backend::template subtract<P>(a, b); }, InPlace());
  }
  Element& operator+=(const Element& b) { return *this = *this + b; }
  Element& operator-=(const Element& b) { return *this = *this - b; }
  Element& operator*=(const Element& b) { return *this = *this * b; }
  friend bool operator==(const Element&, const Element&) = default;

  /// a[0] b[0] + a[1] b[1], with one reduction.
  static Element inner_product(const Pair& a, const Pair& b) {
    return Element(Backend::template inner_product<P>(a, b));
  }
  /// The same and c[0] d[0] + c[1] d[1].
  static Element inner_product(const Pair& a, const Pair& b, const Pair& c, const Pair& d) {
    return Element(Backend::template inner_product<P>(a, b, c, d));
  }
  /// Of six.
  static Element inner_product(Six a, Six b) { return Element(Backend::template inner_product<P>(a, b)); }

  [[nodiscard]] Element squared() const { return *this * *this; }
  [[nodiscard]] Element doubled() const { return *this + *this; }

  /// 1/x, and 0 for 0. Variable time.
  [[nodiscard]] Element inverse() const {
    return Element(Backend::template multiply<P>(P::kRCubed, Inversion<P>::of_vartime(limbs_)));
  }

 private:
  /// Results are made where they are to stay.
  struct InPlace {};
  template <class Make>
  [[gnu::always_inline]] Element(const Make& make, InPlace) : limbs_(make()) {}

  Limbs limbs_{};
};

/// x^exponent by squaring from the top bit, in any ring with one() and squared(). Branches on the exponent,
/// which is public wherever this is called.
template <class T>
T power(const T& x, std::span<const std::uint64_t> exponent) {
  T out = T::one();
  for (std::size_t i = exponent.size() * 64; i-- > 0;) {
    out = out.squared();
    if ((exponent[i / 64] >> (i % 64) & 1) != 0) out *= x;
  }
  return out;
}

/// Replaces each non-zero element by its inverse at three products each and one inversion in all (Montgomery,
/// "Speeding the Pollard and elliptic curve methods", 1987, section 10.3.1). `scratch` is overwritten.
template <class T>
void batch_inverse(std::span<T> elements, std::vector<T>& scratch) {
  scratch.resize(elements.size());
  T product = T::one();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    scratch[i] = product;
    if (!elements[i].is_zero()) product *= elements[i];
  }
  T inverse = product.inverse();
  for (std::size_t i = elements.size(); i-- > 0;) {
    if (elements[i].is_zero()) continue;
    const T old = elements[i];
    elements[i] = inverse * scratch[i];
    inverse *= old;
  }
}

}  // namespace assay::field
