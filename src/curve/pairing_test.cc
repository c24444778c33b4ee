#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "curve/decompress.h"
#include "curve/pairing.h"
#include "curve/vectors_for_test.h"
#include "field/backend_portable.h"

namespace assay::curve {
namespace {

using F = field::Element<field::FpParameters, field::PortableBackend>;

/// Coordinates, for a power of ours is no pairing value.
Fp12Coordinates power(const Gt& value, const Fr& k) {
  return Pairing<F>::store(field::power(Pairing<F>::load(value.coordinates()),
                                        std::span<const std::uint64_t>(k.to_scalar().words)));
}

TEST(Pairing, MatchesAnIndependentImplementation) {
  for_each_kernel([] {
    for (const Json& each : test_vectors()["pairings"]) {
      const Gt value = pairing(g1_of(each["p"]), g2_of(each["q"]));
      for (std::size_t i = 0; i < 12; ++i) {
        field::Limbs expected{};
        const Bytes word = big_endian_word(each["value"][i]);
        for (std::size_t b = 0; b < 32; ++b) expected[b / 8] |= std::uint64_t{word[31 - b]} << (b % 8 * 8);
        EXPECT_EQ(F(value.coordinates()[i].limbs).to_integer(), expected) << i;
      }
    }
  });
}

TEST(Pairing, FinalExponentiationIsThePowerItShouldBe) {
  std::string hex = test_vectors()["final_exponent"].get<std::string>().substr(2);
  hex.insert(0, (16 - hex.size() % 16) % 16, '0');
  std::vector<std::uint64_t> exponent;
  for (std::size_t end = hex.size(); end > 0; end -= 16) {
    exponent.push_back(std::stoull(hex.substr(end - 16, 16), nullptr, 16));
  }
  const PreparedG2 q(G2Affine::generator());
  const std::array<PairingTerm, 1> term = {{{G1Affine::generator(), &q}}};
  const MillerOutput f = multi_miller_loop(term);
  const auto slow = field::power(Pairing<F>::load(f.coordinates()), std::span<const std::uint64_t>(exponent));
  for_each_kernel([&] { EXPECT_EQ(final_exponentiation(f).coordinates(), Pairing<F>::store(slow)); });
}

TEST(Pairing, IsBilinearAndNotDegenerate) {
  for_each_kernel([] {
    const Fr a = Fr::from_u64(123456789), b = Fr::from_i64(-987654321);
    const G1Affine p = G1Affine::generator();
    const G2Affine q = G2Affine::generator();
    const Gt base = pairing(p, q);
    EXPECT_FALSE(base.is_one());
    EXPECT_EQ(pairing(multiply_vartime(p, a), multiply_vartime(q, b)).coordinates(), power(base, a * b));
    EXPECT_EQ(pairing(multiply_vartime(p, a * b), q).coordinates(), power(base, a * b));
    // The value has order r: its (r-1)th power is its inverse.
    EXPECT_EQ(pairing(negate(p), q).coordinates(), power(base, Fr::from_i64(-1)));
    EXPECT_EQ(pairing(p, negate(q)).coordinates(), power(base, Fr::from_i64(-1)));
  });
}

TEST(Pairing, LinesMadeTogetherAreThoseMadeOneByOne) {
  for_each_kernel([] {
    for (const std::size_t count : {0U, 1U, 5U, 6U, 9U, 23U}) {
      std::vector<G2Affine> points;
      for (std::size_t i = 0; i < count; ++i)
        points.push_back(
            i == 2 ? G2Affine::infinity()
                   : multiply_vartime(G2Affine::generator(),
                                      Fr::from_i64(i == 4 ? -1 : static_cast<std::int64_t>(7 * i) + 1)));
      const std::vector<PreparedG2> together = PreparedG2::of_all(points);
      ASSERT_EQ(together.size(), count);
      for (std::size_t i = 0; i < count; ++i) {
        const PreparedG2 alone(points[i]);
        EXPECT_EQ(together[i].lines().is_infinity, points[i].is_infinity()) << i;
        EXPECT_EQ(together[i].lines().lines, alone.lines().lines) << i;
      }
    }
  });
}

TEST(Pairing, ProductsShareOneLoop) {
  for_each_kernel([] {
    const G1Affine p = G1Affine::generator();
    const PreparedG2 q(G2Affine::generator());
    const PreparedG2 minus_3q(negate(multiply_vartime(G2Affine::generator(), Fr::from_u64(3))));
    const PreparedG2 nothing(G2Affine::infinity());
    // e(6P, Q) e(2P, -3Q) e(O, Q) e(P, O) = 1
    const std::array<PairingTerm, 4> terms = {{{multiply_vartime(p, Fr::from_u64(6)), &q},
                                               {multiply_vartime(p, Fr::from_u64(2)), &minus_3q},
                                               {G1Affine::infinity(), &q},
                                               {p, &nothing}}};
    EXPECT_TRUE(final_exponentiation(multi_miller_loop(terms)).is_one());
    EXPECT_FALSE(final_exponentiation(multi_miller_loop(std::span(terms).first(1))).is_one());
    EXPECT_TRUE(final_exponentiation(multi_miller_loop({})).is_one());
  });
}

TEST(Pairing, InfinityGivesOne) {
  EXPECT_TRUE(pairing(G1Affine::infinity(), G2Affine::generator()).is_one());
  EXPECT_TRUE(pairing(G1Affine::generator(), G2Affine::infinity()).is_one());
}

TEST(SquareRoot, ChainIsThePowerBitByBit) {
  F x = F::from_u64(3);
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(field::power(x, kSquareRootChain<field::FpParameters>),
              field::power(x, field::FpParameters::kSquareRootExponent));
    x = x.squared() + F::one();
  }
  for (std::uint64_t e : {1, 2, 3, 31, 32, 33, 1000003}) {
    const field::Limbs exponent{e, 0, 0, e % 4};
    EXPECT_EQ(field::power(x, field::PowerChain::of(exponent)), field::power(x, exponent)) << e;
  }
}

TEST(SquareRoot, OfEveryKindOfFp2Element) {
  using E2 = field::Quadratic<F>;
  int roots = 0, none = 0;
  for (std::uint64_t a = 0; a < 8; ++a) {
    for (std::uint64_t b = 0; b < 8; ++b) {
      const E2 x{F::from_u64(a), -F::from_u64(b)};
      const auto square = square_root(x.squared());
      ASSERT_TRUE(square.has_value());
      EXPECT_TRUE(*square == x || *square == -x);
      const auto root = square_root(x);
      if (root) {
        EXPECT_EQ(root->squared(), x);
        ++roots;
      } else {
        EXPECT_FALSE(b == 0);  // every element of Fp has a root in Fp2
        ++none;
      }
    }
  }
  EXPECT_GT(roots, 20);
  EXPECT_GT(none, 10);
}

}  // namespace
}  // namespace assay::curve
