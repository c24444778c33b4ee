#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "setup/small_multiples.h"
#include "setup/test_support.h"
#include "setup/transcript_file.h"

namespace assay::setup {
namespace {

using test::axes_of;
using test::figure;

class CheckCeremony : public ::testing::Test {
 protected:
  static std::vector<Fr> row(std::uint64_t seed) {
    return {Fr::from_u64(seed), Fr::from_u64(seed * seed + 1)};
  }

  Ceremony empty_{axes_of({3, 2}), Digest{7}};
  Ceremony three_ = test::with(empty_, {row(2), row(3), row(5)});

  /// Re-made behind a change, as a cheat who knows no secret cannot: the later proofs are good ones.
  [[nodiscard]] Ceremony with_beacon(const Beacon& beacon = {{1, 2, 3}, 10}) const {
    Ceremony out = three_;
    const Digest digest = out.digest();
    const std::vector<Fr> secrets =
        internal::secrets_of_beacon({out.axes, out.contributions.size(), digest}, "beacon", beacon);
    Contribution last{"beacon", {}, {}, {}, beacon};
    for (std::size_t i = 0; i < secrets.size(); ++i)
      last.secrets.push_back(curve::multiply_vartime(out.secrets()[i], secrets[i]));
    out.contributions.push_back(std::move(last));
    return out;
  }
};

TEST_F(CheckCeremony, AcceptsHonestChains) {
  for (const Ceremony& ceremony : {empty_, three_, with_beacon()}) {
    const Verdict verdict = check_ceremony(ceremony);
    EXPECT_TRUE(verdict.ok()) << verdict.reason();
    EXPECT_EQ(figure(verdict, "contributions"), std::to_string(ceremony.contributors()));
  }
  // Nobody recomputed a beacon that is not there.
  const Verdict::Check recomputed = {"beacon", Grade::kRecomputed};
  EXPECT_THAT(check_ceremony(with_beacon()).checks(), testing::Contains(recomputed));
  EXPECT_THAT(check_ceremony(three_).checks(), testing::Not(testing::Contains(recomputed)));
  EXPECT_EQ(with_beacon().contributions.size(), 4U);
  EXPECT_EQ(with_beacon().contributors(), 3U);
}

TEST_F(CheckCeremony, TheSecretsAreTheProducts) {
  EXPECT_EQ(three_.secrets()[0], curve::multiply_vartime(G2Affine::generator(), Fr::from_u64(2 * 3 * 5)));
  EXPECT_EQ(three_.secrets()[1], curve::multiply_vartime(G2Affine::generator(), Fr::from_u64(5 * 10 * 26)));
  EXPECT_EQ(empty_.secrets(), std::vector<G2Affine>(2, G2Affine::generator()));
}

TEST_F(CheckCeremony, AnEmptyOneHasNoContributors) {
  EXPECT_EQ(check_contributors(empty_).step(), "contributors");
  EXPECT_TRUE(check_contributors(three_).ok());
  // A beacon's secrets are known to all.
  Ceremony lone = with_beacon();
  lone.contributions.erase(lone.contributions.begin(), lone.contributions.begin() + 3);
  EXPECT_EQ(check_contributors(lone).step(), "contributors");
}

TEST_F(CheckCeremony, ASecretOfZeroOrOne) {
  for (const std::uint64_t secret : {0, 1}) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      std::vector<Fr> bad = row(5);
      bad[axis] = Fr::from_u64(secret);
      const Verdict verdict = check_ceremony(test::with(empty_, {row(2), bad, row(3)}));
      EXPECT_EQ(verdict.step(), "contribution points") << secret;
      EXPECT_EQ(verdict.item(), 1U);
      EXPECT_EQ(figure(verdict, "axis"), std::to_string(axis));
    }
  }
}

TEST_F(CheckCeremony, RepeatedReorderedDroppedAndForeign) {
  Ceremony bad = three_;
  bad.contributions.push_back(bad.contributions.back());  // the same file again
  EXPECT_EQ(check_ceremony(bad).step(), "contribution points");
  EXPECT_EQ(check_ceremony(bad).item(), 3U);

  bad = three_;
  bad.contributions.push_back(bad.contributions[1]);  // back to an earlier state
  EXPECT_EQ(check_ceremony(bad).step(), "contribution proof");
  EXPECT_EQ(check_ceremony(bad).item(), 3U);

  bad = three_;
  std::swap(bad.contributions[1], bad.contributions[2]);
  EXPECT_EQ(check_ceremony(bad).step(), "contribution proof");
  EXPECT_EQ(check_ceremony(bad).item(), 1U);

  bad = three_;
  bad.contributions.erase(bad.contributions.begin() + 1);
  EXPECT_EQ(check_ceremony(bad).step(), "contribution proof");
  EXPECT_EQ(check_ceremony(bad).item(), 1U);

  // Another ceremony over the same axes, whose first contributor drew the very same secrets.
  const Ceremony other = test::with({empty_.axes, Digest{8}}, {row(2)});
  ASSERT_TRUE(check_ceremony(other).ok());
  bad = three_;
  bad.contributions[0] = other.contributions[0];
  EXPECT_EQ(check_ceremony(bad).step(), "contribution proof");
  EXPECT_EQ(check_ceremony(bad).item(), 0U);
}

// What a proof is for: somebody who knows no factor of their own replaces all secrets by their own.
TEST_F(CheckCeremony, SecretsThatDoNotBuildOnTheOnesBefore) {
  Ceremony bad = test::with(empty_, {row(2)});
  const Ceremony own = test::with(empty_, {row(11)});
  Contribution cheat = test::contribution_of(bad, "cheat", row(3));
  cheat.secrets = own.secrets();  // without the first contributor's part
  const std::vector<Fr> c = internal::challenges({bad.axes, 1, bad.digest()}, cheat);
  // The cheat knows the logarithm to the generator, and not to the first contributor's point.
  for (std::size_t i = 0; i < 2; ++i) cheat.responses[i] = Fr::from_u64(1000 + i) + c[i] * row(11)[i];
  bad.contributions.push_back(cheat);
  EXPECT_EQ(check_ceremony(bad).step(), "contribution proof");
  EXPECT_EQ(check_ceremony(bad).item(), 1U);
}

TEST_F(CheckCeremony, ABeaconThatDoesNotRecompute) {
  const auto changed = [&](const auto& change) {
    Ceremony bad = with_beacon();
    change(bad.contributions.back());
    const Verdict verdict = check_ceremony(bad);
    EXPECT_EQ(verdict.item(), 3U);
    return verdict.step();
  };
  EXPECT_EQ(changed([](Contribution& c) { c.beacon->value[0] ^= 1; }), "beacon");
  EXPECT_EQ(changed([](Contribution& c) { c.beacon->log2_iterations = 11; }), "beacon");
  EXPECT_EQ(changed([](Contribution& c) { c.name = "Beacon"; }), "beacon");
  EXPECT_EQ(changed([](Contribution& c) { std::swap(c.secrets[0], c.secrets[1]); }), "beacon");
  // A contributor's own secrets, said to be a beacon's.
  EXPECT_EQ(
      changed([&](Contribution& c) { c.secrets = test::contribution_of(three_, "beacon", row(9)).secrets; }),
      "beacon");
}

TEST_F(CheckCeremony, NothingFollowsABeacon) {
  const Ceremony bad = test::with(with_beacon(), {row(7)});
  EXPECT_EQ(check_ceremony(bad).step(), "beacon order");
  EXPECT_EQ(check_ceremony(bad).item(), 4U);
}

// The iterated hash, written out.
TEST_F(CheckCeremony, ABeaconIsAnIteratedHash) {
  const Digest before = three_.digest();
  Bytes start = {'a', 's', 's', 'a', 'y', '/', 'c', 'e', 'r', 'e', 'm', 'o',
                 'n', 'y', '/', 'b', 'e', 'a', 'c', 'o', 'n', '/', 'v', '1'};
  start.insert(start.end(), before.begin(), before.end());
  start.insert(start.end(), {6, 0, 0, 0, 0, 0, 0, 0, 'b', 'e', 'a', 'c', 'o', 'n', 10, 0, 0, 0, 1, 2, 3});
  Digest digest = sha256(start);
  for (int i = 0; i < 1024; ++i) digest = sha256(digest);
  ChaCha20Stream stream(digest);
  std::vector<G2Affine> expected;
  for (std::size_t i = 0; i < 2; ++i) {
    Bytes bytes;
    for (int word = 0; word < 8; ++word)
      for (std::uint64_t value = stream.next_u64(), k = 0; k < 8; ++k)
        bytes.push_back(static_cast<std::uint8_t>(value >> (8 * k)));
    expected.push_back(curve::multiply_vartime(three_.secrets()[i], Fr::from_bytes_reduced(bytes)));
  }
  EXPECT_EQ(with_beacon().secrets(), expected);
}

TEST_F(CheckCeremony, EveryByteOfATranscriptCounts) {
  const Bytes good = with_beacon().encode();
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= i % 4 == 3 ? 0x80 : 0x01;
    const Result<Ceremony> decoded = Ceremony::decode(bad, "transcript");
    EXPECT_FALSE(decoded.ok() && check_ceremony(*decoded).ok()) << "byte " << i;
  }
}

TEST(CeremonyBytes, RoundTrip) {
  const Ceremony start{axes_of({3, 2, 5}), Digest{1, 2, 3}};
  const std::vector<Fr> row = {Fr::from_u64(2), Fr::from_u64(3), Fr::from_i64(-9)};
  Ceremony full = test::with(start, {row, row});
  full.contributions.push_back({"public", full.secrets(), {}, {}, Beacon{{9}, 24}});
  for (const Ceremony& ceremony : {start, full}) {
    const Bytes bytes = ceremony.encode();
    const Result<Ceremony> again = Ceremony::decode(bytes, "t");
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    EXPECT_EQ(*again, ceremony);
    EXPECT_EQ(again->encode(), bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      ASSERT_FALSE(Ceremony::decode(ByteSpan(bytes).first(size), "t").ok()) << size;
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_FALSE(Ceremony::decode(longer, "t").ok());
  }
  EXPECT_EQ(full.digests().size(), 4U);
  EXPECT_EQ(start.encode().size(), 8 + 4 + 4 + 12 + 32 + 4U);
}

TEST(CeremonyBytes, TheDigestCoversAllThatCameBefore) {
  const std::vector<Fr> row = {Fr::from_u64(2), Fr::from_u64(3)};
  const Ceremony ceremony = test::with({axes_of({3, 2}), Digest{1}}, {row, row});
  const std::vector<Digest> digests = ceremony.digests();
  ASSERT_EQ(digests.size(), 3U);
  EXPECT_NE(digests[1], digests[2]);
  // The last contribution is the same in all of these.
  Ceremony other = ceremony;
  other.nonce[0] = 2;
  EXPECT_NE(other.digest(), digests[2]);
  other = ceremony;
  other.contributions[0].name += "!";
  EXPECT_NE(other.digest(), digests[2]);
  EXPECT_EQ(other.digests()[0], digests[0]);
  other = ceremony;
  other.contributions.erase(other.contributions.begin());
  EXPECT_NE(other.digest(), digests[2]);
  other = {axes_of({2, 3}), ceremony.nonce, ceremony.contributions};
  EXPECT_NE(other.digest(), digests[2]);
}

TEST(CeremonyBytes, Refusals) {
  const Ceremony start{axes_of({3, 2}), Digest{1}};
  const std::vector<Fr> row = {Fr::from_u64(2), Fr::from_u64(3)};
  const Ceremony good = test::with(start, {row});
  const Bytes bytes = good.encode();
  const std::size_t count_at = 8 + 4 + 4 + 8 + 32, kind_at = count_at + 4, name_at = kind_at + 5;
  const std::size_t point_at = name_at + good.contributions[0].name.size();
  const auto refusal = [&](std::size_t at, std::uint8_t value) {
    Bytes bad = bytes;
    bad[at] = value;
    const Result<Ceremony> decoded = Ceremony::decode(bad, "file");
    EXPECT_FALSE(decoded.ok());
    return decoded.ok() ? Error{} : decoded.error();
  };
  EXPECT_EQ(refusal(0, 'B').code, ErrorCode::kMalformed);
  EXPECT_EQ(refusal(8, 2).code, ErrorCode::kUnsupported);
  for (const std::uint8_t count : std::initializer_list<std::uint8_t>{0, 33}) {
    EXPECT_EQ(refusal(12, count).code, ErrorCode::kOutOfRange);
    EXPECT_NE(refusal(12, count).place.find("axis count"), std::string::npos) << refusal(12, count).place;
  }
  EXPECT_EQ(refusal(16, 0).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(count_at + 1, 255).code, ErrorCode::kTooLarge);
  EXPECT_EQ(refusal(kind_at, 3).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(name_at, 0x1f).code, ErrorCode::kMalformed);
  EXPECT_NE(refusal(name_at, 0x1f).place.find("contribution 0"), std::string::npos);
  EXPECT_FALSE(refusal(point_at + 1, static_cast<std::uint8_t>(bytes[point_at + 1] ^ 1)).reason.empty());
  EXPECT_EQ(refusal(bytes.size() - 1, 0xff).code, ErrorCode::kNonCanonical);

  Ceremony bad = good;
  bad.contributions[0].beacon = Beacon{{}, 10};
  EXPECT_EQ(Ceremony::decode(bad.encode(), "t").error().code, ErrorCode::kOutOfRange);
  bad.contributions[0].beacon = Beacon{{1}, 9};
  EXPECT_EQ(Ceremony::decode(bad.encode(), "t").error().code, ErrorCode::kOutOfRange);
  bad.contributions[0].beacon = Beacon{{1}, 25};
  EXPECT_EQ(Ceremony::decode(bad.encode(), "t").error().code, ErrorCode::kOutOfRange);
  bad.contributions[0].beacon = Beacon{Bytes(Beacon::kMaxBytes, 1), 10};
  EXPECT_TRUE(Ceremony::decode(bad.encode(), "t").ok());
  bad.contributions[0].beacon = Beacon{Bytes(257, 1), 10};
  EXPECT_EQ(Ceremony::decode(bad.encode(), "t").error().code, ErrorCode::kTooLarge);
  bad = good;
  for (const char* name : {"", "   ", "\xc3\xa9", "a\tb"}) {
    bad.contributions[0].name = name;
    EXPECT_FALSE(Ceremony::decode(bad.encode(), "t").ok()) << name;
  }
  bad.contributions[0].name = std::string(65, 'x');
  EXPECT_EQ(Ceremony::decode(bad.encode(), "t").error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(Ceremony::decode(Bytes(Ceremony::kMaxBytes + 1), "t").error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(Ceremony::decode(Bytes(Ceremony::kMaxBytes), "t").error().code, ErrorCode::kMalformed);
}

TEST(Ceremony, MayHaveAsManyAxesAsThereAre) {
  const Ceremony most{axes_of(std::vector<std::uint64_t>(Axes::kMaxCount, 1)), Digest{7}};
  const Result<Ceremony> decoded = Ceremony::decode(most.encode(), "t");
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  EXPECT_EQ(*decoded, most);
}

TEST(SmallMultiples, AreFoundUpToTheLargest) {
  const internal::SmallMultiples small;
  const auto find = [&](std::int64_t k) {
    return small.find(curve::multiply_vartime(G2Affine::generator(), Fr::from_i64(k)));
  };
  constexpr std::int64_t kLargest = internal::SmallMultiples::kLargest;
  for (const std::int64_t k : std::vector<std::int64_t>{0, 1, -1024, 1025, kLargest, -kLargest})
    EXPECT_EQ(find(k), k);
  EXPECT_EQ(find(kLargest + 1), std::nullopt);
  EXPECT_EQ(find(-kLargest - 1), std::nullopt);
}

}  // namespace
}  // namespace assay::setup
