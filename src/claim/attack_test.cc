// The attackers of docs/claim.md, one test each, named as there.
#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Sample;

/// verify() on the encoded and decoded files, as a program does it.
Verdict verify_bytes(const Commitment& commitment, const Proofs& proofs, const Checker& verifier,
                     const VerifyOptions& options = {}) {
  return test::verdict_of(Commitment::decode(commitment.encode(), "commitment").value(),
                          Proofs::decode(proofs.encode(), "proofs").value(), verifier, options);
}

VerifyOptions expecting(const Commitment& commitment) {
  VerifyOptions options;
  options.expected_digest = commitment.digest();
  return options;
}

/// Proofs for the points of `honest`, of other values but under the name of this commitment.
Proofs proofs_of(const Sample& sample, const IntegerView& values, const Commitment& commitment) {
  Proofs out(commitment.digest(), sample.proofs.axis_count);
  for (const Query& query : sample.asked)
    out.add(query, test::answer_of(pst::open(sample.srs, values, query.grid).value()));
  return out;
}

TEST(Attack, HeaderSwappedUnderTheSamePoint) {
  const Sample sample = test::model_sample();
  Commitment relabelled = sample.commitment;
  relabelled.header.capture_mode = CaptureMode::kPrefill;
  EXPECT_EQ(verify_bytes(relabelled, sample.proofs, sample.checker).step(), "commitment digest");

  Proofs renamed = sample.proofs;
  renamed.commitment_digest = relabelled.digest();
  EXPECT_EQ(verify_bytes(relabelled, renamed, sample.checker, expecting(sample.commitment)).step(),
            "expected digest");
  // Without a digest agreed on before, nobody can tell; the verdict says so.
  const Verdict unbound = verify_bytes(relabelled, renamed, sample.checker);
  EXPECT_TRUE(unbound.ok());
  EXPECT_TRUE(test::has_note(unbound, "not compared with one agreed on before"));
}

TEST(Attack, DtypeRelabelledSoThatTheRangeIsWider) {
  const Sample sample = test::model_sample();
  Commitment relabelled = sample.commitment;
  relabelled.header.dtype = tensor::Dtype::kF32;
  Proofs renamed = sample.proofs;
  renamed.commitment_digest = relabelled.digest();
  EXPECT_EQ(verify_bytes(relabelled, renamed, sample.checker, expecting(sample.commitment)).step(),
            "expected digest");
}

TEST(Attack, PointSwappedUnderTheSameHeader) {
  const Sample sample = test::flat_sample();
  std::vector<std::int64_t> others(12, 9);
  const Commitment swapped{sample.commitment.header, curve::encode(pst::commit(sample.srs, others).value())};
  const Proofs forged = proofs_of(sample, others, swapped);
  EXPECT_EQ(verify_bytes(swapped, sample.proofs, sample.checker).step(), "commitment digest");
  EXPECT_EQ(verify_bytes(swapped, forged, sample.checker, expecting(sample.commitment)).step(),
            "expected digest");
  Proofs renamed = sample.proofs;
  renamed.commitment_digest = swapped.digest();
  EXPECT_EQ(verify_bytes(swapped, renamed, sample.checker).step(), "opening equation");
}

TEST(Attack, ProofsOfAnotherCommitment) {
  const Sample sample = test::flat_sample();
  std::vector<std::int64_t> others(12, 9);
  const Commitment other = commit(sample.srs, sample.commitment.header, others).value();
  Proofs forged = proofs_of(sample, others, other);
  EXPECT_EQ(verify_bytes(sample.commitment, forged, sample.checker).step(), "commitment digest");
  forged.commitment_digest = sample.commitment.digest();
  const Verdict verdict = verify_bytes(sample.commitment, forged, sample.checker);
  EXPECT_EQ(verdict.step(), "opening equation");
  EXPECT_EQ(verdict.item(), 0U);
  EXPECT_EQ(test::figure(verdict, "point"), "0,0");
}

TEST(Attack, ValueChanged) {
  const Sample sample = test::flat_sample();
  const Proofs forged = test::edited(sample.proofs, [](auto& list) { list[1].answer.value += Fr::one(); });
  const Verdict verdict = verify_bytes(sample.commitment, forged, sample.checker);
  EXPECT_EQ(verdict.step(), "opening equation");
  EXPECT_EQ(test::figure(verdict, "point"), "1,3");
}

TEST(Attack, PointsSwappedBetweenProofs) {
  const Sample sample = test::flat_sample();
  const Proofs forged =
      test::edited(sample.proofs, [](auto& list) { std::swap(list[0].query, list[1].query); });
  EXPECT_EQ(verify_bytes(sample.commitment, forged, sample.checker).step(), "opening equation");
}

TEST(Attack, OneProofSentTwiceToCountAsTwo) {
  const Sample sample = test::flat_sample();
  const Proofs forged = test::edited(sample.proofs, [](auto& list) { list.push_back(list[0]); });
  const Verdict verdict = verify_bytes(sample.commitment, forged, sample.checker);
  EXPECT_EQ(verdict.step(), "proof shape");
  EXPECT_EQ(verdict.item(), 2U);
}

// The value plus r stands for the same residue; only one of the two is a value.
TEST(Attack, ValueShiftedByTheGroupOrder) {
  const Sample sample = test::flat_sample();
  Bytes bytes = sample.proofs.encode();
  const std::size_t value_at = 52 + 1 + 4 * 2;
  __extension__ unsigned __int128 carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += bytes[value_at + i];
    carry += kScalarModulus[i / 8] >> (8 * (i % 8)) & 0xff;
    bytes[value_at + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  const Result<Proofs> decoded = Proofs::decode(bytes, "proofs");
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code, ErrorCode::kNonCanonical);
}

TEST(Attack, ValueOutOfRangeThatOpensCorrectly) {
  const Sample sample = test::model_sample();
  std::vector<std::int64_t> values(72, 0);
  values[0] = 40000;
  EXPECT_FALSE(commit(sample.srs, sample.commitment.header, values).ok());  // an honest program stops here
  const Commitment forged{sample.commitment.header, curve::encode(pst::commit(sample.srs, values).value())};
  const std::vector<Query> points{Query::on_grid({0, 0, 0, 0})};
  const Proofs proofs = prove(sample.srs, forged, values, points).value();
  const Verdict verdict = verify_bytes(forged, proofs, sample.checker);
  EXPECT_EQ(verdict.step(), "value range");
  EXPECT_EQ(verdict.item(), 0U);
}

// Here the range alone can tell: every integer is a number.
TEST(Attack, IntegerWiderThanItsDtypeThatOpensCorrectly) {
  const Sample sample = test::flat_sample();
  Header header = sample.commitment.header;
  header.encoding = encode::Encoding{};
  header.dtype = tensor::Dtype::kI8;
  const std::vector<Query> points{Query::on_grid({0, 0})};
  for (const std::int64_t value : {127, -128, 128, -129, 40000}) {
    std::vector<std::int64_t> values(12, 0);
    values[0] = value;
    const Commitment claimed{header, curve::encode(pst::commit(sample.srs, values).value())};
    const Proofs proofs = prove(sample.srs, claimed, values, points).value();
    const Verdict verdict = verify_bytes(claimed, proofs, sample.checker);
    const bool fits = value >= -128 && value <= 127;
    EXPECT_EQ(verdict.ok(), fits) << value;
    EXPECT_EQ(verdict.step(), fits ? "" : "value range") << value;
  }
}

// Inside the bounds of the bit patterns lie those of infinities and NaN.
TEST(Attack, NanThatOpensCorrectly) {
  const Sample sample = test::model_sample();
  for (const std::int64_t pattern : {-1, -128}) {
    std::vector<std::int64_t> values(72, 0);
    values[0] = pattern;
    const Commitment forged{sample.commitment.header, curve::encode(pst::commit(sample.srs, values).value())};
    const std::vector<Query> points{Query::on_grid({0, 0, 0, 0})};
    const Proofs proofs = prove(sample.srs, forged, values, points).value();
    EXPECT_EQ(verify_bytes(forged, proofs, sample.checker).step(), "value range") << pattern;
  }
}

TEST(Attack, PaddingOfAModelLayoutThatIsNotZero) {
  const Sample sample = test::model_sample();
  std::vector<std::int64_t> values(72, 0);
  values[17] = 3;
  const Commitment forged{sample.commitment.header, curve::encode(pst::commit(sample.srs, values).value())};
  const Proofs proofs = proofs_of(sample, values, forged);
  const Verdict verdict = verify_bytes(forged, proofs, sample.checker);
  EXPECT_EQ(verdict.step(), "padding");
  EXPECT_EQ(test::figure(verdict, "point"), "0,0,5,2");
}

// A point of the grid in the form of others would escape the range and the padding.
TEST(Attack, GridPointWrittenAsAPointOffTheGrid) {
  const Sample sample = test::model_sample();
  const Proofs forged = test::edited(sample.proofs, [](auto& list) {
    list[0].query = {{}, list[0].query.coordinates()};
  });
  EXPECT_EQ(verify_bytes(sample.commitment, forged, sample.checker).step(), "proof shape");
}

TEST(Attack, GridPointOutsideTheAxes) {
  const Sample sample = test::flat_sample();
  const std::vector<Fr> outside{Fr::from_u64(3), Fr::from_u64(0)};
  const Answer answer = test::answer_of(pst::open_at(sample.srs, sample.values.view(), outside).value());
  const Proofs forged = test::edited(sample.proofs, [&](auto& list) {
    list[0] = {Query::on_grid({3, 0}), answer};
  });
  EXPECT_EQ(verify_bytes(sample.commitment, forged, sample.checker).step(), "proof shape");
  // Said to be off the grid, where it is, it is an honest opening.
  const Proofs off_grid = test::edited(forged, [&](auto& list) { list[0].query = {{}, outside}; });
  const Verdict honest = verify_bytes(sample.commitment, off_grid, sample.checker);
  EXPECT_TRUE(honest.ok()) << honest.step();
  EXPECT_TRUE(test::has_note(honest, "1 of the points are off the grid"));
}

TEST(Attack, SrsOfOtherAxes) {
  const Sample sample = test::flat_sample();
  const pst::Srs other = pst::Srs::dev(test::axes_of({4, 3}), 7).value();
  EXPECT_EQ(verify_bytes(sample.commitment, sample.proofs, TensorChecker(other.verifier_key())).step(),
            "SRS digest");
  // A header that names it all the same.
  Commitment forged = sample.commitment;
  forged.header.setup_digest = other.verifier_key().digest();
  Proofs renamed = sample.proofs;
  renamed.commitment_digest = forged.digest();
  EXPECT_EQ(verify_bytes(forged, renamed, TensorChecker(other.verifier_key())).step(), "axes");
}

TEST(Attack, ProofsOfOtherAxisCount) {
  const Sample sample = test::flat_sample();
  Proofs forged = test::cube_sample().proofs;
  forged.commitment_digest = sample.commitment.digest();
  EXPECT_EQ(verify_bytes(sample.commitment, forged, sample.checker).step(), "axes");
}

TEST(Attack, AnotherSrsOfTheSameAxes) {
  const Sample sample = test::flat_sample();
  const pst::Srs other = pst::Srs::dev(test::axes_of({3, 4}), 8).value();
  EXPECT_EQ(verify_bytes(sample.commitment, sample.proofs, TensorChecker(other.verifier_key())).step(),
            "SRS digest");
  Commitment forged = sample.commitment;
  forged.header.setup_digest = other.verifier_key().digest();
  Proofs renamed = sample.proofs;
  renamed.commitment_digest = forged.digest();
  EXPECT_EQ(verify_bytes(forged, renamed, TensorChecker(other.verifier_key())).step(), "opening equation");
}

// Whoever supplies the SRS knows its secrets and opens to anything. Only the verifier's own list or file can
// tell.
TEST(Attack, VerifierKeySwappedByTheProver) {
  const Sample sample = test::flat_sample();
  const std::vector<Fr> secrets{Fr::from_u64(1234567), Fr::from_u64(7654321)};
  const pst::Srs own = pst::Srs::from_secrets(test::axes_of({3, 4}), secrets).value();
  Commitment forged = sample.commitment;
  forged.header.setup_digest = own.verifier_key().digest();
  // p(t) - y = (t_0 - z_0) q with any y: q is a number that the owner of the secrets computes.
  const Fr claimed = Fr::from_u64(666);
  const Fr q = -claimed * (secrets[0] - Fr::zero()).inverse();
  const G1Affine from_commitment =
      curve::multiply_vartime(test::point_of(forged), (secrets[0] - Fr::zero()).inverse());
  const G1Affine quotient = curve::add(from_commitment, curve::multiply_vartime(G1Affine::generator(), q));
  Proofs proofs(forged.digest(), 2);
  proofs.add(Query::on_grid({0, 0}), test::answer_of({claimed, {quotient, G1Affine::infinity()}}));

  TrustList trusted;
  trusted.add(sample.srs.verifier_key().digest());
  VerifyOptions options;
  options.trusted = trusted;
  const Verdict fooled = verify_bytes(forged, proofs, TensorChecker(own.verifier_key()), options);
  EXPECT_TRUE(fooled.ok());
  EXPECT_TRUE(test::assumes(fooled, "SRS unverified"));
  EXPECT_FALSE(test::assumes(fooled, "trust ="));
  EXPECT_EQ(verify_bytes(forged, proofs, sample.checker, options).step(), "SRS digest");
}

TEST(Attack, ChallengeAnsweredForOtherPoints) {
  const Sample sample = test::flat_sample();
  const auto answer = [&](const Challenge& asked, const Proofs& proofs) {
    VerifyOptions options;
    options.challenge = &asked;
    return verify_bytes(sample.commitment, proofs, sample.checker, options);
  };
  const Challenge asked{sample.commitment.digest(), sample.asked};
  EXPECT_TRUE(answer(asked, sample.proofs).ok());
  EXPECT_FALSE(test::has_note(answer(asked, sample.proofs), "challenge"));

  const std::vector<Query> others{Query::on_grid({0, 0}), Query::on_grid({2, 2})};
  const Verdict other =
      answer(asked, prove(sample.srs, sample.commitment, sample.values.view(), others).value());
  EXPECT_EQ(other.step(), "challenge");
  EXPECT_EQ(other.item(), 1U);
}

TEST(Attack, ChallengeAnsweredInAnotherOrderOrInPart) {
  const Sample sample = test::flat_sample();
  const Challenge asked{sample.commitment.digest(), sample.asked};
  VerifyOptions options;
  options.challenge = &asked;
  const Proofs turned = test::edited(sample.proofs, [](auto& list) { std::swap(list[0], list[1]); });
  EXPECT_EQ(verify_bytes(sample.commitment, turned, sample.checker, options).step(), "challenge");
  const Proofs part = test::edited(sample.proofs, [](auto& list) { list.pop_back(); });
  EXPECT_EQ(verify_bytes(sample.commitment, part, sample.checker, options).step(), "challenge");
}

TEST(Attack, ChallengeOfAnotherCommitment) {
  const Sample sample = test::flat_sample();
  const Challenge asked{test::cube_sample().commitment.digest(), sample.asked};
  VerifyOptions options;
  options.challenge = &asked;
  EXPECT_EQ(verify_bytes(sample.commitment, sample.proofs, sample.checker, options).step(), "challenge");
}

// A challenge has points of the grid: no answer off it counts.
TEST(Attack, ChallengeAnsweredOffTheGrid) {
  const Sample sample = test::flat_sample();
  const Challenge asked{sample.commitment.digest(), {Query::on_grid({0, 0})}};
  VerifyOptions options;
  options.challenge = &asked;
  const std::vector<Query> points{Query::anywhere({Fr::from_u64(9), Fr::zero()}, sample.srs.axes())};
  const Proofs proofs = prove(sample.srs, sample.commitment, sample.values.view(), points).value();
  EXPECT_EQ(verify_bytes(sample.commitment, proofs, sample.checker, options).step(), "challenge");
}

TEST(Attack, NoProofsAtAll) {
  const Sample sample = test::flat_sample();
  const Proofs none(sample.commitment.digest(), 2);
  const Verdict verdict = verify_bytes(sample.commitment, none, sample.checker);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "no proofs");
}

}  // namespace
}  // namespace assay::claim
