// The attackers of docs/claim.md, one test each, named as there.
#include <cstring>

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

/// Float layers of one value throughout, as arrays.
Arrays floats_of(float value) {
  static constexpr std::size_t kCount = 24;
  const std::vector<float> values(kCount, value);
  auto bytes = std::make_shared<Bytes>(kCount * sizeof(float));
  std::memcpy(bytes->data(), values.data(), bytes->size());
  return {{{"layer_0", tensor::Dtype::kF32, {1, 2, 12}, *bytes, bytes}}, {}, true};
}

/// Zeros under an encoding, and the verdict of a verifier that captured other values.
Verdict zeros_against(float captured, const encode::Encoding& encoding, const Expectation& expected) {
  SubjectOptions how;
  how.encoding = encoding;
  how.layout = encode::Layout::Kind::kModel;
  const Subject zeros = make_subject(floats_of(0), how, "zeros").value();
  const pst::Srs srs = pst::Srs::dev(zeros.header.layout.axes, 3).value();
  const Commitment commitment = commit(srs, zeros.header, zeros.values.view()).value();
  const std::vector<Query> points{Query::on_grid(zeros.header.layout.axes.coordinates_of(5))};
  const Proofs proofs = prove(srs, commitment, zeros.values.view(), points).value();
  const Captured own = captured_like(commitment.header, floats_of(captured), {}, "own").value();
  VerifyOptions options;
  options.captured = &own;
  options.expected = expected;
  return verify_bytes(commitment, proofs, TensorChecker(srs.verifier_key()), options);
}

// With every place rounded away zeros agree with whatever is small.
TEST(Attack, LossyEncodingUnderWhichZerosAgree) {
  using Kind = encode::Encoding::Kind;
  const Verdict verdict = zeros_against(0.25F, {Kind::kDecimal, 0}, {});
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "encoding");
  EXPECT_EQ(test::figure(verdict, "largest hidden error"), "0.5 in the unit of the values");
  EXPECT_EQ((Verification{verdict, {}, {}}.verified(0)), true) << "the proof holds, whatever it is worth";
  EXPECT_EQ(test::figure(verdict, "encoding"), "decimal:0, self-reported");
  EXPECT_EQ(test::figure(zeros_against(0.0004F, {Kind::kDecimal, 3}, {}), "largest hidden error"),
            "0.0005 in the unit of the values");
  // What does not agree even so is rejected.
  EXPECT_EQ(zeros_against(0.75F, {Kind::kDecimal, 0}, {}).step(), "captured values");

  Expectation expected;
  expected.encoding = encode::Encoding{Kind::kDecimal, 0};
  const Verdict asked_for = zeros_against(0.25F, {Kind::kDecimal, 0}, expected);
  EXPECT_TRUE(asked_for.ok()) << asked_for.step();
  EXPECT_EQ(test::figure(asked_for, "largest hidden error"), "0.5 in the unit of the values");
  expected.encoding = encode::Encoding{Kind::kBits, 0};
  EXPECT_EQ(zeros_against(0.25F, {Kind::kDecimal, 0}, expected).step(), "expectation");
}

// `bits`, and a decimal with places enough for every float, hide nothing.
TEST(Attack, EncodingsThatLoseNothingAreTaken) {
  using Kind = encode::Encoding::Kind;
  EXPECT_EQ(zeros_against(0.25F, {Kind::kBits, 0}, {}).step(), "captured values");
  const Verdict bits = zeros_against(0, {Kind::kBits, 0}, {});
  EXPECT_TRUE(bits.ok());
  EXPECT_EQ(bits.figure("largest hidden error"), nullptr);
  EXPECT_TRUE(zeros_against(0, {Kind::kDecimal, 149}, {}).ok());
  EXPECT_EQ(zeros_against(0, {Kind::kDecimal, 148}, {}).step(), "encoding");
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
    list[0].query = {{}, list[0].query.coordinates(), {}};
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
  const Proofs off_grid = test::edited(forged, [&](auto& list) { list[0].query = {{}, outside, {}}; });
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
  ASSERT_TRUE(trusted.add(sample.srs.verifier_key().digest(), "ours").ok());
  VerifyOptions options;
  options.trusted = trusted;
  const Verdict fooled = verify_bytes(forged, proofs, TensorChecker(own.verifier_key()), options);
  EXPECT_TRUE(fooled.ok());
  EXPECT_TRUE(test::assumes(fooled, "SRS unverified"));
  EXPECT_FALSE(test::assumes(fooled, "trusted by"));
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

// Whoever answers such a challenge would be rejected for it.
TEST(Attack, ChallengeThatHidesAnEntryInAPointAnywhere) {
  const Sample sample = test::flat_sample();
  Query hidden;
  hidden.field = {Fr::from_u64(1), Fr::from_u64(1)};
  const Challenge asked{sample.commitment.digest(), {sample.asked[0], hidden}};
  const Error refused = asked.check(sample.commitment).error();
  EXPECT_EQ(refused.code, ErrorCode::kNonCanonical);
  EXPECT_EQ(refused.to_string(), "challenge, point 1: 1,1: a point of the grid must be written as one");
  const std::vector<Query> answered{sample.asked[0], Query::on_grid({1, 1})};
  VerifyOptions options;
  options.challenge = &asked;
  const Verdict verdict = verify_bytes(
      sample.commitment, prove(sample.srs, sample.commitment, sample.values.view(), answered).value(),
      sample.checker, options);
  EXPECT_EQ(verdict.step(), "challenge");
  EXPECT_EQ(verdict.item(), 1U);
  EXPECT_EQ(verdict.reason(),
            "the challenge itself asks for 1,1: a point of the grid must be written as one");
}

// Padding opens to what everybody knows beforehand.
TEST(Attack, ChallengeOfPaddingAlone) {
  for (const Sample& sample : {test::model_sample(), test::cube_sample()}) {
    const Challenge asked{sample.commitment.digest(), sample.asked};
    EXPECT_EQ(asked.check(sample.commitment).error().code, ErrorCode::kOutOfRange);
    VerifyOptions options;
    options.challenge = &asked;
    const Verdict verdict = verify_bytes(sample.commitment, sample.proofs, sample.checker, options);
    EXPECT_EQ(verdict.step(), "challenge");
    EXPECT_EQ(verdict.item(), 0U);
  }
}

// A file does not show who wrote it; the digest that the verifier noted when it drew does.
TEST(Attack, ChallengeWrittenByTheProver) {
  const Sample sample = test::flat_sample();
  const Challenge written =
      Challenge::decode(Challenge{sample.commitment.digest(), sample.asked}.encode(), "challenge").value();
  EXPECT_TRUE(written.check(sample.commitment).ok());
  VerifyOptions options;
  options.challenge = &written;
  const Verdict unknown = verify_bytes(sample.commitment, sample.proofs, sample.checker, options);
  EXPECT_TRUE(unknown.ok());
  EXPECT_TRUE(test::has_note(unknown, "nothing shows that the verifier drew the challenge"));

  // One more than was written, so that chance cannot draw the same.
  const Challenge drawn = Challenge::draw(sample.commitment, sample.asked.size() + 1).value();
  options.challenge_digest = drawn.digest();
  EXPECT_EQ(verify_bytes(sample.commitment, sample.proofs, sample.checker, options).step(), "challenge");
  const Proofs answer = prove(sample.srs, sample.commitment, sample.values.view(), drawn.queries).value();
  const Challenge kept = Challenge::decode(drawn.encode(), "challenge").value();
  options.challenge = &kept;
  const Verdict bound = verify_bytes(sample.commitment, answer, sample.checker, options);
  EXPECT_TRUE(bound.ok());
  EXPECT_FALSE(test::has_note(bound, "challenge"));
  // Drawn by this very program it needs no digest; from a seed it does.
  options.challenge_digest.reset();
  options.challenge = &drawn;
  EXPECT_FALSE(test::has_note(verify_bytes(sample.commitment, answer, sample.checker, options), "challenge"));
  EXPECT_FALSE(Challenge::from_seed(sample.commitment, 2, 1).value().drawn_here);
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
