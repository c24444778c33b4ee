// What a verifier who knows the prompts asks of an answer.
#include <gtest/gtest.h>

#include <functional>

#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

const Prompt kPrompt{"Why?", {5, 6, 7}};
const AnswerLength kLength{4, 8, {2, 3}};

Signature of(std::size_t tokens, std::uint32_t last) {
  Signature signature;
  signature.prompt = kPrompt.text;
  signature.prompt_token_ids = kPrompt.token_ids;
  signature.output_token_ids.assign(tokens, 9);
  signature.output_token_ids.back() = last;
  return signature;
}

TEST(CheckAnswer, MayEndAtTheMostOrWithAnEnd) {
  for (const auto& [tokens, last] : {std::pair(8u, 9u), {8u, 2u}, {4u, 2u}, {5u, 3u}}) {
    const Verdict verdict = check_answer(of(tokens, last), kPrompt, kLength);
    EXPECT_EQ(step_of(verdict), "accepted") << tokens;
    EXPECT_EQ(verdict.checks(), (std::vector<Verdict::Check>{{"prompt", Grade::kRecomputed},
                                                             {"answer length", Grade::kRecomputed}}));
  }
}

TEST(CheckAnswer, IsNotCut) {
  const auto reason_of = [](std::size_t tokens, std::uint32_t last, const AnswerLength& length) {
    const Verdict verdict = check_answer(of(tokens, last), kPrompt, length);
    EXPECT_EQ(step_of(verdict), "answer length");
    EXPECT_EQ(verdict.checks().size(), 1u);
    return verdict.reason();
  };
  EXPECT_EQ(reason_of(3, 2, kLength), "3 tokens, at least 4 were asked for");
  EXPECT_EQ(reason_of(1, 2, kLength), "1 tokens, at least 4 were asked for");
  EXPECT_EQ(reason_of(9, 2, kLength), "9 tokens, at most 8 were asked for");
  EXPECT_EQ(reason_of(7, 9, kLength),
            "7 tokens of 8, and the last, 9, ends no text: it was cut, or made with another maximum");
  // Whoever obeys ends makes no token after one.
  Signature early = of(8, 9);
  early.output_token_ids[3] = 2;
  EXPECT_EQ(check_answer(early, kPrompt, kLength).reason(),
            "token 3 of 8 is 2, which ends a text, and the answer goes on");
  early = of(8, 2);
  early.output_token_ids[0] = 2;
  EXPECT_EQ(check_answer(early, kPrompt, kLength).reason(),
            "token 0 of 8 is 2, which ends a text, and the answer goes on");
  EXPECT_TRUE(check_answer(early, kPrompt, {4, 8, {}}).ok());
  // A model that ends no text goes on to the most.
  EXPECT_EQ(reason_of(7, 2, {4, 8, {}}),
            "7 tokens of 8, and the last, 2, ends no text: it was cut, or made with another maximum");
}

TEST(CheckAnswer, IsToThePromptAskedFor) {
  const auto reason_with = [](const std::function<void(Signature&)>& change) {
    Signature signature = of(8, 9);
    change(signature);
    const Verdict verdict = check_answer(signature, kPrompt, kLength);
    EXPECT_EQ(step_of(verdict), "prompt");
    EXPECT_TRUE(verdict.checks().empty());
    return verdict.reason();
  };
  EXPECT_EQ(reason_with([](Signature& s) { s.prompt = "Why? "; }),
            "its text is not that of the prompt asked for");
  EXPECT_EQ(reason_with([](Signature& s) { s.prompt.clear(); }),
            "its text is not that of the prompt asked for");
  EXPECT_EQ(reason_with([](Signature& s) { s.prompt_token_ids[1] = 8; }),
            "token 1 is 8, the verifier's tokenizer gives 6");
  EXPECT_EQ(reason_with([](Signature& s) { s.prompt_token_ids.pop_back(); }),
            "2 tokens, the verifier's tokenizer gives 3");
  EXPECT_EQ(reason_with([](Signature& s) { s.prompt_token_ids.push_back(8); }),
            "4 tokens, the verifier's tokenizer gives 3");
}

TEST(FewestTokens, AreThoseOfOneProofWhereAnAnswerMayHaveThem) {
  EXPECT_EQ(fewest_tokens({}, 512), 32u);
  EXPECT_EQ(fewest_tokens({}, 32), 32u);
  EXPECT_EQ(fewest_tokens({}, 31), 31u);
  EXPECT_EQ(fewest_tokens({.decode_batching_size = 4}, 512), 4u);
}

TEST(CheckPrompts, AreAllDifferent) {
  EXPECT_TRUE(check_prompts({}).ok());
  std::vector<Prompt> prompts = {kPrompt, {"Why? ", {5, 6}}, {"What?", {5, 6, 8}}};
  EXPECT_TRUE(check_prompts(prompts).ok());
  // Of other text, but cut into the same tokens.
  prompts.push_back({"why", {5, 6}});
  EXPECT_EQ(check_prompts(prompts).error().to_string(),
            "prompt 3: has the tokens of prompt 1: one answer would do for both; give each once");
}

}  // namespace
}  // namespace assay::toploc
