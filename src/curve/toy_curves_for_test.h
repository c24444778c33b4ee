// Curves over fields so small that tests go through every point and every pattern of bytes, and the group law
// in plain integers, which shares nothing with the templates that it is the oracle of.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "assay/curve.h"
#include "assay/field.h"
#include "curve/kernel_of.h"
#include "curve/parameters.h"
#include "field/backend_adx.h"
#include "field/backend_portable.h"

namespace assay::curve {

/// y^2 = x^3 + b over the integers modulo kPrime, with all its points in the group that (x, y) generates.
template <const field::Limbs& kPrime, std::uint64_t b, std::uint64_t x, std::uint64_t y, std::uint64_t order,
          std::size_t bytes>
struct ToyCurve {
  using BaseField = field::PrimeWithRoots<kPrime>;
  static constexpr std::uint64_t kB = b;
  static constexpr field::Limbs kGeneratorX = {x, 0, 0, 0};
  static constexpr field::Limbs kGeneratorY = {y, 0, 0, 0};
  static constexpr field::Limbs kOrder = {order, 0, 0, 0};
  static constexpr std::size_t kBytes = bytes;
  static constexpr auto kP = static_cast<unsigned>(kPrime[0]);
  static constexpr auto kN = static_cast<int>(order);
};

inline constexpr field::Limbs kPrime7 = {7, 0, 0, 0}, kPrime31 = {31, 0, 0, 0}, kPrime67 = {67, 0, 0, 0},
                              kPrime283 = {283, 0, 0, 0};
// The twists of the first and the third have points of the group's order, and others; the other twists have
// none.
using Toy7 = ToyCurve<kPrime7, 3, 1, 2, 13, 1>;
using Toy31 = ToyCurve<kPrime31, 3, 1, 2, 43, 1>;
using Toy67 = ToyCurve<kPrime67, 2, 2, 12, 73, 2>;
using Toy283 = ToyCurve<kPrime283, 3, 1, 2, 277, 2>;

/// re + im i modulo p, with i^2 = -1.
template <unsigned p>
struct Number {
  unsigned re = 0, im = 0;

  friend Number operator+(Number a, Number b) { return {(a.re + b.re) % p, (a.im + b.im) % p}; }
  friend Number operator-(Number a, Number b) { return {(a.re + p - b.re) % p, (a.im + p - b.im) % p}; }
  friend Number operator*(Number a, Number b) {
    return {(a.re * b.re + (p - a.im) * b.im) % p, (a.re * b.im + a.im * b.re) % p};
  }
  friend bool operator==(Number a, Number b) = default;

  /// Of a number that is not zero.
  [[nodiscard]] Number inverse() const {
    const unsigned norm = (re * re + im * im) % p;
    unsigned out = 1;
    while (norm * out % p != 1) ++out;
    return Number{re, (p - im) % p} * Number{out, 0};
  }
};

/// Nothing is infinity.
template <unsigned p>
using ToyPoint = std::optional<std::pair<Number<p>, Number<p>>>;

/// By the chord and the tangent.
template <unsigned p>
ToyPoint<p> toy_sum(const ToyPoint<p>& a, const ToyPoint<p>& b) {
  using N = Number<p>;
  if (!a) return b;
  if (!b) return a;
  const auto [xa, ya] = *a;
  const auto [xb, yb] = *b;
  if (xa == xb && ya + yb == N{}) return std::nullopt;
  const N slope = xa == xb ? N{3} * xa * xa * (N{2} * ya).inverse() : (yb - ya) * (xb - xa).inverse();
  const N x = slope * slope - xa - xb;
  return std::pair(x, slope * (xa - x) - ya);
}

template <class Curve>
class ToyGroup {
 public:
  static constexpr unsigned p = Curve::kP;
  static constexpr int n = Curve::kN;
  using N = Number<p>;
  using Point = ToyPoint<p>;

  static const ToyGroup& get() {
    static const ToyGroup group;
    return group;
  }

  /// k modulo n.
  static std::size_t reduced(std::int64_t k) { return static_cast<std::size_t>((k % n + n) % n); }

  /// k times the generator.
  [[nodiscard]] const Point& plain(std::int64_t k) const { return plain_[reduced(k)]; }
  [[nodiscard]] const G1Affine& g1(std::int64_t k) const { return g1_[reduced(k)]; }
  [[nodiscard]] std::span<const G1Affine> all_g1() const { return g1_; }

  /// k times some point of the twist of the same order.
  [[nodiscard]] const Point& plain_g2(std::int64_t k) const { return plain_g2_.at(reduced(k)); }
  [[nodiscard]] const G2Affine& g2(std::int64_t k) const { return g2_.at(reduced(k)); }
  /// All points of the twist but infinity.
  [[nodiscard]] const std::vector<Point>& twist() const { return twist_; }

  [[nodiscard]] bool is_on_curve(unsigned x, unsigned y) const {
    return N{y} * N{y} == N{x} * N{x} * N{x} + N{Curve::kB % p};
  }
  [[nodiscard]] bool is_on_twist(N x, N y) const { return y * y == x * x * x + twist_b_; }

  static Fp stored(unsigned value) {
    using F = field::Element<typename Curve::BaseField, field::PortableBackend>;
    return {F::from_integer({value, 0, 0, 0}).limbs()};
  }
  static Fp2 stored(N value) { return {stored(value.re), stored(value.im)}; }
  static G1Affine stored_g1(const Point& point) {
    return point ? G1Affine{stored(point->first.re), stored(point->second.re)} : G1Affine::infinity();
  }
  static G2Affine stored_g2(const Point& point) {
    return point ? G2Affine{stored(point->first), stored(point->second)} : G2Affine::infinity();
  }

 private:
  ToyGroup() : twist_b_(N{Curve::kB % p} * N{9 % p, 1}.inverse()) {
    const auto multiples = [](const Point& point) {
      std::vector<Point> out{Point()};
      for (Point next = point; next; next = toy_sum<p>(next, point)) out.push_back(next);
      return out;
    };
    plain_ = multiples(std::pair(N{unsigned{Curve::kGeneratorX[0]}}, N{unsigned{Curve::kGeneratorY[0]}}));
    for (const Point& each : plain_) g1_.push_back(stored_g1(each));
    // By squares, so that a field of thousands of elements is searched once.
    std::vector<std::vector<N>> roots(p * p);
    for (unsigned i = 0; i < p * p; ++i) {
      const N y{i / p, i % p}, square = y * y;
      roots[square.re * p + square.im].push_back(y);
    }
    for (unsigned i = 0; i < p * p; ++i) {
      const N x{i / p, i % p}, right = x * x * x + twist_b_;
      for (const N& y : roots[right.re * p + right.im]) twist_.push_back(std::pair(x, y));
    }
    // n is a prime that divides the twist's order once: a cofactor's multiple has order n, or is infinity.
    const std::size_t order = twist_.size() + 1, cofactor = order / n;
    if (order % n != 0) return;
    for (const Point& each : twist_) {
      Point point;
      for (std::size_t i = 0; i < cofactor; ++i) point = toy_sum<p>(point, each);
      if (!point) continue;
      plain_g2_ = multiples(point);
      break;
    }
    for (const Point& each : plain_g2_) g2_.push_back(stored_g2(each));
  }

  N twist_b_;
  std::vector<Point> plain_, plain_g2_, twist_;
  std::vector<G1Affine> g1_;
  std::vector<G2Affine> g2_;
};

/// A curve and the backend that the templates are compiled for.
template <class C, class B>
struct ToyCase {
  using Curve = C;
  using Backend = B;
  using Group = ToyGroup<C>;
  using Kernel = KernelOf<B, C>;
  using F = typename Kernel::F;
};

template <class Case>
class ExhaustiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::is_same_v<typename Case::Backend, field::PortableBackend> && available_kernels().size() == 1)
      GTEST_SKIP() << "this processor lacks the instructions";
  }
};

#if defined(__x86_64__)
template <class... Curves>
using ToyCases =
    ::testing::Types<ToyCase<Curves, field::PortableBackend>..., ToyCase<Curves, field::AdxBackend>...>;
#else
template <class... Curves>
using ToyCases = ::testing::Types<ToyCase<Curves, field::PortableBackend>...>;
#endif

}  // namespace assay::curve
