#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

TEST(Verify, SaysWhatItRestsOn) {
  const Sample sample = test::model_sample();
  const Verdict bare = verify(sample.commitment, sample.proofs, sample.verifier, {});
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(bare.notes().size(), 3U);
  EXPECT_TRUE(test::has_note(bare, "SRS unverified"));
  EXPECT_TRUE(test::has_note(bare, "commitment digest not compared with one agreed on before"));
  EXPECT_TRUE(test::has_note(bare, "points not from a challenge of the verifier"));
  EXPECT_EQ(test::figure(bare, "proofs"), "1");
  EXPECT_EQ(test::figure(bare, "padding positions"), "1");
  EXPECT_EQ(test::figure(bare, "commitment digest"), to_hex(sample.commitment.digest()));

  const Challenge challenge{sample.commitment.digest(), sample.asked};
  VerifyOptions options;
  options.trusted.add(sample.verifier.key().digest());
  options.expected_digest = sample.commitment.digest();
  options.challenge = &challenge;
  const Verdict bound = verify(sample.commitment, sample.proofs, sample.verifier, options);
  ASSERT_TRUE(bound.ok());
  ASSERT_EQ(bound.notes().size(), 1U);
  EXPECT_EQ(bound.notes()[0], "SRS trust = dev: whoever made it can open to anything");
}

TEST(Verify, SaysThatNoDtypeBoundsTheValues) {
  const Sample sample = test::flat_sample();
  EXPECT_TRUE(
      test::has_note(verify(sample.commitment, sample.proofs, sample.verifier, {}), "names no dtype"));
}

TEST(Verify, NotesComeWithRejectionsToo) {
  const Sample sample = test::flat_sample();
  VerifyOptions options;
  options.expected_digest = Digest{};
  const Verdict verdict = verify(sample.commitment, sample.proofs, sample.verifier, options);
  EXPECT_EQ(verdict.step(), "expected digest");
  EXPECT_TRUE(test::has_note(verdict, "SRS unverified"));
  EXPECT_EQ(test::figure(verdict, "proofs"), "2");
}

TEST(Verify, CeremonyIsQuotedOnlyFromTheList) {
  pst::VerifierKey key = test::flat_sample().srs.verifier_key();
  key.trust = pst::Trust::kCeremony;
  EXPECT_EQ(describe_srs(key, {}).find("SRS unverified"), 0U);
  TrustList trusted;
  trusted.add(key.digest());
  EXPECT_EQ(describe_srs(key, trusted).find("SRS trust = ceremony"), 0U);
  key.trust = pst::Trust::kDev;  // another digest
  EXPECT_EQ(describe_srs(key, trusted).find("SRS unverified"), 0U);
}

TEST(Verify, RefusesAHeaderThatIsNone) {
  const Sample sample = test::flat_sample();
  Commitment invalid = sample.commitment;
  invalid.header.layout.real_count = 11;
  const Verdict verdict = verify(invalid, sample.proofs, sample.verifier, {});
  EXPECT_EQ(verdict.step(), "header");
}

TEST(Verify, RefusesPointsOfNoShape) {
  const Sample sample = test::flat_sample();
  const auto step_with = [&](const Point& point) {
    Proofs proofs = sample.proofs;
    proofs.proofs[1].point = point;
    return verify(sample.commitment, proofs, sample.verifier, {}).step();
  };
  EXPECT_EQ(step_with(Point::on_grid({0, 1, 2})), "proof shape");
  EXPECT_EQ(step_with({{}, {Fr::from_i64(-1)}}), "proof shape");
  EXPECT_EQ(step_with({{}, {}}), "proof shape");
  EXPECT_EQ(step_with({{0, 1}, {Fr::one(), Fr::one()}}), "proof shape");
  Proofs proofs = sample.proofs;
  proofs.proofs[0].opening.quotients.pop_back();
  EXPECT_EQ(verify(sample.commitment, proofs, sample.verifier, {}).step(), "proof shape");
}

TEST(Verify, RefusesAPointOffTheGridTwice) {
  const Sample sample = test::flat_sample();
  const std::vector<Point> points{{{}, {Fr::from_u64(9), Fr::zero()}}};
  Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), points).value();
  EXPECT_TRUE(verify(sample.commitment, proofs, sample.verifier, {}).ok());
  proofs.proofs.push_back(sample.proofs.proofs[0]);
  EXPECT_TRUE(verify(sample.commitment, proofs, sample.verifier, {}).ok());
  proofs.proofs.push_back(proofs.proofs[0]);
  EXPECT_EQ(verify(sample.commitment, proofs, sample.verifier, {}).item(), 2U);
}

// The repeated values of a cube are values of the encoding, and no zeros are asked of them.
TEST(Verify, TakesThePaddingOfACube) {
  const Sample sample = test::cube_sample();
  const Verdict verdict = verify(sample.commitment, sample.proofs, sample.verifier, {});
  EXPECT_TRUE(verdict.ok());
  EXPECT_EQ(test::figure(verdict, "padding positions"), "1");
  EXPECT_NE(sample.proofs.proofs[0].opening.value, Fr::zero());
}

TEST(CrossCheck, ComparesWithWhatWasCaptured) {
  const Sample sample = test::model_sample();
  const Verdict same = cross_check(sample.commitment, sample.proofs, sample.values.view());
  EXPECT_TRUE(same.ok());
  EXPECT_EQ(test::figure(same, "compared"), "1");

  std::vector<std::int64_t> others;
  for (std::size_t i = 0; i < sample.values.size(); ++i) others.push_back(i == 39 ? -7 : 0);
  const std::vector<Point> points{Point::on_grid({1, 0, 1, 0})};  // index 39: layer 1, token 0, entry 3
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), points).value();
  const Verdict differs = cross_check(sample.commitment, proofs, others);
  EXPECT_EQ(differs.step(), "captured values");
  EXPECT_EQ(test::figure(differs, "place"), "layer_1[0, 0, 3]");
  EXPECT_EQ(test::figure(differs, "point"), "1,0,1,0");
  EXPECT_EQ(test::figure(differs, "opened"), "-16889");
  EXPECT_EQ(test::figure(differs, "captured"), "-7");
}

TEST(CrossCheck, InterpolatesOffTheGrid) {
  for (const auto make : {test::flat_sample, test::cube_sample, test::model_sample}) {
    const Sample sample = make();
    std::vector<Fr> coordinates;
    for (std::size_t i = 0; i < sample.srs.axes().count(); ++i)
      coordinates.push_back(i == 1 ? Fr::one() : Fr::from_i64(-3 - static_cast<std::int64_t>(i)));
    const std::vector<Point> points{Point::anywhere(coordinates, sample.srs.axes())};
    Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), points).value();
    EXPECT_TRUE(cross_check(sample.commitment, proofs, sample.values.view()).ok()) << sample.name;
    const std::vector<Fr> coefficients = pst::interpolate(sample.srs.axes(), sample.values.view()).value();
    EXPECT_EQ(proofs.proofs[0].opening.value,
              pst::evaluate(sample.srs.axes(), coefficients, coordinates).value());
    proofs.proofs[0].opening.value += Fr::one();
    const Verdict verdict = cross_check(sample.commitment, proofs, sample.values.view());
    EXPECT_EQ(verdict.step(), "captured values");
    EXPECT_EQ(test::figure(verdict, "place"), "off the grid");
  }
}

TEST(CrossCheck, NamesWhatDoesNotBelong) {
  const Sample sample = test::flat_sample();
  const IntegerView values = sample.values.view();
  EXPECT_EQ(cross_check(sample.commitment, sample.proofs, values.subview(0, 11)).step(), "captured tensor");
  Proofs proofs = sample.proofs;
  proofs.commitment_digest = Digest{};
  EXPECT_EQ(cross_check(sample.commitment, proofs, values).step(), "commitment digest");
  proofs = sample.proofs;
  proofs.proofs[1].point = Point::on_grid({3, 0});
  EXPECT_EQ(cross_check(sample.commitment, proofs, values).step(), "proof shape");
  proofs.proofs.clear();
  EXPECT_EQ(cross_check(sample.commitment, proofs, values).outcome(), Outcome::kInconclusive);
}

}  // namespace
}  // namespace assay::claim
