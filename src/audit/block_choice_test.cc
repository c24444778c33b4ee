// Which blocks a run records, and what becomes of a run that records others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assay/audit_check.h"
#include "audit/test_support.h"

namespace assay::audit {
namespace {

using test::Llama;
using test::outcome_of;
using test::Row;
using test::SampleRun;
using testing::ElementsAre;
using testing::HasSubstr;

BlockChoice choice_of(std::string_view text) { return BlockChoice::parse(text).value(); }

TEST(BlockChoice, OfAllOfEveryEighthOrOfThoseThatAreNamed) {
  EXPECT_TRUE(BlockChoice().is_all());
  EXPECT_EQ(choice_of("all"), BlockChoice());
  EXPECT_TRUE(choice_of("1/1").is_all());
  EXPECT_FALSE(choice_of("1/8").is_all());
  EXPECT_THAT(choice_of("1/8").of(30).value(), ElementsAre(0, 8, 16, 24));
  EXPECT_THAT(choice_of("1/8").of(3).value(), ElementsAre(0));
  EXPECT_THAT(choice_of("2").of(3).value(), ElementsAre(2));
  EXPECT_THAT(choice_of("0,2-4,7").of(8).value(), ElementsAre(0, 2, 3, 4, 7));
  EXPECT_THAT(choice_of("all").of(3).value(), ElementsAre(0, 1, 2));
}

TEST(BlockChoice, RefusesWhatIsNone) {
  for (const char* text : {"", "some", "1/", "1/0", "1/x", "2/8", "1,", ",1", "1-", "-1", "1-2-3", "+1", " 1",
                           "0x1", "1234567890", "all,1"})
    EXPECT_EQ(BlockChoice::parse(text).error().code, ErrorCode::kMalformed) << text;
  for (const char* text : {"1,1", "2,1", "3-2", "1-3,3"})
    EXPECT_EQ(BlockChoice::parse(text).error().code, ErrorCode::kNonCanonical) << text;
  EXPECT_EQ(BlockChoice::parse(std::to_string(weights::Folder::kMaxBlocks)).error().code,
            ErrorCode::kOutOfRange);
  EXPECT_TRUE(BlockChoice::parse(std::to_string(weights::Folder::kMaxBlocks - 1)).ok());
  EXPECT_EQ(BlockChoice::parse(std::string(BlockChoice::kMaxText + 1, '1')).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(BlockChoice::parse("999999999").error().code, ErrorCode::kOutOfRange);
  EXPECT_THAT(choice_of("1/999999999").of(3).value(), ElementsAre(0)) << "nine digits are a number";
  std::string longest = "1";
  for (int block = 1000; block < 1819; ++block) longest += "," + std::to_string(block);
  ASSERT_EQ(longest.size(), BlockChoice::kMaxText);
  EXPECT_TRUE(choice_of(longest).has(1818));
  const Result<std::vector<std::uint32_t>> beyond = choice_of("0,3").of(3);
  EXPECT_EQ(beyond.error().code, ErrorCode::kOutOfRange);
  EXPECT_THAT(beyond.error().reason, HasSubstr("block 3 of a model of 3"));
}

TEST(BlockChoice, TheEndsOfTheModelAreRecordedWhateverTheChoice) {
  const BlockChoice choice = choice_of("2");
  std::vector<std::uint32_t> residual;
  std::vector<std::uint32_t> gates;
  for (std::uint32_t b = 0; b <= 6; ++b) {
    if (choice.has(Wire{b, Role::kResidual}, 6)) residual.push_back(b);
    if (choice.has(Wire{b, Role::kGate}, 6)) gates.push_back(b);
  }
  EXPECT_THAT(residual, ElementsAre(0, 2, 3, 6));
  EXPECT_THAT(gates, ElementsAre(2));
  EXPECT_TRUE(choice.has(Wire{Wire::kNoBlock, Role::kFinalNorm}, 6));
  EXPECT_TRUE(choice.has(Wire{Wire::kNoBlock, Role::kLogits}, 6));
}

/// A run that records these blocks.
void record(SampleRun& run, const BlockChoice& recorded, const Llama& used,
            const test::Runner::Tamper& tamper = {}) {
  run.kept_back = [recorded](const Wire& wire) { return !recorded.has(wire, Llama::kBlocks); };
  run.compute(used, tamper);
}

double number(const Verdict& verdict, std::string_view name) {
  const auto& value = verdict.figure(name)->value;
  const auto* const count = std::get_if<std::uint64_t>(&value);
  return count != nullptr ? static_cast<double>(*count) : std::get<double>(value);
}

TEST(ChosenBlocks, AreAcceptedWhereTheyWereAgreedOn) {
  SampleRun run;
  run.agreed = choice_of("1");
  record(run, run.agreed, run.model);
  for (const Reference& reference : {run.by_weights(), run.by_key()}) {
    const Verdict verdict = run.check(run.challenge({0, 3}), reference);
    EXPECT_EQ(outcome_of(verdict), "accepted") << verdict.reason();
    for (const Verdict::Check& check : verdict.checks())
      EXPECT_EQ(check.grade == Grade::kMissing, check.step == "challenge") << check.step;
    // Of a block of seven layers and the head, of three blocks.
    EXPECT_EQ(number(verdict, "layers"), 22);
    EXPECT_EQ(number(verdict, "layers recorded"), 8);
    EXPECT_EQ(number(verdict, "products opened"), 16);
    EXPECT_NEAR(number(verdict, "share of products"), 2.0 / 10 * 8 / 22, 1e-12);
    // q and o have 64 x 64 weights, k and v 64 x 32, gate, up and down 64 x 160, and the head 64 x 96.
    constexpr double kBlock = 64 * (64 + 64 + 32 + 32 + 3 * 160);
    constexpr double kHead = 64 * 96;
    EXPECT_NEAR(number(verdict, "share of multiply-adds"), 2.0 / 10 * (kBlock + kHead) / (3 * kBlock + kHead),
                1e-12);
    EXPECT_NEAR(number(verdict, "share of attention"), 2.0 / (10 * 3), 1e-12);
    EXPECT_THAT(verdict.notes(), testing::Contains(HasSubstr("of 3 blocks 1 are recorded")));
    EXPECT_THAT(verdict.assumptions(), testing::Contains(HasSubstr("in what is recorded")));
  }
}

TEST(ChosenBlocks, AreRejectedWhereAllWereExpected) {
  SampleRun run;
  record(run, choice_of("1"), run.model);
  const Verdict verdict = run.check(run.challenge({3}, false), run.by_weights());
  EXPECT_EQ(outcome_of(verdict), "rejected head");
  EXPECT_THAT(verdict.reason(), HasSubstr("no wire 'block 0 qkv_input'"));
}

TEST(ChosenBlocks, AreRejectedWhereOthersWereAgreedOn) {
  for (const char* recorded : {"0", "2", "all", "0-1"}) {
    SampleRun run;
    run.agreed = choice_of("1");
    record(run, choice_of(recorded), run.model);
    for (const Reference& reference : {run.by_weights(), run.by_key()}) {
      const Verdict verdict = run.check(run.challenge({3}, false), reference);
      EXPECT_EQ(outcome_of(verdict), "rejected head") << recorded;
    }
  }
}

TEST(ChosenBlocks, AreRejectedWhereAWireOfThemIsLeftOut) {
  for (const Wire& left_out :
       {Wire{1, Role::kGate}, Wire{0, Role::kResidual}, Wire{2, Role::kResidual}, Wire{3, Role::kResidual},
        Wire{Wire::kNoBlock, Role::kFinalNorm}, Wire{Wire::kNoBlock, Role::kLogits}}) {
    SampleRun run;
    run.agreed = choice_of("1");
    run.kept_back = [&](const Wire& wire) {
      return wire == left_out || !run.agreed.has(wire, Llama::kBlocks);
    };
    run.compute(run.model);
    const Verdict verdict = run.check(run.challenge({3}, false), run.by_weights());
    EXPECT_EQ(outcome_of(verdict), "rejected head");
    EXPECT_THAT(verdict.reason(), HasSubstr(left_out.to_string()));
  }
}

/// The model with one block's matrices in integers.
Llama with_coarse_block(const Llama& model, std::uint32_t block) {
  Llama mixed = model;
  const Llama coarse = model.quantised(7);
  const std::string stem = "model.layers." + std::to_string(block) + ".";
  for (auto& [name, values] : mixed.tensors)
    if (name.starts_with(stem)) values = coarse.tensors.at(name);
  return mixed;
}

TEST(ChosenBlocks, AreAllThatIsChecked) {
  for (const std::uint32_t block : {1U, 2U}) {
    SampleRun run;
    run.agreed = choice_of("1");
    record(run, run.agreed, with_coarse_block(run.model, block));
    for (const Reference& reference : {run.by_weights(), run.by_key()}) {
      // What a verdict of such a run cannot see, and says that it cannot.
      EXPECT_EQ(outcome_of(run.check(run.challenge({3}), reference)),
                block == 1 ? "rejected product" : "accepted");
    }
  }
}

TEST(ChosenBlocks, TheResidualRowsThatLeaveThemFollow) {
  SampleRun run;
  run.agreed = choice_of("1");
  record(run, run.agreed, run.model, [](const Wire& wire, std::uint64_t, Row& row) {
    if (wire == Wire{2, Role::kResidual}) row[5] += 1;
  });
  EXPECT_EQ(outcome_of(run.check(run.challenge({3}), run.by_weights())), "rejected chain");
}

TEST(ChosenBlocks, AttentionOfOthersCannotBeAskedFor) {
  SampleRun run;
  run.agreed = choice_of("1");
  record(run, run.agreed, run.model);
  Challenge asked = run.challenge({3}, false);
  asked.attention = {{3, 2}};
  const Result<Verdict> verdict = check(run.signed_head(), nullptr, run.expectation(asked), run.by_weights());
  EXPECT_EQ(verdict.error().code, ErrorCode::kOutOfRange);
  EXPECT_THAT(verdict.error().reason, HasSubstr("block 2 is none of those"));
  const Result<Verdict> beyond = [&] {
    Expectation expected = run.expectation(run.challenge({3}, false));
    expected.blocks = choice_of("1,7");
    return check(run.signed_head(), nullptr, expected, run.by_weights());
  }();
  EXPECT_EQ(beyond.error().code, ErrorCode::kOutOfRange);
}

TEST(ChosenBlocks, AreThoseWhoseAttentionIsDrawn) {
  SampleRun run;
  record(run, choice_of("0,2"), run.model);
  const Challenge drawn = Challenge::draw(run.head, {2, 3, choice_of("0,2")}, World::system()).value();
  ASSERT_EQ(drawn.attention.size(), 4U);
  for (const Challenge::Attention& one : drawn.attention) EXPECT_NE(one.block, 1U);
  const Result<Challenge> others = Challenge::draw(run.head, {2, 3, choice_of("2")}, World::system());
  EXPECT_EQ(others.error().code, ErrorCode::kMismatch);
  EXPECT_THAT(others.error().reason, HasSubstr("block 0"));
}

}  // namespace
}  // namespace assay::audit
