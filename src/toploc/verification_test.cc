// What is asked of a provider's proofs, in which order, and what is asked before there are states.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

constexpr std::uint64_t kVerifiedRows = 70;
constexpr std::uint64_t kVerifiedHidden = 64;

class Verify : public testing::Test {
 protected:
  Verify() : values_(TorchNormal(5).draw(kVerifiedRows * kVerifiedHidden)) {
    file_.parameters = asked_.parameters;
    rebuild();
  }

  /// Honest proofs by the file's own parameters.
  void rebuild() {
    file_ = ProofFile::build(kVerifiedRows, kVerifiedHidden, values_, file_.parameters).value();
  }

  [[nodiscard]] States states() const { return States{kVerifiedRows, kVerifiedHidden, values_}; }
  [[nodiscard]] Verdict verdict(const Profile& profile = Profile::published()) const {
    return toploc::verify(Offer::of(file_), asked_, states(), profile).value().verdict;
  }
  /// What a selection elsewhere takes of a chunk.
  [[nodiscard]] Points points_of(std::size_t chunk, TieRule rule) const {
    const std::vector<std::uint64_t> lengths =
        chunk_lengths(kVerifiedRows, kVerifiedHidden, asked_.parameters.batching).value();
    const std::uint64_t start = std::accumulate(lengths.begin(), lengths.begin() + chunk, std::uint64_t{0});
    const std::span<const std::uint16_t> values(values_.data() + start, lengths[chunk]);
    Points points{select(values, 64, rule).value(), {}};
    for (const std::uint32_t index : points.indices) points.values.push_back(values[index]);
    return points;
  }
  [[nodiscard]] Verdict before() const {
    return check_offer(Offer::of(file_), asked_, kVerifiedRows).value();
  }

  Bits values_;
  Asked asked_{{64, {20, 5, 3}, TieRule::kLowerIndex}};
  ProofFile file_;
};

TEST_F(Verify, AcceptsWhatWasAskedFor) {
  EXPECT_EQ(step_of(verdict()), "accepted");
  EXPECT_TRUE(before().ok());
  const auto checks = verdict().checks();
  ASSERT_EQ(checks.size(), 12u);
  EXPECT_EQ(checks[0], (Verdict::Check{"parameters", Grade::kRecomputed}));
  EXPECT_EQ(checks[1], (Verdict::Check{"shape", Grade::kRecomputed}));
  EXPECT_EQ(checks[2], (Verdict::Check{"proof count", Grade::kRecomputed}));
  EXPECT_EQ(checks[3], (Verdict::Check{"proof form", Grade::kRecomputed}));
  EXPECT_EQ(checks[4], (Verdict::Check{"modulus", Grade::kStatistical}));
  const std::vector<Verdict::Check> first(checks.begin(), checks.begin() + 4);
  EXPECT_EQ(before().checks(), first);
}

TEST_F(Verify, NobodyElseChoosesHowMuchIsChecked) {
  const auto reason_with = [this](const std::function<void(Parameters&)>& change) {
    file_.parameters = asked_.parameters;
    change(file_.parameters);
    rebuild();
    EXPECT_EQ(step_of(verdict()), "parameters");
    EXPECT_EQ(verdict().checks().size(), 0u);
    EXPECT_EQ(before().reason(), verdict().reason());
    return verdict().reason();
  };
  EXPECT_EQ(reason_with([](Parameters& p) { p.topk = 32; }), "topk is 32, 64 was asked for");
  EXPECT_EQ(reason_with([](Parameters& p) { p.batching.decode_batching_size = 40; }),
            "decode_batching_size is 40, 20 was asked for");
  EXPECT_EQ(reason_with([](Parameters& p) { p.batching.prefill_rows = 0; }),
            "prefill_rows is 0, 5 was asked for");
  EXPECT_EQ(reason_with([](Parameters& p) { p.batching.merge_tail_below = 0; }),
            "merge_tail_below is 0, 3 was asked for");
  asked_.any_ties = false;
  EXPECT_EQ(reason_with([](Parameters& p) { p.ties = TieRule::kLibstdcxx; }),
            "ties is libstdc++, lower-index was asked for");
  file_.parameters = asked_.parameters;
  rebuild();
  EXPECT_EQ(step_of(verdict()), "accepted") << "by the rule that was asked for";
}

TEST_F(Verify, EitherRuleForTiesWillDo) {
  // Few different values: the rules take others of them.
  for (std::size_t i = 0; i < values_.size(); ++i)
    values_[i] = static_cast<std::uint16_t>(0x3f80 + i * 7 % 16);
  for (const TieRule rule : {TieRule::kLibstdcxx, TieRule::kLowerIndex}) {
    file_.parameters.ties = rule;
    rebuild();
    // The verifier's own selection is made by the same.
    EXPECT_EQ(verdict().figure("exponent mismatches per 128 points")->value, Figure::Value(0.0));
    EXPECT_EQ(verdict().figure("mantissa error, mean")->value, Figure::Value(0.0));
  }
}

TEST_F(Verify, AsksForTheShape) {
  file_.rows = kVerifiedRows - 1;
  EXPECT_EQ(step_of(verdict()), "shape");
  EXPECT_EQ(verdict().reason(), "the proofs are of 69 rows, the states are 70");
  EXPECT_EQ(verdict().checks().size(), 1u);
  EXPECT_EQ(before().reason(), verdict().reason());
  file_.rows = kVerifiedRows;
  file_.hidden = kVerifiedHidden + 1;
  EXPECT_EQ(step_of(verdict()), "shape");
  EXPECT_EQ(verdict().reason(), "the proofs are of rows of 65 values, the states are of 64");
  // The width is not known before there are states.
  EXPECT_TRUE(before().ok());
}

// Each is wrong in all that comes after, too.
TEST_F(Verify, AsksInOneOrder) {
  std::vector<std::string> steps;
  const auto note = [&] {
    steps.push_back(step_of(verdict()));
    const std::string early = step_of(before());
    EXPECT_TRUE(early == "accepted" || early == steps.back()) << early;
  };
  for (std::uint16_t& value : values_) value = static_cast<std::uint16_t>(value ^ 0x8000);
  note();
  file_.proofs[1] = Proof{64, Bits(64)}.encode();
  note();
  file_.proofs[1].pop_back();
  note();
  file_.proofs.pop_back();
  note();
  file_.rows = 1;
  note();
  file_.parameters.topk = 1;
  note();
  EXPECT_EQ(steps, (std::vector<std::string>{"signs", "modulus", "proof form", "proof count", "shape",
                                             "parameters"}));
}

TEST_F(Verify, NamesTheProofThatIsNone) {
  file_.proofs[2].pop_back();
  EXPECT_EQ(verdict().item(), 2u);
  EXPECT_EQ(before().item(), 2u);
  EXPECT_EQ(before().reason(), verdict().reason());
  // The item is the place: the line does not say it twice.
  EXPECT_EQ(to_lines(verdict()).front(),
            "rejected at step proof form, item 2: length: 129 bytes, a proof of 64 values has 130");
}

TEST_F(Verify, ProofsWithoutAWordAreJudgedByWhatWasAsked) {
  const Verdict verdict =
      toploc::verify(Offer{file_.proofs}, asked_, states(), Profile::published()).value().verdict;
  EXPECT_EQ(step_of(verdict), "accepted");
  EXPECT_EQ(verdict.checks()[0], (Verdict::Check{"parameters", Grade::kMissing}));
  EXPECT_EQ(verdict.checks()[1], (Verdict::Check{"shape", Grade::kMissing}));
  asked_.parameters.batching = {};
  EXPECT_EQ(
      step_of(toploc::verify(Offer{file_.proofs}, asked_, states(), Profile::published()).value().verdict),
      "proof count");
}

TEST_F(Verify, StatesMayLieElsewhere) {
  std::vector<std::size_t> called;
  States elsewhere{kVerifiedRows, kVerifiedHidden, {}};
  elsewhere.select = [&](std::size_t chunk, TieRule rule) -> Result<Points> {
    called.push_back(chunk);
    return points_of(chunk, rule);
  };
  const auto verdict_of = [&](const States& own) {
    return to_json(toploc::verify(Offer::of(file_), asked_, own, Profile::published()).value().verdict);
  };
  EXPECT_EQ(verdict_of(elsewhere), verdict_of(states()));
  EXPECT_EQ(called, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  // Nothing is taken for proofs that are none.
  called.clear();
  file_.proofs[3].clear();
  EXPECT_EQ(verdict_of(elsewhere), verdict_of(states()));
  EXPECT_TRUE(called.empty());
  file_.proofs[3] = file_.proofs[2];
  elsewhere.select = [](std::size_t, TieRule) -> Result<Points> {
    return Error{ErrorCode::kIo, "gpu", "gone"};
  };
  EXPECT_EQ(toploc::verify(Offer::of(file_), asked_, elsewhere, Profile::published()).error().code,
            ErrorCode::kIo);
  elsewhere.select = [](std::size_t, TieRule) -> Result<Points> { return Points{{1}, {2}}; };
  EXPECT_EQ(toploc::verify(Offer::of(file_), asked_, elsewhere, Profile::published()).error().code,
            ErrorCode::kMismatch);
}

TEST_F(Verify, WithoutAWordTheRuleForTiesIsTheVerifiersOwn) {
  ASSERT_TRUE(asked_.any_ties);
  std::vector<TieRule> rules;
  States elsewhere{kVerifiedRows, kVerifiedHidden, {}};
  elsewhere.select = [&](std::size_t chunk, TieRule rule) -> Result<Points> {
    rules.push_back(rule);
    return points_of(chunk, rule);
  };
  for (const TieRule rule : {TieRule::kLibstdcxx, TieRule::kLowerIndex}) {
    asked_.parameters.ties = rule;
    rules.clear();
    EXPECT_TRUE(toploc::verify(Offer{file_.proofs}, asked_, elsewhere, Profile::published()).ok());
    EXPECT_EQ(rules, std::vector<TieRule>(file_.proofs.size(), rule));
  }
}

TEST_F(Verify, WhatTheVerifierCannotAskForIsAnError) {
  const auto code_of = [this] {
    EXPECT_EQ(check_offer(Offer::of(file_), asked_, kVerifiedRows).ok(), false);
    return toploc::verify(Offer::of(file_), asked_, states(), Profile::published()).error().code;
  };
  asked_.parameters.topk = 0;
  EXPECT_EQ(code_of(), ErrorCode::kOutOfRange);
  asked_.parameters = file_.parameters;
  asked_.parameters.batching.prefill_rows = file_.parameters.batching.prefill_rows = kVerifiedRows + 1;
  EXPECT_EQ(code_of(), ErrorCode::kOutOfRange);
  asked_.parameters.batching = file_.parameters.batching = {20, 5, 3};
  // Lengths that are not those of the rows, which say how long the sequence is.
  States elsewhere = states();
  elsewhere.lengths = chunk_lengths(kVerifiedRows, kVerifiedHidden, asked_.parameters.batching).value();
  const auto with_lengths = [&] {
    return toploc::verify(Offer::of(file_), asked_, elsewhere, Profile::published());
  };
  EXPECT_EQ(step_of(with_lengths().value().verdict), "accepted");
  elsewhere.rows = file_.rows = 1;
  EXPECT_EQ(with_lengths().error().code, ErrorCode::kOutOfRange);
  asked_.parameters.batching.prefill_rows = file_.parameters.batching.prefill_rows = 1;
  EXPECT_EQ(with_lengths().error().to_string(), "lengths: of 5 chunks, where 1 rows make 1");
  elsewhere.rows = file_.rows = kVerifiedRows;
  asked_.parameters.batching = file_.parameters.batching = {20, 5, 3};
  values_.pop_back();
  EXPECT_EQ(toploc::verify(Offer::of(file_), asked_, states(), Profile::published()).error().code,
            ErrorCode::kMismatch);
}

TEST_F(Verify, AProfileOfAnotherBatchingDecidesNothing) {
  Profile profile = Profile::published();
  profile.decode_batching_size = 32;
  EXPECT_EQ(step_of(verdict(profile)), "inconclusive: profile");
  profile.decode_batching_size = 20;
  EXPECT_EQ(step_of(verdict(profile)), "accepted");
}

TEST_F(Verify, ASignatureSaysItsRowsByItsTokens) {
  Signature signature;
  signature.prompt_token_ids.assign(5, 1);
  signature.output_token_ids.assign(66, 1);
  signature.parameters = file_.parameters;
  signature.proofs = file_.proofs;
  const auto step_with = [&] {
    return step_of(
        toploc::verify(Offer::of(signature), asked_, states(), Profile::published()).value().verdict);
  };
  EXPECT_EQ(step_with(), "accepted");
  signature.output_token_ids.pop_back();
  EXPECT_EQ(step_with(), "shape");
  // Without a prompt's chunk the rows are those of the answer.
  signature.parameters.batching.prefill_rows = asked_.parameters.batching.prefill_rows = 0;
  EXPECT_EQ(step_with(), "shape");
  signature.output_token_ids.resize(kVerifiedRows);
  EXPECT_EQ(step_with(), "proof count");
}

TEST(States, AreRowsOfOneSequence) {
  const Bits values(12);
  for (const auto& shape : std::vector<std::vector<std::uint64_t>>{{3, 4}, {1, 3, 4}}) {
    const States states = States::of(shape, values).value();
    EXPECT_EQ(states.rows, 3u);
    EXPECT_EQ(states.hidden, 4u);
    EXPECT_EQ(states.values.data(), values.data());
  }
  for (const auto& shape : std::vector<std::vector<std::uint64_t>>{
           {}, {12}, {2, 3, 2}, {2, 3, 4}, {1, 1, 3, 4}, {3, 3}, {3, 0}, {std::uint64_t{1} << 62, 4}})
    EXPECT_EQ(States::of(shape, values).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(States::of(std::vector<std::uint64_t>{3, 0}, {}).value().rows, 3u);
}

TEST(Comparison, IsOneJsonObject) {
  Comparison chunk;
  chunk.points = 4;
  chunk.modulus = kPrime;
  EXPECT_EQ(chunk.to_json(),
            R"({"points":4,"modulus":65497,"exponent_mismatches":0,"sign_mismatches":0,)"
            R"("distinct_values":0,"distinct_own":0,"mantissa_mean":null,"mantissa_median":null})");
  chunk.mantissa_mean = 1.5;
  chunk.mantissa_median = 1;
  EXPECT_NE(chunk.to_json().find(R"("mantissa_mean":1.5,"mantissa_median":1.0)"), std::string::npos);
}

}  // namespace
}  // namespace assay::toploc
