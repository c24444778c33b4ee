// Openings of many points in two, and the forgeries that each thing in the transcript is there for.
#include <gtest/gtest.h>

#include "kzg/many.h"
#include "kzg/polynomial.h"
#include "kzg/test_support.h"

namespace assay::kzg {
namespace {

using internal::ManyTranscript;
using test::Random;

/// Vectors under an SRS with a known secret.
struct ManyCase {
  explicit ManyCase(unsigned log = 4, std::size_t count = 3) : log_size(log) {
    for (std::size_t v = 0; v < count; ++v) {
      data.push_back(random.words<std::int16_t>(srs.size() - v));
      names.push_back(random.digest());
    }
    for (std::size_t v = 0; v < count; ++v)
      vectors.push_back({names[v], commit(srs, data[v]).value(), data[v]});
  }

  [[nodiscard]] std::vector<Claim> claims(std::span<const Question> questions,
                                          const std::vector<Fr>& values) const {
    std::vector<Claim> out;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const Vector& vector = vectors[questions[i].vector];
      out.push_back({vector.name, vector.commitment, questions[i].point, values[i]});
    }
    return out;
  }

  unsigned log_size;
  Random random{1};
  Fr tau = random.field();
  Srs srs = Srs::from_secret(log_size, tau).value();
  Verifier verifier{srs.verifier_key()};
  std::vector<std::vector<std::int16_t>> data;
  std::vector<Digest> names;
  std::vector<Vector> vectors;
};

/// p_v(tau) and p_v(z) from the definitions, D and the last quotient in the exponent.
ManyProof proof_by_definition(const ManyCase& c, std::span<const Question> questions) {
  std::vector<Fr> values;
  for (const Question& q : questions) values.push_back(test::evaluate(c.log_size, c.data[q.vector], q.point));
  const std::vector<Claim> claims = c.claims(questions, values);
  ManyTranscript transcript(c.srs.verifier_key().digest(), claims);
  Fr difference = Fr::zero(), power = Fr::one();
  for (std::size_t i = 0; i < questions.size(); ++i, power *= transcript.weight()) {
    const Fr at_secret = test::evaluate(c.log_size, c.data[questions[i].vector], c.tau);
    difference += power * (at_secret - values[i]) * (c.tau - questions[i].point).inverse();
  }
  ManyProof proof{test::times_generator(difference), {}};
  const Fr t = transcript.point(proof.difference);
  Fr sum = -difference;
  power = Fr::one();
  for (std::size_t i = 0; i < questions.size(); ++i, power *= transcript.weight()) {
    const Fr at_secret = test::evaluate(c.log_size, c.data[questions[i].vector], c.tau);
    sum += power * (t - questions[i].point).inverse() * (at_secret - values[i]);
  }
  proof.quotient = test::times_generator(sum * (c.tau - t).inverse());
  return proof;
}

class KzgMany : public ::testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_kernel(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(force_kernel(before_).ok()); }
  std::string_view before_ = active_kernel();
};

// Few and many points of a vector, nodes and others, one asked about twice, in any order.
TEST_P(KzgMany, IsTheProofOfTheDefinition) {
  ManyCase c;
  std::vector<std::vector<Question>> lists = {{{0, node_of(4, 3)}}, {{1, c.random.field()}}};
  std::vector<Question> mixed;
  for (std::uint64_t i = 0; i < 16; i += 2) mixed.push_back({1, node_of(4, i)});
  mixed.push_back({2, node_of(4, 2)});
  mixed.push_back({1, node_of(4, 4)});
  mixed.push_back({1, c.random.field()});
  mixed.push_back({2, Fr::zero()});
  for (std::uint64_t i = 0; i < 6; ++i) mixed.push_back({0, node_of(4, 15 - i)});
  lists.push_back(mixed);
  for (const std::vector<Question>& questions : lists) {
    const ManyOpening opening = open_many(c.srs, c.vectors, questions).value();
    for (std::size_t i = 0; i < questions.size(); ++i)
      EXPECT_EQ(opening.values[i],
                test::evaluate(c.log_size, c.data[questions[i].vector], questions[i].point));
    EXPECT_EQ(opening.proof, proof_by_definition(c, questions));
    EXPECT_TRUE(c.verifier.check_many(c.claims(questions, opening.values), opening.proof).ok());
    const auto bytes = opening.proof.encode();
    EXPECT_EQ(ManyProof::decode(bytes, "test").value(), opening.proof);
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, KzgMany, ::testing::ValuesIn(available_kernels()),
                         [](const auto& kernel) { return std::string(kernel.param); });

TEST(KzgManyProof, OfALargeVector) {
  ManyCase c(13, 1);
  std::vector<Question> questions;
  for (std::uint64_t i = 0; i < 200; ++i) questions.push_back({0, node_of(13, c.random.below(c.srs.size()))});
  const ManyOpening opening = open_many(c.srs, c.vectors, questions).value();
  EXPECT_TRUE(c.verifier.check_many(c.claims(questions, opening.values), opening.proof).ok());
}

TEST(KzgManyProof, RefusesWhatIsNotThere) {
  const ManyCase c;
  EXPECT_EQ(open_many(c.srs, c.vectors, {}).error().code, ErrorCode::kMismatch);
  const Question beyond{3, Fr::one()};
  EXPECT_EQ(open_many(c.srs, c.vectors, {&beyond, 1}).error().code, ErrorCode::kOutOfRange);
  const std::vector<std::int8_t> long_one(17);
  const Vector vector{{}, {}, long_one};
  const Question question{0, Fr::one()};
  EXPECT_EQ(open_many(c.srs, {&vector, 1}, {&question, 1}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(c.verifier.check_many({}, {}).outcome(), Outcome::kInconclusive);
  const Bytes zeros(64), short_one(63);
  EXPECT_EQ(ManyProof::decode(short_one, "test").error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(ManyProof::decode(zeros, "test").ok());
}

struct Proved : ManyCase {
  std::vector<Question> questions{{0, node_of(4, 3)}, {1, node_of(4, 3)}, {2, Fr::from_u64(77)}};
  ManyOpening opening = open_many(srs, vectors, questions).value();
  std::vector<Claim> all = claims(questions, opening.values);

  [[nodiscard]] std::string step(std::span<const Claim> changed, const ManyProof& proof) const {
    return verifier.check_many(changed, proof).step();
  }
};

TEST(KzgCheckMany, RejectsEveryChangedPart) {
  const Proved p;
  ASSERT_TRUE(p.verifier.check_many(p.all, p.opening.proof).ok());
  for (std::size_t i = 0; i < p.all.size(); ++i) {
    std::vector<Claim> changed = p.all;
    changed[i].value += Fr::one();
    EXPECT_EQ(p.step(changed, p.opening.proof), "opening equation");
    changed = p.all;
    changed[i].point = node_of(4, 9);
    EXPECT_EQ(p.step(changed, p.opening.proof), "opening equation");
    changed = p.all;
    changed[i].commitment = curve::negate(changed[i].commitment);
    EXPECT_EQ(p.step(changed, p.opening.proof), "opening equation");
    changed[i].commitment.x = Fp{{1, 0, 0, 0}};
    EXPECT_EQ(p.step(changed, p.opening.proof), "proof points");
    changed = p.all;
    changed[i].name[31] ^= 1;  // the equation has no name: it binds through the challenges
    EXPECT_EQ(p.step(changed, p.opening.proof), "opening equation");
  }
  std::vector<Claim> changed = p.all;
  changed.pop_back();
  EXPECT_EQ(p.step(changed, p.opening.proof), "opening equation");
  changed = p.all;
  changed.push_back(changed.back());
  EXPECT_EQ(p.step(changed, p.opening.proof), "opening equation");
  changed = p.all;
  std::swap(changed[0], changed[1]);
  EXPECT_EQ(p.step(changed, p.opening.proof), "opening equation");
  for (G1Affine ManyProof::*part : {&ManyProof::difference, &ManyProof::quotient}) {
    ManyProof other = p.opening.proof;
    other.*part = curve::add(other.*part, G1Affine::generator());
    EXPECT_EQ(p.step(p.all, other), "opening equation");
    (other.*part).x = Fp{{1, 0, 0, 0}};
    EXPECT_EQ(p.step(p.all, other), "proof points");
  }
}

// The SRS is in the challenges: the same secret under another label is another statement.
TEST(KzgCheckMany, RejectsUnderAnotherLabel) {
  const Proved p;
  VerifierKey key = p.srs.verifier_key();
  key.origin = Origin::kPtau;
  EXPECT_EQ(Verifier(key).check_many(p.all, p.opening.proof).step(), "opening equation");
}

/// The verifier's equation with challenges of somebody's own.
bool equation_holds(const ManyCase& c, std::span<const Claim> claims, const ManyProof& proof,
                    const Fr& weight, const Fr& point) {
  std::vector<curve::PreparedG2> prepared;
  prepared.emplace_back(curve::negate(G2Affine::generator()));
  prepared.emplace_back(c.srs.verifier_key().powers[0]);
  return internal::holds(internal::many_relation(claims, proof, weight, point), prepared);
}

// Were r known before the values are, errors of two values at one point could cancel: (y_0 + d) + r (y_1 -
// d/r).
TEST(KzgCheckMany, ValuesComeBeforeTheWeight) {
  const Proved p;
  ManyTranscript transcript(p.srs.verifier_key().digest(), p.all);
  const Fr r = transcript.weight(), t = transcript.point(p.opening.proof.difference);
  ASSERT_TRUE(equation_holds(p, p.all, p.opening.proof, r, t));
  std::vector<Claim> forged = p.all;
  forged[0].value += Fr::from_u64(5);
  forged[1].value -= Fr::from_u64(5) * r.inverse();
  EXPECT_TRUE(equation_holds(p, forged, p.opening.proof, r, t));
  EXPECT_EQ(p.step(forged, p.opening.proof), "opening equation");
}

// Commitments could be chosen to cancel in E, had they no part in r either.
TEST(KzgCheckMany, CommitmentsComeBeforeTheWeight) {
  const Proved p;
  ManyTranscript transcript(p.srs.verifier_key().digest(), p.all);
  const Fr r = transcript.weight(), t = transcript.point(p.opening.proof.difference);
  const std::vector<Fr> factors = internal::many_factors(p.all, r, t);
  std::vector<Claim> forged = p.all;
  const Fr shift = Fr::from_u64(9);
  forged[0].commitment = curve::add(forged[0].commitment, test::times_generator(shift * factors[2]));
  forged[2].commitment = curve::add(forged[2].commitment, test::times_generator(-shift * factors[0]));
  EXPECT_TRUE(equation_holds(p, forged, p.opening.proof, r, t));
  EXPECT_EQ(p.step(forged, p.opening.proof), "opening equation");
}

TEST(KzgCheckMany, EverythingThatIsClaimedIsInTheWeight) {
  const Proved p;
  const Digest srs = p.srs.verifier_key().digest();
  const auto weight_of = [](const Digest& digest, const std::vector<Claim>& claims) {
    return ManyTranscript(digest, claims).weight();
  };
  const Fr honest = weight_of(srs, p.all);
  Digest other = srs;
  other[0] ^= 1;
  EXPECT_NE(weight_of(other, p.all), honest);
  for (std::size_t i = 0; i < p.all.size(); ++i) {
    std::vector<Claim> changed = p.all;
    changed[i].name[0] ^= 1;
    EXPECT_NE(weight_of(srs, changed), honest);
    changed = p.all;
    changed[i].commitment = curve::negate(changed[i].commitment);
    EXPECT_NE(weight_of(srs, changed), honest);
    changed = p.all;
    changed[i].point += Fr::one();
    EXPECT_NE(weight_of(srs, changed), honest);
    changed = p.all;
    changed[i].value += Fr::one();
    EXPECT_NE(weight_of(srs, changed), honest);
  }
}

// Were t known before D is, D could be chosen so that E - D takes the forged value at t: D = E - y*, with
// infinity for the quotient.
TEST(KzgCheckMany, TheDifferenceComesBeforeThePoint) {
  const Proved p;
  std::vector<Claim> forged = p.all;
  forged[2].value += Fr::from_u64(123456);
  ManyTranscript transcript(p.srs.verifier_key().digest(), forged);
  // The challenge that another D would have had.
  const Fr r = transcript.weight(), guessed = transcript.point(p.opening.proof.difference);
  const std::vector<Fr> factors = internal::many_factors(forged, r, guessed);
  std::vector<G1Affine> commitments;
  Fr value = Fr::zero();
  for (std::size_t i = 0; i < forged.size(); ++i) {
    commitments.push_back(forged[i].commitment);
    value += factors[i] * forged[i].value;
  }
  const ManyProof proof{curve::add(curve::msm_vartime(commitments, factors), test::times_generator(-value)),
                        G1Affine::infinity()};
  EXPECT_TRUE(equation_holds(p, forged, proof, r, guessed));
  EXPECT_EQ(p.step(forged, proof), "opening equation");
}

// Equal powers of r would let a claim stand for another; the first weight is one, and r is not.
TEST(KzgCheckMany, ChallengesHaveAllTheirBits) {
  const Proved p;
  Scalar seen;
  std::vector<Claim> claims = p.all;
  for (std::uint64_t i = 0; i < 40; ++i) {
    claims[0].value = Fr::from_u64(i);
    ManyTranscript transcript(p.srs.verifier_key().digest(), claims);
    const Scalar weight = transcript.weight().to_scalar(), point = transcript.point({}).to_scalar();
    EXPECT_NE(weight, point);
    for (std::size_t word = 0; word < 4; ++word) seen.words[word] |= weight.words[word] & point.words[word];
  }
  EXPECT_EQ(seen.bit_width(), 254u);
  EXPECT_EQ(seen.words[0] & seen.words[1] & seen.words[2], ~std::uint64_t{0});
}

}  // namespace
}  // namespace assay::kzg
