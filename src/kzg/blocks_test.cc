// Openings of blocks against the definition in Fr, one way against the other, and what must not pass.
#include <gtest/gtest.h>

#include "kzg/srs_state.h"
#include "kzg/test_support.h"

namespace assay::kzg {
namespace {

using test::Random;

/// (f(tau) - f_B(tau)) / (tau^k - c) from the definitions, f_B the values of the block alone.
G1Affine block_quotient(unsigned log_size, const std::vector<std::int16_t>& values, unsigned log_block,
                        std::uint64_t block, const Fr& tau) {
  const std::size_t size = std::size_t{1} << log_block, first = block * size;
  std::vector<std::int16_t> alone(values.size());
  for (std::size_t i = first; i < std::min(first + size, values.size()); ++i) alone[i] = values[i];
  const Fr difference = test::evaluate(log_size, values, tau) - test::evaluate(log_size, alone, tau);
  const Fr divisor = test::power(tau, size) - test::power(test::node(log_size, first), size);
  return test::times_generator(difference * divisor.inverse());
}

class KzgBlocks : public ::testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { ASSERT_TRUE(force_kernel(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(force_kernel(before_).ok()); }
  std::string_view before_ = active_kernel();
};

TEST_P(KzgBlocks, OpenToTheirQuotients) {
  Random random(1);
  for (const unsigned log_size : {1U, 3U, 4U}) {
    const Fr tau = random.field();
    const Srs srs = Srs::from_secret(log_size, tau).value();
    const Verifier verifier(srs.verifier_key());
    const std::vector<std::int16_t> values = random.words<std::int16_t>(srs.size());
    const G1Affine commitment = commit(srs, values).value();
    for (unsigned log_block = 0; log_block <= log_size; ++log_block) {
      const std::size_t size = std::size_t{1} << log_block;
      const std::vector<G1Affine> all = open_all_blocks(srs, values, log_block).value();
      ASSERT_EQ(all.size(), srs.size() / size);
      for (std::uint64_t block = 0; block < all.size(); ++block) {
        SCOPED_TRACE(testing::Message() << log_size << " " << log_block << " " << block);
        const G1Affine quotient = open_block(srs, values, log_block, block).value();
        if (log_block < log_size) {
          EXPECT_EQ(quotient, block_quotient(log_size, values, log_block, block, tau));
        }
        EXPECT_EQ(all[block], quotient);
        const IntegerView part = IntegerView(values).subview(block * size, size);
        EXPECT_TRUE(verifier.check_block(srs, {commitment, log_block, block, part, quotient}).ok());
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, KzgBlocks, ::testing::ValuesIn(available_kernels()),
                         [](const auto& kernel) { return std::string(kernel.param); });

// Sizes at which commitments of the other blocks are summed, and values that end within a block.
TEST(KzgLargeBlocks, AgreeAndPass) {
  Random random(2);
  const unsigned log_size = 13;
  const Srs srs = Srs::from_secret(log_size, random.field()).value();
  const Verifier verifier(srs.verifier_key());
  const std::vector<std::int16_t> values = random.words<std::int16_t>(srs.size() - 700);
  std::vector<std::int16_t> padded = values;
  padded.resize(srs.size());
  const G1Affine commitment = commit(srs, values).value();
  for (const unsigned log_block : {6U, 8U, 9U, 10U, 12U}) {
    const std::vector<G1Affine> all = open_all_blocks(srs, values, log_block).value();
    for (const std::uint64_t block : {std::uint64_t{0}, std::uint64_t{1}, all.size() - 1}) {
      SCOPED_TRACE(testing::Message() << log_block << " " << block);
      EXPECT_EQ(open_block(srs, values, log_block, block).value(), all[block]);
      const IntegerView part = IntegerView(padded).subview(block << log_block, std::size_t{1} << log_block);
      EXPECT_TRUE(verifier.check_block(srs, {commitment, log_block, block, part, all[block]}).ok());
    }
  }
}

struct Case {
  Fr tau = Random(7).field();
  Srs srs = Srs::from_secret(4, tau).value();
  Verifier verifier{srs.verifier_key()};
  std::vector<std::int16_t> values = Random(8).words<std::int16_t>(16);
  std::vector<std::int16_t> part{values.begin() + 4, values.begin() + 8};
  BlockStatement statement{commit(srs, values).value(), 2, 1, part, open_block(srs, values, 2, 1).value()};

  [[nodiscard]] std::string step() const { return verifier.check_block(srs, statement).step(); }
};

TEST(KzgCheckBlock, RejectsChangedValues) {
  Case c;
  ASSERT_TRUE(c.verifier.check_block(c.srs, c.statement).ok());
  for (std::size_t i = 0; i < 4; ++i) {
    ++c.part[i];
    EXPECT_EQ(c.step(), "opening equation") << i;
    --c.part[i];
  }
  std::swap(c.part[0], c.part[3]);
  EXPECT_EQ(c.step(), "opening equation");
  std::swap(c.part[0], c.part[3]);
  EXPECT_EQ(c.step(), "");
}

TEST(KzgCheckBlock, RejectsAnotherCosetOrSize) {
  Case c;
  for (const std::uint64_t block : {0U, 2U, 3U}) {
    c.statement.block = block;
    EXPECT_EQ(c.step(), "opening equation") << block;
  }
  c.statement.block = 4;
  EXPECT_EQ(c.step(), "proof shape");
  c.statement.block = 1;
  c.statement.log_block = 1;
  EXPECT_EQ(c.step(), "proof shape");  // four values for two
  c.statement.values = IntegerView(c.part).subview(0, 2);
  EXPECT_EQ(c.step(), "opening equation");
  c.statement.log_block = 5;
  c.statement.block = 0;
  EXPECT_EQ(c.step(), "proof shape");
  c.statement.log_block = 64;
  EXPECT_EQ(c.step(), "proof shape");
}

TEST(KzgCheckBlock, RejectsAnotherCommitmentOrPoint) {
  Case c;
  const BlockStatement honest = c.statement;
  c.statement.commitment = curve::add(honest.commitment, G1Affine::generator());
  EXPECT_EQ(c.step(), "opening equation");
  c.statement = honest;
  c.statement.quotient = G1Affine::infinity();
  EXPECT_EQ(c.step(), "opening equation");
  c.statement.quotient.x = Fp{{1, 0, 0, 0}};
  EXPECT_EQ(c.step(), "proof points");
}

// A commitment that is the block's own and a point at infinity satisfy the equation: that is true of the
// vector which is zero outside the block, and of no other.
TEST(KzgCheckBlock, TheBlocksOwnCommitmentIsNotThatOfTheVector) {
  Case c;
  std::vector<std::int16_t> alone(16);
  std::copy(c.part.begin(), c.part.end(), alone.begin() + 4);
  const G1Affine own = commit(c.srs, alone).value();
  ASSERT_NE(own, c.statement.commitment);
  EXPECT_TRUE(c.verifier.check_block(c.srs, {own, 2, 1, c.part, G1Affine::infinity()}).ok());
  c.statement.quotient = G1Affine::infinity();
  EXPECT_EQ(c.step(), "opening equation");
}

TEST(KzgCheckBlock, TheWholeVectorNeedsNoPoint) {
  const Case c;
  BlockStatement whole{c.statement.commitment, 4, 0, c.values, G1Affine::infinity()};
  EXPECT_TRUE(c.verifier.check_block(c.srs, whole).ok());
  // tau^16 would let any vector pass with the right point, were one allowed.
  whole.quotient = G1Affine::generator();
  EXPECT_EQ(c.verifier.check_block(c.srs, whole).step(), "proof shape");
  whole.quotient = G1Affine::infinity();
  std::vector<std::int16_t> changed = c.values;
  ++changed[9];
  whole.values = changed;
  EXPECT_EQ(c.verifier.check_block(c.srs, whole).step(), "opening equation");
}

// Who may choose the points that the verifier makes C_B of opens a block to anything.
TEST(KzgCheckBlock, PointsOfAnotherBasisAreRefused) {
  const Case c;
  // A basis point that the prover has chosen for the changed value to cancel.
  std::vector<std::int16_t> lie = c.part;
  lie[0] = static_cast<std::int16_t>(lie[0] + 1);
  LargeArray<G1Affine> points(16);
  std::copy(c.srs.basis().begin(), c.srs.basis().end(), points.data());
  const Fr ratio = Fr::from_i64(c.part[0]) * Fr::from_i64(lie[0]).inverse();
  points[4] = curve::multiply_vartime(points[4], ratio);
  // The file says that its chunks are those of the key.
  const Srs forged =
      SrsAccess::from_points(c.srs.verifier_key(), std::move(points),
                             std::vector<Digest>(c.srs.chunk_digests().begin(), c.srs.chunk_digests().end()));
  BlockStatement statement = c.statement;
  statement.values = lie;
  EXPECT_EQ(c.verifier.check_block(forged, statement).step(), "basis digests");
  const G1Affine made = curve::msm_vartime(forged.basis().subspan(4, 4), IntegerView(lie));
  EXPECT_EQ(made, curve::msm_vartime(c.srs.basis().subspan(4, 4), IntegerView(c.part)));
}

TEST(KzgCheckBlock, AnSrsOfAnotherKeyIsRefused) {
  const Case c;
  EXPECT_EQ(c.verifier.check_block(Srs::dev(4, 1).value(), c.statement).step(), "basis digests");
  EXPECT_EQ(c.verifier.check_block(Srs::dev(5, 1).value(), c.statement).step(), "size");
  // Of one that is far larger, the last points would lie far behind those of the SRS.
  VerifierKey large = c.srs.verifier_key();
  large.log_size = kMaxLogSize;
  large.powers.resize(kMaxLogSize, G2Affine::generator());
  const BlockStatement last{c.statement.commitment, 2, (large.size() >> 2) - 1, c.part, c.statement.quotient};
  EXPECT_EQ(Verifier(large).check_block(c.srs, last).step(), "size");
}

TEST(KzgBlockOpening, RefusesBlocksThatAreNotThere) {
  const Case c;
  EXPECT_EQ(open_block(c.srs, c.values, 2, 4).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(open_block(c.srs, c.values, 5, 0).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(open_all_blocks(c.srs, c.values, 5).error().code, ErrorCode::kOutOfRange);
  // Also where the block is all of the vector, and nothing is computed.
  const std::vector<std::int8_t> long_one(17);
  for (const unsigned log_block : {2U, 4U}) {
    EXPECT_EQ(open_block(c.srs, long_one, log_block, 0).error().to_string(),
              "values: 17 where the SRS takes 16");
    EXPECT_EQ(open_all_blocks(c.srs, long_one, log_block).error().to_string(),
              "values: 17 where the SRS takes 16");
  }
}

}  // namespace
}  // namespace assay::kzg
