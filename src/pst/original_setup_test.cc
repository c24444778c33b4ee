#include <gtest/gtest.h>

#include <algorithm>

#include "assay/pst_original.h"
#include "pst/srs_state.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;

// By another implementation of the stream and of the field.
TEST(OriginalSetup, SecretsAreThoseOfTheFixedStream) {
  const std::vector<Fr> secrets = original_secrets(9);
  EXPECT_EQ(secrets[0].to_scalar().to_decimal(),
            "1328790040692576325258580129229001772890358018148159309458854770206210226319");
  EXPECT_EQ(secrets[1].to_scalar().to_decimal(),
            "5880579452694111398038816184147859226105113334752339841727721355533812240766");
  // Nine secrets take sixteen draws, each block of the stream has two: draws of r or more are skipped.
  EXPECT_EQ(secrets[8].to_scalar().to_decimal(),
            "10511357378835416088058103305478756848527487105346166937825890899192817151974");
  // However many are asked for, the first are the same.
  EXPECT_EQ(original_secrets(1)[0], secrets[0]);
  EXPECT_EQ(original_secrets(Axes::kMaxCount)[8], secrets[8]);
}

TEST(OriginalSetup, IsAnSrsLikeAnyOther) {
  const Axes axes = axes_of({2, 3});
  const Srs srs = original_srs(axes).value();
  EXPECT_EQ(srs.verifier_key(), Srs::from_secrets(axes, original_secrets(2))->verifier_key());
  EXPECT_EQ(srs.verifier_key().trust, Trust::kDev);
  const Verdict verdict = verify_srs(srs);
  EXPECT_TRUE(verdict.ok());
  ASSERT_EQ(verdict.notes().size(), 1U);
  EXPECT_EQ(verdict.notes()[0].substr(0, 20), "secrets known to all");
  EXPECT_TRUE(verify_srs(Srs::dev(axes, 1).value()).notes().empty());
}

TEST(OriginalSetup, IsKnownByItsFirstSecret) {
  const Axes axes = axes_of({2, 2});
  test::Random random(3);
  const std::vector<Fr> known = original_secrets(2);
  const auto is_known = [&](const Fr& first, const Fr& second) {
    return has_original_secret(Srs::from_secrets(axes, std::vector<Fr>{first, second})->verifier_key());
  };
  const std::vector<Fr> fresh = random.fields(2);
  EXPECT_FALSE(is_known(fresh[0], fresh[1]));
  EXPECT_TRUE(is_known(known[0], fresh[1]));
  EXPECT_TRUE(is_known(known[0], known[1]));
}

TEST(OriginalSetup, IsNeverSpokenOfAsTrusted) {
  const Verifier verifier(original_srs(axes_of({2, 2}))->verifier_key());
  setup::TrustList trusted;
  const std::string words =
      "SRS secrets known to all: they are those of the original pipeline's fixed setup, and anybody can open "
      "to anything";
  EXPECT_EQ(verifier.describe_srs(trusted), words);
  ASSERT_TRUE(trusted.add(verifier.digest(), "ours").ok());
  EXPECT_EQ(verifier.describe_srs(trusted), words);
}

TEST(OriginalSetup, IsNoCeremony) {
  const Srs srs = original_srs(axes_of({2, 2})).value();
  VerifierKey key = srs.verifier_key();
  key.trust = Trust::kCeremony;
  key.contributors = 1;
  std::vector<LargeArray<G1Affine>> points;
  for (const std::vector<G1Affine>& level : test::points_of(srs)) {
    points.emplace_back(level.size());
    std::ranges::copy(level, points.back().data());
  }
  const Verdict verdict = verify_srs(SrsAccess::from_points(key, std::move(points)));
  EXPECT_EQ(verdict.step(), "verifier key");
  EXPECT_NE(verdict.reason().find("original pipeline"), std::string::npos) << verdict.reason();
}

TEST(OriginalSetup, AStatementIsCheckedWithoutAnSrs) {
  const Axes axes = axes_of({3, 2});
  const std::vector<std::int16_t> values{5, -1, 0, 7, 7, -300};
  const auto statement = [&](const Srs& srs) {
    const std::vector<std::uint32_t> point{1, 1};
    return Statement{
        commit(srs, values).value(), {Fr::from_u64(1), Fr::from_u64(1)}, open(srs, values, point).value()};
  };
  EXPECT_TRUE(check_under_original_setup(axes, statement(original_srs(axes).value())).ok());
  EXPECT_EQ(check_under_original_setup(axes, statement(Srs::dev(axes, 1).value())).step(),
            "opening equation");
}

TEST(OriginalSetup, TheFileIsWhatIsMadeInMemory) {
  const test::TemporaryDirectory dir;
  const Axes axes = axes_of({4, 3});
  ASSERT_TRUE(write_original_srs(axes, dir.file("o.srs")).ok());
  const Srs read = Srs::open(dir.file("o.srs")).value();
  EXPECT_EQ(read.verifier_key(), original_srs(axes)->verifier_key());
  EXPECT_TRUE(verify_srs(read).ok());
}

}  // namespace
}  // namespace assay::pst
