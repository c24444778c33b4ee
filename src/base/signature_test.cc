#include "base/signature.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace assay {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> array_from_hex(std::string_view text) {
  const Bytes bytes = from_hex(text, "vector").value();
  std::array<std::uint8_t, N> out{};
  EXPECT_EQ(bytes.size(), N);
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

struct Vector {
  std::string_view seed, key, message, signature;
};

// RFC 8032, section 7.1, tests 1 to 3.
constexpr Vector kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
};

TEST(Signature, StandardVectors) {
  for (const Vector& vector : kVectors) {
    const SigningKey key = SigningKey::from_seed(array_from_hex<32>(vector.seed));
    const Bytes message = from_hex(vector.message, "vector").value();
    EXPECT_EQ(to_hex(key.public_key()), vector.key);
    EXPECT_EQ(to_hex(key.seed()), vector.seed);
    EXPECT_EQ(to_hex(key.sign(message)), vector.signature);
    EXPECT_TRUE(verify_signature(key.public_key(), message, key.sign(message)));
  }
}

TEST(Signature, EveryFlippedBitIsRejected) {
  const SigningKey key = SigningKey::from_seed({7});
  const Bytes message{1, 2, 3};
  const Signature signature = key.sign(message);
  for (std::size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    Signature wrong = signature;
    wrong[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(verify_signature(key.public_key(), message, wrong)) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * key.public_key().size(); ++bit) {
    PublicKey wrong = key.public_key();
    wrong[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_FALSE(verify_signature(wrong, message, signature)) << bit;
  }
  EXPECT_FALSE(verify_signature(key.public_key(), Bytes{1, 2, 4}, signature));
  EXPECT_FALSE(verify_signature(key.public_key(), Bytes{1, 2}, signature));
}

TEST(Signature, ASecondFormOfTheSameNumberIsRejected) {
  // S + L, with L the order of the group: the same residue, not canonical (RFC 8032, section 5.1.7).
  const auto order = array_from_hex<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  const SigningKey key = SigningKey::from_seed({7});
  Signature signature = key.sign({});
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += signature[32 + i] + order[i];
    signature[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  ASSERT_EQ(carry, 0u);
  EXPECT_FALSE(verify_signature(key.public_key(), {}, signature));
}

TEST(Signature, AKeyOfSmallOrderSignsNothing) {
  // With the neutral element as key and as R, S = 0 fulfils the bare equation for every message.
  const PublicKey neutral{1};
  Signature signature{};
  signature[0] = 1;
  EXPECT_FALSE(verify_signature(neutral, Bytes{1}, signature));
}

TEST(SigningKey, GeneratedKeysDifferAndWork) {
  SigningKey one = SigningKey::generate().value();
  const SigningKey two = SigningKey::generate().value();
  EXPECT_NE(one.public_key(), two.public_key());
  EXPECT_TRUE(verify_signature(one.public_key(), Bytes{5}, one.sign(Bytes{5})));
  EXPECT_FALSE(verify_signature(two.public_key(), Bytes{5}, one.sign(Bytes{5})));
}

TEST(SigningKey, MovesLeaveNoSecretBehind) {
  SigningKey source = SigningKey::from_seed({1});
  const auto seed = source.seed();
  SigningKey target(std::move(source));
  EXPECT_EQ(target.seed(), seed);
  EXPECT_EQ(source.seed(),
            (std::array<std::uint8_t, 32>{}));  // NOLINT(bugprone-use-after-move): what is tested
  SigningKey other = SigningKey::from_seed({2});
  other = std::move(target);
  EXPECT_EQ(other.seed(), seed);
  EXPECT_EQ(target.seed(), (std::array<std::uint8_t, 32>{}));  // NOLINT(bugprone-use-after-move)
  SigningKey& same = other;
  other = std::move(same);
  EXPECT_EQ(other.seed(), seed);
}

}  // namespace
}  // namespace assay
