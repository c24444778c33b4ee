#include <gtest/gtest.h>

#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;
using test::to_fr;

class Verify : public ::testing::Test {
 protected:
  static Statement honest(const Srs& srs, IntegerView values, std::span<const std::uint32_t> point) {
    return {commit(srs, values).value(), to_fr(point), open(srs, values, point).value()};
  }
  static G1Affine shifted(const G1Affine& point) { return curve::add(point, G1Affine::generator()); }

  test::Random random_{1};
  Axes axes_ = axes_of({3, 1, 4, 2});
  std::vector<Fr> secrets_ = random_.fields(4);
  Srs srs_ = Srs::from_secrets(axes_, secrets_).value();
  Verifier verifier_{srs_.verifier_key()};
  std::vector<std::int32_t> values_ = random_.words<std::int32_t>(24);
  Statement statement_ = honest(srs_, values_, std::vector<std::uint32_t>{2, 0, 3, 1});
};

TEST_F(Verify, AcceptsTheHonestProof) {
  ASSERT_TRUE(verifier_.check(statement_).ok());
  EXPECT_EQ(verifier_.key(), srs_.verifier_key());
}

TEST_F(Verify, RejectsAnotherValue) {
  for (const Fr& delta : {Fr::one(), -Fr::one(), random_.field()}) {
    Statement bad = statement_;
    bad.opening.value += delta;
    EXPECT_EQ(verifier_.check(bad).step(), "opening equation");
  }
  Statement negated = statement_;
  negated.opening.value = -negated.opening.value;
  EXPECT_EQ(verifier_.check(negated).step(), "opening equation");
}

TEST_F(Verify, RejectsAnotherCoordinate) {
  for (const std::size_t i : {0, 2, 3}) {
    Statement bad = statement_;
    bad.point[i] -= Fr::one();
    EXPECT_EQ(verifier_.check(bad).step(), "opening equation") << i;
  }
  // An axis of one node carries a constant: the statement is true at every coordinate.
  Statement other = statement_;
  other.point[1] = random_.field();
  EXPECT_TRUE(verifier_.check(other).ok());
}

TEST_F(Verify, RejectsAnotherProofPointOrCommitment) {
  for (const std::size_t i : {0, 2, 3}) {
    Statement bad = statement_;
    bad.opening.quotients[i] = shifted(bad.opening.quotients[i]);
    EXPECT_EQ(verifier_.check(bad).step(), "opening equation") << i;
    bad.opening.quotients[i] = G1Affine::infinity();
    EXPECT_EQ(verifier_.check(bad).step(), "opening equation") << i;
    bad.opening.quotients[i] = curve::negate(statement_.opening.quotients[i]);
    EXPECT_EQ(verifier_.check(bad).step(), "opening equation") << i;
  }
  Statement bad = statement_;
  bad.commitment = shifted(bad.commitment);
  EXPECT_EQ(verifier_.check(bad).step(), "opening equation");
  bad.commitment = G1Affine::infinity();
  EXPECT_EQ(verifier_.check(bad).step(), "opening equation");
}

TEST_F(Verify, RejectsSwappedQuotients) {
  Statement bad = statement_;
  std::swap(bad.opening.quotients[0], bad.opening.quotients[2]);
  EXPECT_EQ(verifier_.check(bad).step(), "opening equation");
}

TEST_F(Verify, RejectsOtherSizes) {
  const auto step_with = [&](std::size_t coordinates, std::size_t quotients) {
    Statement bad = statement_;
    bad.point.resize(coordinates);
    bad.opening.quotients.resize(quotients);
    return verifier_.check(bad).step();
  };
  EXPECT_EQ(step_with(3, 4), "proof shape");
  EXPECT_EQ(step_with(5, 4), "proof shape");
  EXPECT_EQ(step_with(4, 3), "proof shape");
  EXPECT_EQ(step_with(4, 5), "proof shape");
  EXPECT_EQ(step_with(0, 0), "proof shape");
  EXPECT_EQ(step_with(5, 5), "proof shape");
}

TEST_F(Verify, RejectsPointsOffTheCurve) {
  Statement bad = statement_;
  bad.commitment.y.limbs[0] ^= 1;
  EXPECT_EQ(verifier_.check(bad).step(), "proof points");
  EXPECT_NE(verifier_.check(bad).reason().find("commitment"), std::string::npos);
  bad = statement_;
  bad.opening.quotients[2].x.limbs[3] ^= 1;
  EXPECT_EQ(verifier_.check(bad).step(), "proof points");
  EXPECT_NE(verifier_.check(bad).reason().find("proof point 2"), std::string::npos);
}

// [t_1]_2 has no use in an honest proof, so a proof point there could only help to cheat.
TEST_F(Verify, AnAxisOfOneNodeHasItsQuotientAtInfinity) {
  ASSERT_TRUE(statement_.opening.quotients[1].is_infinity());
  Statement bad = statement_;
  // True by the equation alone: e((z - t) X, [1]) e(X, [t - z]) = 1.
  bad.opening.quotients[1] = G1Affine::generator();
  bad.commitment = curve::add(bad.commitment, test::times_generator(secrets_[1] - bad.point[1]));
  EXPECT_EQ(verifier_.check(bad).step(), "proof shape");
}

TEST_F(Verify, RejectsUnderAnotherSrs) {
  EXPECT_EQ(Verifier(Srs::dev(axes_, 1)->verifier_key()).check(statement_).step(), "opening equation");
  const Axes shorter = axes_of({3, 4, 2});
  EXPECT_EQ(Verifier(Srs::dev(shorter, 1)->verifier_key()).check(statement_).step(), "proof shape");
}

// What the label "dev" means: whoever knows one secret opens any commitment to anything.
TEST_F(Verify, WhoKnowsASecretOpensToAnything) {
  Statement forged = statement_;
  forged.opening.value = random_.field();
  const Fr lie = statement_.opening.value - forged.opening.value;
  const Fr factor = lie * (secrets_[0] - forged.point[0]).inverse();
  forged.opening.quotients[0] = curve::add(forged.opening.quotients[0], test::times_generator(factor));
  EXPECT_TRUE(verifier_.check(forged).ok());
}

// Proofs are no identifiers: the equation has a solution for every X.
TEST_F(Verify, ProofsAreMalleable) {
  Statement other = statement_;
  const Fr x = random_.field();
  other.opening.quotients[0] =
      curve::add(other.opening.quotients[0], test::times_generator(x * (secrets_[2] - other.point[2])));
  other.opening.quotients[2] =
      curve::add(other.opening.quotients[2], test::times_generator(-x * (secrets_[0] - other.point[0])));
  EXPECT_TRUE(verifier_.check(other).ok());
}

class VerifyAll : public Verify {
 protected:
  void SetUp() override {
    for (std::uint64_t k = 0; k < 7; ++k) {
      const std::vector<std::int16_t> values = random_.words<std::int16_t>(24);
      statements_.push_back(honest(srs_, values, random_.grid_point(axes_)));
    }
    const std::vector<Fr> anywhere = random_.fields(4);
    statements_.push_back({statement_.commitment, anywhere, open_at(srs_, values_, anywhere).value()});
  }
  std::vector<Statement> statements_;
};

TEST_F(VerifyAll, AcceptsManyHonestOnes) {
  EXPECT_TRUE(verifier_.check_all(statements_).ok());
  EXPECT_TRUE(verifier_.check_all(std::span(statements_).first(1)).ok());
}

TEST_F(VerifyAll, NamesTheFirstBadOne) {
  for (std::size_t k = 0; k < statements_.size(); ++k) {
    std::vector<Statement> some = statements_;
    some[k].opening.value += Fr::one();
    some.back().opening.value += Fr::one();
    const Verdict verdict = verifier_.check_all(some);
    EXPECT_EQ(verdict.step(), "opening equation");
    EXPECT_EQ(verdict.item(), k);
  }
}

// Errors that cancel in the plain sum do not cancel under random weights.
TEST_F(VerifyAll, ErrorsDoNotCancel) {
  statements_[1].opening.value += Fr::one();
  statements_[2].opening.value -= Fr::one();
  EXPECT_EQ(verifier_.check_all(statements_).item(), 1U);
  std::swap(statements_[3].opening, statements_[4].opening);
  EXPECT_FALSE(verifier_.check_all(std::span(statements_).subspan(3)).ok());
}

TEST_F(VerifyAll, NamesABadShape) {
  statements_[3].opening.quotients.pop_back();
  const Verdict verdict = verifier_.check_all(statements_);
  EXPECT_EQ(verdict.step(), "proof shape");
  EXPECT_EQ(verdict.item(), 3U);
}

TEST_F(VerifyAll, IsInconclusiveWithoutRandomness) {
  World world = World::system();
  world.fill_random = [](std::span<std::uint8_t>) -> Status {
    return Error{ErrorCode::kIo, "random", "none"};
  };
  const Verdict verdict = verifier_.check_all(statements_, world);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "random weights");
}

TEST_F(VerifyAll, NothingToCheckIsNoAcceptance) {
  EXPECT_EQ(verifier_.check_all({}).outcome(), Outcome::kInconclusive);
}

}  // namespace
}  // namespace assay::pst
