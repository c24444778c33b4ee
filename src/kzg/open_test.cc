// Commitments and openings against the definitions in Fr, and what must not pass as one.
#include <gtest/gtest.h>

#include "kzg/polynomial.h"
#include "kzg/test_support.h"

namespace assay::kzg {
namespace {

using test::Random;

/// Everything that a small SRS with a known secret gives.
struct Known {
  unsigned log_size;
  Fr tau;
  Srs srs;
  Verifier verifier;

  explicit Known(unsigned log, std::uint64_t seed = 1)
      : log_size(log),
        tau(Random(seed).field()),
        srs(Srs::from_secret(log, tau).value()),
        verifier(srs.verifier_key()) {}
};

class KzgOpen : public ::testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_kernel(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(force_kernel(before_).ok()); }
  std::string_view before_ = active_kernel();
};

TEST_P(KzgOpen, BasisAndPowersAreThoseOfTheSecret) {
  for (const unsigned log_size : {1U, 2U, 5U}) {
    const Known known(log_size);
    for (std::uint64_t i = 0; i < known.srs.size(); ++i)
      EXPECT_EQ(known.srs.basis()[i], test::times_generator(test::lagrange(log_size, i, known.tau)));
    for (unsigned j = 0; j < log_size; ++j)
      EXPECT_EQ(
          known.srs.verifier_key().powers[j],
          curve::multiply_vartime(G2Affine::generator(), test::power(known.tau, std::uint64_t{1} << j)));
  }
}

TEST_P(KzgOpen, NodesOfIndices) {
  for (std::uint64_t i = 0; i < 32; ++i) EXPECT_EQ(node_of(5, i), test::node(5, i));
  EXPECT_EQ(node_of(1, 1), -Fr::one());
}

TEST_P(KzgOpen, CommitmentIsThePolynomialAtTheSecret) {
  Random random(2);
  for (const unsigned log_size : {1U, 3U, 6U}) {
    const Known known(log_size);
    const std::vector<std::int16_t> words = random.words<std::int16_t>(known.srs.size());
    const std::vector<Scalar> scalars = random.scalars(known.srs.size() - 1);  // the last value is zero
    for (const IntegerView& values : {IntegerView(words), IntegerView(scalars), IntegerView()})
      EXPECT_EQ(commit(known.srs, values).value(),
                test::times_generator(test::evaluate(log_size, values, known.tau)));
  }
}

TEST_P(KzgOpen, OpensEveryIndexAndPointsBetween) {
  Random random(3);
  for (const unsigned log_size : {1U, 4U}) {
    const Known known(log_size);
    const std::vector<std::int32_t> values = random.words<std::int32_t>(known.srs.size() - 1);
    const G1Affine commitment = commit(known.srs, values).value();
    const Fr at_secret = test::evaluate(log_size, values, known.tau);
    std::vector<Fr> points = {random.field(), Fr::zero(), Fr::from_u64(7)};
    for (std::uint64_t i = 0; i < known.srs.size(); ++i) {
      points.push_back(test::node(log_size, i));
      const Opening opening = open(known.srs, values, i).value();
      EXPECT_EQ(opening.value, i < values.size() ? Fr::from_i64(values[i]) : Fr::zero());
      EXPECT_EQ(opening.quotient, open_at(known.srs, values, points.back())->quotient);
    }
    for (const Fr& point : points) {
      const Opening opening = open_at(known.srs, values, point).value();
      EXPECT_EQ(opening.value, test::evaluate(log_size, values, point));
      EXPECT_EQ(opening.quotient,
                test::times_generator((at_secret - opening.value) * (known.tau - point).inverse()));
      EXPECT_TRUE(known.verifier.check({commitment, point, opening}).ok());
    }
  }
}

// Integers of each width, and of more bits than one product takes.
TEST_P(KzgOpen, EveryWidthOpensAlike) {
  const Known known(5);
  Random random(6);
  const std::vector<std::int8_t> narrow = random.words<std::int8_t>(29);
  const auto widened = [&]<class T>(T) { return std::vector<T>(narrow.begin(), narrow.end()); };
  const auto i16 = widened(std::int16_t{});
  const auto i32 = widened(std::int32_t{});
  const auto i64 = widened(std::int64_t{});
  for (const std::uint64_t index : {0U, 13U, 28U, 29U, 31U}) {
    const Opening expected = open_at(known.srs, narrow, node_of(5, index)).value();
    for (const IntegerView& values :
         {IntegerView(narrow), IntegerView(i16), IntegerView(i32), IntegerView(i64)}) {
      const Opening opening = open(known.srs, values, index).value();
      EXPECT_EQ(opening.value, expected.value);
      EXPECT_EQ(opening.quotient, expected.quotient);
    }
  }
  const std::vector<std::int32_t> extremes = {INT32_MIN, INT32_MAX, -1, 0};
  for (const std::uint64_t index : {0U, 1U, 3U, 7U})
    EXPECT_EQ(open(known.srs, extremes, index)->quotient,
              open_at(known.srs, extremes, node_of(5, index))->quotient);
  const std::vector<std::int64_t> wide = {INT64_MIN, INT64_MAX, -1, 0};  // 64 bits do not hold differences
  for (const std::uint64_t index : {0U, 1U, 3U, 7U})
    EXPECT_EQ(open(known.srs, wide, index)->quotient, open_at(known.srs, wide, node_of(5, index))->quotient);
}

TEST_P(KzgOpen, QuotientsTimesTheirDivisors) {
  Random random(4);
  const RootDomain domain(5);
  std::vector<Fr> values;
  for (std::size_t i = 0; i < domain.size(); ++i) values.push_back(random.field());
  for (const Fr& point : {random.field(), domain.node(0), domain.node(17)}) {
    const internal::Quotient quotient = internal::divide(domain, values, point).value();
    for (std::size_t i = 0; i < domain.size(); ++i)
      EXPECT_EQ(quotient.values[i] * (domain.node(i) - point), values[i] - quotient.value);
    std::vector<Fr> coefficients = quotient.values;
    domain.interpolate(coefficients);
    EXPECT_TRUE(coefficients.back().is_zero());
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, KzgOpen, ::testing::ValuesIn(available_kernels()),
                         [](const auto& kernel) { return std::string(kernel.param); });

TEST(KzgOpening, OfADomainThatThreadsShare) {
  const Known known(14);
  const std::vector<std::int16_t> values = Random(5).words<std::int16_t>(known.srs.size());
  const G1Affine commitment = commit(known.srs, values).value();
  for (const std::uint64_t index : {std::uint64_t{0}, std::uint64_t{5000}, known.srs.size() - 1}) {
    const Opening opening = open(known.srs, values, index).value();
    EXPECT_EQ(opening.value, Fr::from_i64(values[index]));
    EXPECT_TRUE(known.verifier.check({commitment, node_of(14, index), opening}).ok());
  }
}

TEST(KzgOpening, RefusesWhatDoesNotFit) {
  const Known known(2);
  const std::vector<std::int8_t> five(5, 1), four(4, 1);
  EXPECT_EQ(commit(known.srs, five).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open(known.srs, five, 0).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(open(known.srs, four, 4).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Srs::dev(0, 1).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Srs::dev(29, 1).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Srs::dev(25, 1).error().code, ErrorCode::kTooLarge);
}

struct OpenCase {
  Known known{3};
  std::vector<std::int16_t> values{5, -3, 0, 7, 9, 9, -1, 2};
  G1Affine commitment = commit(known.srs, values).value();
  Statement statement{commitment, node_of(3, 4), open(known.srs, values, 4).value()};

  [[nodiscard]] std::string step(const Statement& changed) const {
    return known.verifier.check(changed).step();
  }
};

TEST(KzgCheck, RejectsEveryChangedPart) {
  const OpenCase c;
  ASSERT_TRUE(c.known.verifier.check(c.statement).ok());
  Statement changed = c.statement;
  changed.opening.value += Fr::one();
  EXPECT_EQ(c.step(changed), "opening equation");
  changed = c.statement;
  changed.point = node_of(3, 6);
  EXPECT_EQ(c.step(changed), "opening equation");
  changed.point = node_of(3, 5);  // has the same value, but not the same quotient
  EXPECT_EQ(c.step(changed), "opening equation");
  changed = c.statement;
  changed.commitment = curve::add(changed.commitment, G1Affine::generator());
  EXPECT_EQ(c.step(changed), "opening equation");
  changed = c.statement;
  changed.opening.quotient = curve::negate(changed.opening.quotient);
  EXPECT_EQ(c.step(changed), "opening equation");
  changed.opening.quotient = G1Affine::infinity();
  EXPECT_EQ(c.step(changed), "opening equation");
  changed.opening.quotient.y = changed.opening.quotient.x = Fp{{1, 0, 0, 0}};
  EXPECT_EQ(c.step(changed), "proof points");
  changed = c.statement;
  changed.commitment.x = Fp{{1, 0, 0, 0}};
  EXPECT_EQ(c.step(changed), "proof points");
}

TEST(KzgCheck, AnotherSetupsProofDoesNotPass) {
  const OpenCase c;
  const Known other(3, 99);
  EXPECT_EQ(other.verifier.check(c.statement).step(), "opening equation");
}

// What the scheme rests on: who knows the secret opens anything to anything.
TEST(KzgCheck, TheSecretOpensEverything) {
  OpenCase c;
  const Fr wrong = c.statement.opening.value + Fr::from_u64(1000);
  const Fr shift = (c.statement.opening.value - wrong) * (c.known.tau - c.statement.point).inverse();
  c.statement.opening.quotient = curve::add(c.statement.opening.quotient, test::times_generator(shift));
  c.statement.opening.value = wrong;
  EXPECT_TRUE(c.known.verifier.check(c.statement).ok());
}

TEST(KzgCheckAll, AcceptsTrueOnesAndNamesTheFirstBadOne) {
  const OpenCase c;
  std::vector<Statement> statements;
  for (std::uint64_t i = 0; i < 8; ++i)
    statements.push_back({c.commitment, node_of(3, i), open(c.known.srs, c.values, i).value()});
  EXPECT_TRUE(c.known.verifier.check_all(statements).ok());
  EXPECT_EQ(c.known.verifier.check_all({}).outcome(), Outcome::kInconclusive);
  std::vector<Statement> bad = statements;
  bad[6].opening.value += Fr::one();
  bad[3].opening.value += Fr::one();
  Verdict verdict = c.known.verifier.check_all(bad);
  EXPECT_EQ(verdict.step(), "opening equation");
  EXPECT_EQ(verdict.item(), 3u);
  bad = statements;
  bad[5].opening.quotient.x = Fp{{1, 0, 0, 0}};
  verdict = c.known.verifier.check_all(bad);
  EXPECT_EQ(verdict.step(), "proof points");
  EXPECT_EQ(verdict.item(), 5u);
}

// Errors that cancel each other in a sum without weights: two wrong values at one point, and points moved
// from one proof to the other.
TEST(KzgCheckAll, ErrorsDoNotCancel) {
  const OpenCase c;
  std::vector<Statement> both(2, c.statement);
  both[0].opening.value += Fr::one();
  both[1].opening.value -= Fr::one();
  EXPECT_EQ(c.known.verifier.check_all(both).item(), 0u);
  both.assign(2, c.statement);
  both[0].opening.quotient = curve::add(both[0].opening.quotient, G1Affine::generator());
  both[1].opening.quotient = curve::add(both[1].opening.quotient, curve::negate(G1Affine::generator()));
  EXPECT_EQ(c.known.verifier.check_all(both).item(), 0u);
}

TEST(KzgCheckAll, IsInconclusiveWithoutRandomness) {
  const OpenCase c;
  const World broken{[](std::span<std::uint8_t>) -> Status {
                       return Error{ErrorCode::kIo, "world", "is broken"};
                     },
                     [] { return std::int64_t{0}; }};
  const Verdict verdict = c.known.verifier.check_all({&c.statement, 1}, broken);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "random weights");
}

}  // namespace
}  // namespace assay::kzg
