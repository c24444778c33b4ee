#include <gtest/gtest.h>

#include "base/wire.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;

VerifierKey small_key() { return Srs::dev(axes_of({2, 3}), 5)->verifier_key(); }

ErrorCode refusal(const Bytes& bytes) {
  const Result<VerifierKey> decoded = VerifierKey::decode(bytes, "key");
  EXPECT_FALSE(decoded.ok());
  if (decoded.ok()) return ErrorCode::kIo;
  EXPECT_NE(decoded.error().to_string().find("key"), std::string::npos);
  return decoded.error().code;
}

constexpr std::size_t kVersionAt = 8, kTrustAt = 12, kCountAt = 13, kAxesAt = 17, kSecretsAt = 25;

TEST(VerifierKey, EncodingDecodesToTheSame) {
  VerifierKey key = small_key();
  EXPECT_EQ(key.encode().size(), 17u + 2 * 100);
  EXPECT_EQ(VerifierKey::decode(key.encode(), "key").value(), key);
  const Digest dev_digest = key.digest();
  key.trust = Trust::kCeremony;
  key.contributors = 3;
  key.transcript = Digest{1, 2, 3};
  EXPECT_EQ(key.encode().size(), 17u + 36 + 2 * 100);
  EXPECT_EQ(VerifierKey::decode(key.encode(), "key").value(), key);
  EXPECT_NE(key.digest(), dev_digest);
  const Digest of_ceremony = key.digest();
  key.transcript[31] = 1;
  EXPECT_NE(key.digest(), of_ceremony);
}

TEST(VerifierKey, DigestIsDomainSeparatedSha256) {
  const VerifierKey key = small_key();
  Bytes message;
  for (const char c : std::string("assay/srs/v1")) message.push_back(static_cast<std::uint8_t>(c));
  const Bytes encoded = key.encode();
  message.insert(message.end(), encoded.begin(), encoded.end());
  EXPECT_EQ(key.digest(), sha256(message));
}

TEST(VerifierKey, ThirtyTwoAxesTakeLessThanFourKilobytes) {
  const Srs srs = Srs::dev(axes_of(std::vector<std::uint64_t>(32, 1)), 1).value();
  const Bytes encoded = srs.verifier_key().encode();
  EXPECT_LT(encoded.size(), 4096u - 16);
  EXPECT_EQ(VerifierKey::decode(encoded, "key").value(), srs.verifier_key());
}

TEST(VerifierKey, TrustIsNamed) {
  EXPECT_EQ(to_string(Trust::kDev), "dev");
  EXPECT_EQ(to_string(Trust::kCeremony), "ceremony");
  VerifierKey key = small_key();
  EXPECT_EQ(key.label(), "dev");
  key.trust = Trust::kCeremony;
  key.contributors = 12;
  EXPECT_EQ(key.label(), "ceremony(12)");
}

TEST(VerifierKey, EveryTruncationAndExtensionIsRefused) {
  const Bytes good = small_key().encode();
  for (std::size_t size = 0; size < good.size(); ++size) refusal(Bytes(good.begin(), good.begin() + size));
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(refusal(longer), ErrorCode::kMalformed);
}

TEST(VerifierKey, RefusesEachFieldOutOfRange) {
  const Bytes good = small_key().encode();
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bad = good;
    bad[at] = value;
    return bad;
  };
  EXPECT_EQ(refusal(with(0, 'a')), ErrorCode::kMalformed);
  EXPECT_EQ(refusal(with(7, ' ')), ErrorCode::kMalformed);
  EXPECT_EQ(refusal(with(kVersionAt, 2)), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(with(kVersionAt + 3, 1)), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(with(kTrustAt, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with(kTrustAt, 2)), ErrorCode::kUnsupported);
  EXPECT_EQ(refusal(with(kTrustAt, 4)), ErrorCode::kOutOfRange);
  VerifierKey of_ceremony = small_key();
  of_ceremony.trust = Trust::kCeremony;
  for (const std::uint32_t contributors : {0U, 1025U}) {
    of_ceremony.contributors = contributors;
    EXPECT_EQ(refusal(of_ceremony.encode()), ErrorCode::kOutOfRange);
  }
  of_ceremony.contributors = 1024;
  EXPECT_TRUE(VerifierKey::decode(of_ceremony.encode(), "key").ok());
  EXPECT_EQ(refusal(with(kCountAt, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with(kCountAt, 33)), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with(kCountAt + 3, 0xff)), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with(kAxesAt, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with(kAxesAt + 3, 1)), ErrorCode::kOutOfRange);
  refusal(with(kCountAt, 1));  // an axis stands where the secret should
}

TEST(VerifierKey, RefusesSecretsThatAreNoCanonicalPointsOfTheSubgroup) {
  const Bytes good = small_key().encode();
  const auto with_secret = [&](const Bytes& secret) {
    Bytes bad = good;
    std::copy(secret.begin(), secret.end(), bad.begin() + kSecretsAt);
    return bad;
  };
  Bytes infinity(64);
  infinity[63] = 0x40;
  EXPECT_EQ(refusal(with_secret(infinity)), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with_secret(Bytes(64, 0xff))), ErrorCode::kNonCanonical);
  infinity[0] = 1;
  EXPECT_EQ(refusal(with_secret(infinity)), ErrorCode::kNonCanonical);
  // Among the first x there are points of the curve outside the subgroup, and x without a point: none passes.
  for (std::uint8_t x = 0; x < 20; ++x) {
    Bytes secret(64);
    secret[0] = x;
    refusal(with_secret(secret));
  }
}

}  // namespace
}  // namespace assay::pst
