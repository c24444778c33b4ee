// Sums of statements of all kinds: which are false, and what folding and merging keep.
#include <gtest/gtest.h>

#include <algorithm>

#include "kzg/test_support.h"

namespace assay::kzg {
namespace {

/// Statements by turns an opening and two blocks, so that every other one has two relations.
class KzgOpeningSum : public ::testing::Test {
 protected:
  static constexpr std::size_t kStatements = 12;

  [[nodiscard]] IntegerView block(std::uint64_t index) const {
    return IntegerView(values_).subview(4 * index, 4);
  }

  /// With an error in each of `bad`.
  [[nodiscard]] OpeningSum sum_of(const std::vector<std::size_t>& bad) const {
    OpeningSum sum = OpeningSum::begin(verifier_).value();
    for (std::size_t i = 0; i < kStatements; ++i) {
      const bool is_bad = std::ranges::find(bad, i) != bad.end();
      if (i % 2 == 0) {
        Statement statement{commitment_, node_of(4, i), open(srs_, values_, i).value()};
        if (is_bad) statement.opening.value += Fr::one();
        EXPECT_TRUE(sum.add(statement).ok());
      } else {
        const BlockStatement whole{commitment_, 2, 1, block(1), quotients_[1]};
        BlockStatement other{commitment_, 2, 2, block(2), quotients_[2]};
        if (is_bad) other.values = block(3);  // the second of its relations alone
        EXPECT_TRUE(sum.add(srs_, std::vector{whole, other}).ok());
      }
    }
    return sum;
  }

  test::Random random_{1};
  Srs srs_ = Srs::from_secret(4, random_.field()).value();
  Verifier verifier_{srs_.verifier_key()};
  std::vector<std::int16_t> values_ = random_.words<std::int16_t>(16);
  G1Affine commitment_ = commit(srs_, values_).value();
  std::vector<G1Affine> quotients_ = open_all_blocks(srs_, values_, 2).value();
};

TEST_F(KzgOpeningSum, FindsWhatIsFalseByHalves) {
  for (const std::vector<std::size_t>& bad :
       {std::vector<std::size_t>{}, {0}, {11}, {3, 4}, {0, 5, 6, 11}, {1, 2, 3, 7, 8, 9}}) {
    const OpeningSum sum = sum_of(bad);
    EXPECT_EQ(sum.holds(), bad.empty());
    EXPECT_EQ(sum.find_false(kStatements), bad);
    if (bad.size() > 1) {
      EXPECT_EQ(sum.find_false(1), std::vector<std::size_t>{bad[0]});
    }
  }
}

TEST_F(KzgOpeningSum, ForgetsNoErrorWhenItFoldsOrMerges) {
  for (const std::vector<std::size_t>& bad : {std::vector<std::size_t>{}, {0}, {11}}) {
    OpeningSum sum = sum_of(bad);
    sum.fold();
    EXPECT_EQ(sum.holds(), bad.empty());
    EXPECT_TRUE(sum.find_false(kStatements).empty()) << "the statements are forgotten";
    OpeningSum merged = sum_of({});
    merged.merge(sum);
    EXPECT_EQ(merged.holds(), bad.empty());
    EXPECT_TRUE(merged.find_false(kStatements).empty()) << "those of its own hold";
  }
}

TEST_F(KzgOpeningSum, KeepsCommitmentsApart) {
  const std::vector<std::int16_t> others = random_.words<std::int16_t>(16);
  const G1Affine other = commit(srs_, others).value();
  for (const bool swapped : {false, true}) {
    OpeningSum sum = OpeningSum::begin(verifier_).value();
    for (const std::uint64_t i : {3U, 4U, 5U}) {
      const Opening own = open(srs_, values_, i).value(), of_other = open(srs_, others, i).value();
      ASSERT_TRUE(sum.add({commitment_, node_of(4, i), swapped ? of_other : own}).ok());
      ASSERT_TRUE(sum.add({other, node_of(4, i), swapped ? own : of_other}).ok());
    }
    // Of blocks all relations are added at once.
    const IntegerView of_others = IntegerView(others).subview(8, 4);
    const G1Affine quotient = open_block(srs_, others, 2, 2).value();
    ASSERT_TRUE(sum.add(srs_, std::vector<BlockStatement>{{commitment_, 2, 1, block(1), quotients_[1]},
                                                          {other, 2, 2, of_others, quotient},
                                                          {commitment_, 2, 2, block(2), quotients_[2]}})
                    .ok());
    EXPECT_EQ(sum.holds(), !swapped);
  }
}

TEST_F(KzgOpeningSum, RefusesBlocksOfAnotherForm) {
  const BlockStatement good{commitment_, 2, 1, block(1), quotients_[1]};
  BlockStatement shorter = good, beyond = good, off = good;
  shorter.values = block(1).subview(0, 3);
  beyond.block = 4;
  off.quotient.x = off.quotient.y;
  for (const BlockStatement& bad : {shorter, beyond, off}) {
    OpeningSum sum = OpeningSum::begin(verifier_).value();
    EXPECT_EQ(sum.add(srs_, std::vector{good, bad, good}).outcome(), Outcome::kRejected);
  }
}

// The sum is kept once it was asked for.
TEST_F(KzgOpeningSum, TakesInWhatIsAddedAfterItWasAsked) {
  OpeningSum sum = sum_of({});
  ASSERT_TRUE(sum.holds());
  Statement statement{commitment_, node_of(4, 3), open(srs_, values_, 3).value()};
  statement.opening.value += Fr::one();
  ASSERT_TRUE(sum.add(statement).ok());
  EXPECT_FALSE(sum.holds());
  EXPECT_EQ(sum.find_false(1), std::vector<std::size_t>{kStatements});
}

}  // namespace
}  // namespace assay::kzg
