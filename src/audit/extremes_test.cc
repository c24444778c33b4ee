// Runs and products of the sizes at which sampling rows fails: one token, one output, very long sums.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "assay/audit_check.h"
#include "audit/key_contents.h"
#include "audit/products.h"
#include "audit/test_support.h"

namespace assay::audit {
namespace {

using test::Llama;
using test::outcome_of;
using test::SampleRun;
using testing::HasSubstr;

/// One answer token, so one pass, of a prompt of so many.
void check_run_of(std::size_t prompt_tokens) {
  for (const bool cheats : {false, true}) {
    SampleRun run;
    run.prompt.clear();
    for (std::size_t i = 0; i < prompt_tokens; ++i)
      run.prompt.push_back(static_cast<std::uint32_t>((7 * i + 3) % Llama::kVocabulary));
    run.answer_tokens = 1;
    run.options.memory_bytes = 1 << 26;
    run.compute(cheats ? run.model.quantised(7) : run.model);
    for (const Reference& reference : {run.by_weights(), run.by_key()}) {
      const Verdict verdict = run.check(run.challenge({0}), reference);
      EXPECT_EQ(outcome_of(verdict), cheats ? "rejected product" : "accepted")
          << prompt_tokens << ": " << verdict.reason();
    }
  }
}

TEST(Extremes, ARunOfOneToken) { check_run_of(1); }
TEST(Extremes, APromptOf999Tokens) { check_run_of(999); }

TEST(Extremes, ARunWithoutTokensHasNoHead) {
  SampleRun run;
  run.answer_tokens = 0;
  const auto recorder = Recorder::open(run.options).value();
  const std::uint64_t id = recorder->begin_run({run.request.digest(), {}, run.manifest, "tests"}).value();
  EXPECT_EQ(recorder->finish_run(id, run.key_path()).error().code, ErrorCode::kOutOfRange);
}

TEST(Extremes, ASmallerModelOfTheSameWires) {
  // Its blocks are as many, and half of its heads and inner values are zeros.
  SampleRun run;
  Llama smaller = run.model;
  for (auto& [name, values] : smaller.tensors)
    if (name.ends_with("_proj.weight")) std::fill(values.begin(), values.begin() + std::ssize(values) / 2, 0);
  run.compute(smaller);
  EXPECT_EQ(outcome_of(run.check(run.challenge({1}), run.by_weights())), "rejected product");
  EXPECT_EQ(outcome_of(run.check(run.challenge({1}), run.by_key())), "rejected product");
}

TEST(Extremes, AnInfiniteValueIsRefusedWithItsPlace) {
  for (const float infinite : {INFINITY, -INFINITY}) {
    SampleRun run;
    run.compute(run.model, [&](const Wire& wire, std::uint64_t position, test::Row& row) {
      if (wire == Wire{2, Role::kDown} && position == 6) row[63] = infinite;
    });
    const Challenge asked = run.challenge({2}, false);
    const Openings given = run.openings(asked);
    for (const Reference& reference : {run.by_weights(), run.by_key()}) {
      const Error refused =
          audit::check(run.signed_head(), &given, run.expectation(asked), reference).error();
      EXPECT_EQ(refused.code, ErrorCode::kOutOfRange);
      EXPECT_THAT(refused.to_string(), HasSubstr("block 2 down, position 6"));
      EXPECT_THAT(refused.to_string(), HasSubstr("infinite"));
    }
  }
}

/// A layer of one output, whose sums have 200,000 terms.
TEST(Extremes, OneOutputOfAVeryLongSum) {
  constexpr std::size_t kInputs = 200'000;
  test::Normal normal(4);
  std::vector<double> weight(kInputs);
  Bytes bytes;
  for (double& value : weight) {
    const float drawn = normal();
    value = test::to_bf16(drawn);
    tensor::append(bytes, test::bf16_bits(drawn));
  }
  const weights::ModelFolder files(R"({"model_type":"other"})");
  files.whole({{"model.embed_tokens.weight", {1, kInputs}, "BF16", bytes},
               {"model.layers.0.self_attn.q_proj.weight", {1, kInputs}, "BF16", bytes}});
  const weights::Folder folder = files.open().value();
  Key::Options options;
  options.vectors = 2;
  const Key key = Key::enroll(folder, options, World::system()).value().front();
  const internal::Facts& facts = key.shared_contents()->facts;
  internal::Product product;
  product.op = static_cast<std::uint32_t>(facts.table.find({0, Role::kQ}) - facts.table.ops.data());
  product.inputs.resize(1);
  float sum = 0;  // one term after the other, in fp32
  for (std::size_t i = 0; i < kInputs; ++i) {
    const float a = test::to_bf16(normal());
    product.inputs[0].push_back(a);
    sum += a * static_cast<float>(weight[i]);
  }
  const Tolerance tolerance = Tolerance::of(RowDtype::kBF16);
  const auto passes = [&](double value) {
    product.output = {value};
    const bool by_weights =
        !internal::check_by_weights(folder, facts, std::span(&product, 1), tolerance).value().failure;
    const bool by_key =
        !internal::check_by_key(*key.shared_contents(), std::span(&product, 1), tolerance).failure;
    EXPECT_EQ(by_weights, by_key) << value;
    return by_weights;
  };
  const double honest = test::to_bf16(sum);
  EXPECT_TRUE(passes(honest));
  EXPECT_FALSE(passes(honest * 1.25));
  EXPECT_FALSE(passes(0));
}

}  // namespace
}  // namespace assay::audit
