// Transforms over roots of unity against sums over all coefficients, with every kernel.
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <string>
#include <vector>

#include "assay/field.h"

namespace assay {
namespace {

Fr power(const Fr& base, std::uint64_t exponent) {
  Fr out = Fr::one();
  for (std::uint64_t i = 64; i-- > 0;) {
    out *= out;
    if ((exponent >> i & 1) != 0) out *= base;
  }
  return out;
}

std::uint64_t backwards(std::uint64_t i, unsigned bits) {
  std::uint64_t out = 0;
  for (unsigned k = 0; k < bits; ++k) out |= (i >> k & 1) << (bits - 1 - k);
  return out;
}

std::vector<Fr> random_elements(std::size_t count) {
  std::mt19937_64 rng(count);
  std::vector<Fr> out(count);
  for (Fr& each : out) {
    std::array<std::uint8_t, 48> bytes;
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng());
    each = Fr::from_bytes_reduced(bytes);
  }
  return out;
}

/// By Horner's rule at every node.
std::vector<Fr> naive_values(std::span<const Fr> coefficients) {
  const auto bits = static_cast<unsigned>(std::countr_zero(coefficients.size()));
  std::vector<Fr> out;
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    const Fr x = power(RootDomain::root(bits), backwards(i, bits));
    Fr sum = Fr::zero();
    for (std::size_t k = coefficients.size(); k-- > 0;) sum = sum * x + coefficients[k];
    out.push_back(sum);
  }
  return out;
}

class RootDomains : public ::testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_kernel(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(force_kernel(before_).ok()); }
  std::string_view before_ = active_kernel();
};

TEST_P(RootDomains, RootsHaveTheirOrder) {
  EXPECT_EQ(RootDomain::root(0), Fr::one());
  EXPECT_EQ(RootDomain::root(1), -Fr::one());
  for (unsigned k = 1; k <= RootDomain::kMaxLogSize; ++k) {
    EXPECT_EQ(power(RootDomain::root(k), std::uint64_t{1} << (k - 1)), -Fr::one()) << k;
    EXPECT_EQ(power(RootDomain::root(k), 2), RootDomain::root(k - 1)) << k;
  }
  // The root of order 2^28 that gnark, arkworks and snarkjs use.
  EXPECT_EQ(RootDomain::root(28).to_scalar().to_decimal(),
            "19103219067921713944291392827692070036145651957329286315305642004821462161904");
}

TEST_P(RootDomains, NodesStandInBitReversedOrder) {
  for (unsigned bits = 0; bits <= 9; ++bits) {
    const RootDomain domain(bits);
    for (std::size_t i = 0; i < domain.size(); ++i)
      EXPECT_EQ(domain.node(i), power(RootDomain::root(bits), backwards(i, bits))) << bits << " " << i;
  }
}

TEST_P(RootDomains, AlignedRunsAreCosets) {
  const RootDomain domain(8);
  for (const std::size_t run : {1U, 4U, 32U, 256U}) {
    const RootDomain small(static_cast<unsigned>(std::countr_zero(run)));
    for (std::size_t first = 0; first < domain.size(); first += run)
      for (std::size_t i = 0; i < run; ++i)
        EXPECT_EQ(domain.node(first + i), domain.node(first) * small.node(i));
  }
}

TEST_P(RootDomains, EvaluatesLikeHornersRule) {
  for (unsigned bits = 0; bits <= 9; ++bits) {
    std::vector<Fr> values = random_elements(std::size_t{1} << bits);
    const std::vector<Fr> expected = naive_values(values);
    RootDomain(bits).evaluate(values);
    EXPECT_EQ(values, expected) << bits;
  }
}

TEST_P(RootDomains, LargerDomainsTransformFewerElements) {
  const RootDomain domain(10);
  for (unsigned bits = 0; bits <= 6; ++bits) {
    std::vector<Fr> values = random_elements(std::size_t{1} << bits);
    const std::vector<Fr> coefficients = values, expected = naive_values(values);
    domain.evaluate(values);
    EXPECT_EQ(values, expected) << bits;
    domain.interpolate(values);
    EXPECT_EQ(values, coefficients) << bits;
  }
}

TEST_P(RootDomains, BlocksBeyondTheCache) {
  // Sizes on both sides of the one from which on layers are shared by threads; sparse, so that sums are
  // short.
  for (const unsigned bits : {12U, 13U, 14U, 16U}) {
    const RootDomain domain(bits);
    std::vector<Fr> values(domain.size());
    const std::vector<std::size_t> places = {0, 1, 77, domain.size() / 2 + 1, domain.size() - 1};
    const std::vector<Fr> some = random_elements(places.size() + 3);
    for (std::size_t k = 0; k < places.size(); ++k) values[places[k]] = some[k];
    const std::vector<Fr> coefficients = values;
    domain.evaluate(values);
    for (std::size_t i = 0; i < domain.size(); i += 601) {
      Fr sum = Fr::zero();
      for (std::size_t k = 0; k < places.size(); ++k) sum += some[k] * power(domain.node(i), places[k]);
      EXPECT_EQ(values[i], sum) << bits << " " << i;
    }
    domain.interpolate(values);
    EXPECT_EQ(values, coefficients) << bits;
  }
}

TEST_P(RootDomains, InvertsDifferences) {
  for (unsigned bits = 0; bits <= 13; bits += bits < 4 ? 1 : 3) {
    const RootDomain domain(bits);
    std::vector<Fr> points = {random_elements(1)[0], Fr::zero(), domain.node(0)};
    points.push_back(domain.node(domain.size() - 1));
    points.push_back(domain.node(domain.size() / 3));
    for (const Fr& z : points) {
      std::vector<Fr> inverses(domain.size());
      domain.inverse_differences(z, inverses);
      for (std::size_t i = 0; i < domain.size(); i += bits < 10 ? 1 : 61)
        EXPECT_EQ(inverses[i], (domain.node(i) - z).inverse()) << bits << " " << i;
    }
  }
}

TEST_P(RootDomains, FindsPlacesOfNodes) {
  const RootDomain domain(6);
  for (std::size_t i = 0; i < domain.size(); ++i) EXPECT_EQ(domain.place_of(domain.node(i)), i);
  EXPECT_EQ(domain.place_of(RootDomain::root(7)), std::nullopt);
  EXPECT_EQ(domain.place_of(Fr::zero()), std::nullopt);
  EXPECT_EQ(RootDomain(0).place_of(Fr::one()), 0u);
}

TEST_P(RootDomains, ProductsWithIntegersAreIntegers) {
  const std::vector<Fr> elements = random_elements(9);
  const std::vector<std::int64_t> integers = {0, 1, -1, 7, -70000, INT64_MAX, INT64_MIN, 32768, -32768};
  std::vector<Scalar> out(9);
  multiply_integers(elements, integers, out);
  for (std::size_t i = 0; i < 9; ++i)
    EXPECT_EQ(out[i], (elements[i] * Fr::from_i64(integers[i])).to_scalar()) << i;
  const std::vector<Fr> zeros(1);
  multiply_integers(zeros, std::vector<std::int64_t>{-5}, std::span(out).first(1));
  EXPECT_EQ(out[0], Scalar());
}

TEST_P(RootDomains, Differentiates) {
  std::vector<Fr> coefficients = random_elements(64), values = naive_values(coefficients);
  RootDomain(6).differentiate(values);
  for (std::size_t i = 0; i < coefficients.size(); ++i) coefficients[i] *= Fr::from_u64(i);
  EXPECT_EQ(values, naive_values(coefficients));
}

INSTANTIATE_TEST_SUITE_P(Kernels, RootDomains, ::testing::ValuesIn(available_kernels()),
                         [](const auto& kernel) { return std::string(kernel.param); });

}  // namespace
}  // namespace assay
