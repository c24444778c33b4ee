// What providers may do instead of what they promised, each with the step at which it is found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "assay/audit_check.h"
#include "audit/key_contents.h"
#include "audit/test_support.h"
#include "base/dsse.h"
#include "base/wire.h"

namespace assay::audit {
namespace {

using test::Llama;
using test::outcome_of;
using test::Row;
using test::SampleRun;

/// "accepted", or the step at which an answer is rejected.
std::string by_weights(const SampleRun& run, std::vector<std::uint64_t> steps, bool attention = true) {
  return outcome_of(run.check(run.challenge(std::move(steps), attention), run.by_weights()));
}
std::string by_key(const SampleRun& run, std::vector<std::uint64_t> steps, bool attention = true) {
  return outcome_of(run.check(run.challenge(std::move(steps), attention), run.by_key()));
}

/// Changes the leaves of a run's steps, and makes log and head anew: whoever holds the signing key can.
void forge_steps(SampleRun& run, const std::function<void(Step&)>& change) {
  const RunFolder folder = RunFolder::open(run.run_folder).value();
  const Bytes before = read_file(run.run_folder / RunFolder::kStepsName, 1 << 28).value();
  WireWriter after;
  constexpr std::size_t kTag = 20;  // "assay/audit/steps/v1"
  after.raw(ByteSpan(before).first(kTag));
  merkle::RootBuilder root = merkle::RootBuilder::create(2).value();
  std::size_t at = kTag;
  for (Step step : folder.steps()) {
    const std::size_t offsets = at + 4 + step.encode().size();
    const std::size_t offset_bytes = 8 * step.row_count();
    change(step);
    const Bytes value = step.encode();
    after.u32(static_cast<std::uint32_t>(value.size())).raw(value);
    after.raw(ByteSpan(before).subspan(offsets, offset_bytes));
    root.add_leaf(value);
    at = offsets + offset_bytes;
  }
  ASSERT_TRUE(write_file(run.run_folder / RunFolder::kStepsName, after.bytes()).ok());
  run.head.root = merkle::sized_root(2, root.leaf_count(), root.root());
  const Envelope envelope =
      Envelope::sign(std::string(Head::kPayloadType), run.head.encode(), test::provider_key());
  ASSERT_TRUE(write_file(run.run_folder / RunFolder::kHeadName, envelope.encode()).ok());
}

void resign(SampleRun& run) {
  forge_steps(run, [](Step&) {});
}

TEST(Attack, CoarserWeights) {
  for (const float steps : {127.0F, 7.0F}) {  // 8 and 4 bits
    SampleRun run;
    run.compute(run.model.quantised(steps));
    for (std::uint64_t step = 0; step < run.answer_tokens; ++step) {
      EXPECT_EQ(by_weights(run, {step}), "rejected product") << steps;
      EXPECT_EQ(by_key(run, {step}), "rejected product") << steps;
    }
  }
  for (const float steps : {511.0F, 2047.0F}) {  // 10 and 12 bits
    SampleRun run;
    run.compute(run.model.quantised(steps));
    for (std::uint64_t step = 0; step < run.answer_tokens; ++step)
      EXPECT_EQ(by_weights(run, {step}), "rejected product") << steps;
  }
}

TEST(Attack, AnotherModel) {
  SampleRun run;
  run.compute(Llama(2));
  EXPECT_EQ(by_weights(run, {2}), "rejected product");
  EXPECT_EQ(by_key(run, {2}), "rejected product");
}

TEST(Attack, ASkippedBlockWithRowsOfZeros) {
  SampleRun run;
  run.compute(run.model, [](const Wire& wire, std::uint64_t, Row& row) {
    if (wire.block == 1 && wire.role != Role::kResidual) row.assign(row.size(), 0);
  });
  // Zeros times any weight are zeros, and so are their sums: the norm of the residual is not.
  EXPECT_EQ(by_weights(run, {2}, false), "rejected chain");
  EXPECT_EQ(by_key(run, {2}, false), "rejected chain");
  EXPECT_EQ(by_weights(run, {2}), "rejected product")
      << "k and v of the positions before are none of that norm";
  EXPECT_EQ(by_key(run, {2}), "rejected product");
}

TEST(Attack, ZeroRowsEverywhere) {
  SampleRun run;
  run.compute(run.model, [](const Wire&, std::uint64_t, Row& row) { row.assign(row.size(), 0); });
  EXPECT_EQ(by_weights(run, {2}), "rejected chain");
  EXPECT_EQ(by_key(run, {2}), "rejected chain");
}

TEST(Attack, RowsOfAnotherPromptUnderThisRequest) {
  SampleRun run;
  run.claimed = {6, 18, 4, 81, 41};
  run.compute(run.model);
  // The digest in each leaf is right: it binds nothing. The tokens that the rows start with do.
  for (const std::uint64_t step : {0, 4}) {
    EXPECT_EQ(by_weights(run, {step}, false), "rejected chain");
    EXPECT_EQ(by_key(run, {step}, false), "rejected chain");
  }
}

TEST(Attack, RowsOfAPromptWithATokenThatThereIsNot) {
  SampleRun run;
  run.claimed = run.prompt;
  run.claimed[1] = Llama::kVocabulary;
  run.compute(run.model);
  for (const Reference& reference : {run.by_weights(), run.by_key()}) {
    const Verdict verdict = run.check(run.challenge({2}, false), reference);
    EXPECT_EQ(outcome_of(verdict), "rejected chain");
    EXPECT_EQ(verdict.reason(), "step 0: the embedding has no token 96");
  }
}

TEST(Attack, ACachedTraceOfEachToken) {
  SampleRun run;
  std::map<std::uint32_t, Row> values;
  run.compute(run.model, [&](const Wire& wire, std::uint64_t, Row& row) {
    if (wire.role == Role::kV) values[wire.block] = row;
    if (wire.role != Role::kOInput) return;
    // What attention gives a token that sees itself alone: the same in any context.
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = values[wire.block][i / Llama::kHead / 2 * Llama::kHead + i % Llama::kHead];
  });
  EXPECT_EQ(by_weights(run, {3}, false), "accepted") << "without a block drawn, attention is free";
  EXPECT_EQ(by_key(run, {3}, false), "accepted");
  EXPECT_EQ(by_weights(run, {3}), "rejected attention");
  EXPECT_EQ(by_key(run, {3}), "rejected attention");
}

TEST(Attack, TokensOfACoarseModelWithRowsMadeAfterwards) {
  SampleRun coarse;
  coarse.answer_tokens = 24;
  coarse.compute(coarse.model.quantised(7));
  SampleRun run;
  run.answer_tokens = coarse.answer_tokens;
  run.forced = coarse.request.output_token_ids;
  run.compute(run.model);
  std::size_t found = 0;
  for (std::uint64_t step = 0; step < run.answer_tokens; ++step) {
    const std::string weights = by_weights(run, {step});
    EXPECT_TRUE(weights == "accepted" || weights == "rejected token") << weights;
    EXPECT_EQ(by_key(run, {step}, false), weights);
    found += weights == "rejected token" ? 1 : 0;
  }
  EXPECT_GT(found, 0U) << "some of the coarse model's tokens are not those of the right one";
  EXPECT_LT(found, run.answer_tokens) << "the others cannot be told";
}

TEST(Attack, AnotherTokenThanTheLargestLogit) {
  SampleRun run;
  run.compute(run.model);
  run.forced = run.request.output_token_ids;
  run.forced.resize(4);
  run.forced[3] = (run.forced[3] + 1) % Llama::kVocabulary;
  run.compute(run.model);
  EXPECT_EQ(by_weights(run, {2}), "accepted");
  EXPECT_EQ(by_weights(run, {3}), "rejected token");
  EXPECT_EQ(by_weights(run, {4}), "accepted") << "what followed is right for the token that was delivered";
}

TEST(Attack, LogitsThatAreChosen) {
  SampleRun run;
  run.compute(run.model, [](const Wire& wire, std::uint64_t, Row& row) {
    if (wire.role == Role::kLogits) row[77] = 100;
  });
  EXPECT_EQ(by_weights(run, {1}), "rejected logits");
  EXPECT_EQ(by_key(run, {1}), "rejected logits");
}

TEST(Attack, OneWrongEntry) {
  SampleRun run;
  run.compute(run.model, [](const Wire& wire, std::uint64_t, Row& row) {
    // Four times as far as rounding goes: lost in the sums of a key, seen by whoever recomputes.
    if (wire == Wire{1, Role::kGate}) row[9] = test::to_bf16(row[9] * (1 + 0x1p-6F));
  });
  EXPECT_EQ(by_weights(run, {1}), "rejected product");
}

TEST(Attack, KeysAndValuesOfAnotherPosition) {
  for (const Role stale : {Role::kK, Role::kV}) {
    SampleRun run;
    std::map<Wire, Row> first;
    run.compute(run.model, [&](const Wire& wire, std::uint64_t position, Row& row) {
      if (wire.role != stale || wire.block != 1) return;
      if (position == 1) first[wire] = row;
      if (position == 2) row = first[wire];
    });
    EXPECT_EQ(by_weights(run, {3}, false), "accepted") << "nothing looks at position 2";
    for (const std::uint64_t step : {3, 0}) {  // of step 0 the prompt's last position alone is opened
      EXPECT_EQ(by_weights(run, {step}), "rejected product") << step;
      EXPECT_EQ(by_key(run, {step}), "rejected product") << step;
    }
  }
}

TEST(Attack, KeysAndValuesInACoarseCache) {
  SampleRun run;
  run.into_cache = [](Row& row) {
    // Three bits of fraction, as fp8 (e4m3) has them.
    for (float& value : row) {
      int exponent = 0;
      const float fraction = std::frexp(value, &exponent);
      value = std::ldexp(std::round(fraction * 16) / 16, exponent);
    }
  };
  run.compute(run.model);
  EXPECT_EQ(by_weights(run, {3}, false), "accepted");
  EXPECT_EQ(by_weights(run, {3}), "rejected attention");
  EXPECT_EQ(by_key(run, {3}), "rejected attention");
}

TEST(Attack, DropsOfTheRowsThatWouldTell) {
  SampleRun run;
  run.kept_back = [](const Wire& wire) { return wire == Wire{1, Role::kGate}; };
  run.compute(run.model.quantised(7));
  EXPECT_EQ(by_weights(run, {2}), "rejected head") << "a wire that the run does not have at all";

  SampleRun later;
  std::uint64_t rows = 0;
  later.kept_back = [&](const Wire& wire) { return wire == Wire{1, Role::kGate} && ++rows > 1; };
  later.compute(later.model.quantised(7));
  EXPECT_EQ(later.head.drops, later.answer_tokens - 1);
  EXPECT_EQ(by_weights(later, {2}), "rejected drops") << "more than one in a thousand";

  later.head.drops = 0;
  resign(later);
  EXPECT_EQ(by_weights(later, {2}), "rejected drops") << "the steps say more than the head";
  forge_steps(later, [](Step& step) { step.drops = 0; });
  EXPECT_EQ(by_weights(later, {2}), "rejected drops") << "the row is not there, whatever the step says";
}

TEST(Attack, AFewDropsLeaveItOpen) {
  SampleRun run;
  run.options.all_prompt_rows = true;
  for (int i = 0; i < 40; ++i) run.prompt.push_back(static_cast<std::uint32_t>(i));
  std::uint64_t rows = 0;
  run.kept_back = [&](const Wire& wire) { return wire == Wire{1, Role::kGate} && ++rows == 48; };
  run.compute(run.model);
  EXPECT_EQ(run.head.drops, 1U);
  EXPECT_EQ(by_weights(run, {1}), "accepted");
  EXPECT_EQ(by_weights(run, {3}), "inconclusive drops") << "the row of position 47";
}

TEST(Attack, DropsThatThereAreNot) {
  SampleRun run;
  run.options.all_prompt_rows = true;
  for (int i = 0; i < 40; ++i) run.prompt.push_back(static_cast<std::uint32_t>(i));
  run.compute(run.model);
  run.head.drops = 1;
  forge_steps(run, [](Step& step) { step.drops = step.index == 1 ? 1 : 0; });
  EXPECT_EQ(by_weights(run, {1}), "rejected drops") << "all rows of the step are opened, and there";
  EXPECT_EQ(by_weights(run, {3}), "accepted");
}

TEST(Attack, DropsThatAStepDoesNotSay) {
  SampleRun run;
  run.options.all_prompt_rows = true;
  for (int i = 0; i < 40; ++i) run.prompt.push_back(static_cast<std::uint32_t>(i));
  std::uint64_t rows = 0;
  run.kept_back = [&](const Wire& wire) { return wire == Wire{1, Role::kK} && ++rows == 47; };
  run.compute(run.model);
  EXPECT_EQ(run.head.drops, 1U);
  EXPECT_EQ(by_weights(run, {3}), "inconclusive drops") << "k of a position before";
  run.head.drops = 0;
  forge_steps(run, [](Step& step) { step.drops = 0; });
  EXPECT_EQ(by_weights(run, {3}), "rejected drops") << "of that step some rows are opened";
}

TEST(Attack, OneDropHidesNothingButItself) {
  const auto outcome_with = [](const Llama& used, const Wire& dropped) {
    SampleRun run;
    run.options.all_prompt_rows = true;
    for (int i = 0; i < 40; ++i) run.prompt.push_back(static_cast<std::uint32_t>(i));
    std::uint64_t rows = 0;
    run.kept_back = [&](const Wire& wire) { return wire == dropped && ++rows == 48; };
    run.compute(used);
    EXPECT_EQ(run.head.drops, 1U);
    EXPECT_EQ(by_key(run, {3}), by_weights(run, {3}));
    return by_weights(run, {3});
  };
  const Llama model;
  for (const WireEntry& entry : SampleRun::wires()) {
    EXPECT_EQ(outcome_with(model, entry.wire), "inconclusive drops") << entry.wire.to_string();
    EXPECT_EQ(outcome_with(model.quantised(127), entry.wire), "rejected product") << entry.wire.to_string();
  }
  EXPECT_EQ(outcome_with(model, {1, Role::kV}), "inconclusive drops") << "k is there";
  EXPECT_EQ(outcome_with(model, {1, Role::kQ}), "inconclusive drops") << "k and v are there";
}

TEST(Attack, ASecretThatLeaked) {
  SampleRun run;
  Key::Options options;
  options.manifest = run.manifest;
  options.epochs = 2;
  const std::vector<Key> keys = Key::enroll(run.folder(), options, World::system()).value();
  const Reference leaked = Reference::of(keys[0]);
  const internal::KeyContents& secret = *leaked.key();
  const auto& ops = secret.facts.table.ops;
  const auto op =
      static_cast<std::uint32_t>(std::ranges::find(ops, Wire{1, Role::kUp}, &Op::output) - ops.begin());
  const std::span<const double> r = secret.vectors_of(op);
  run.compute(run.model, [&](const Wire& wire, std::uint64_t position, Row& row) {
    if (wire != ops[op].output) return;
    // A large change that is orthogonal to all secret vectors (Gram and Schmidt).
    const std::size_t size = row.size();
    test::Normal normal(position);
    std::vector<double> change(size);
    for (double& value : change) value = 0.5 * normal();
    std::vector<std::vector<double>> basis;
    for (std::uint32_t v = 0; v < secret.vectors; ++v) {
      std::vector<double> vector(r.begin() + static_cast<std::ptrdiff_t>(v * size),
                                 r.begin() + static_cast<std::ptrdiff_t>((v + 1) * size));
      const auto remove = [size](std::vector<double>& from, const std::vector<double>& unit) {
        double dot = 0;
        for (std::size_t i = 0; i < size; ++i) dot += from[i] * unit[i];
        for (std::size_t i = 0; i < size; ++i) from[i] -= dot * unit[i];
      };
      for (const auto& unit : basis) remove(vector, unit);
      double norm = 0;
      for (const double value : vector) norm += value * value;
      for (double& value : vector) value /= std::sqrt(norm);
      remove(change, vector);
      basis.push_back(vector);
    }
    for (std::size_t i = 0; i < size; ++i) row[i] = test::to_bf16(row[i] + static_cast<float>(change[i]));
  });
  const Challenge asked = run.challenge({2});
  EXPECT_EQ(outcome_of(run.check(asked, leaked)), "accepted") << "whoever knows r passes";
  EXPECT_EQ(outcome_of(run.check(asked, Reference::of(keys[1]))), "rejected product") << "not the next epoch";
  EXPECT_EQ(by_weights(run, {2}), "rejected product");
}

// Each rejection tells something about r: whoever checks with a key's file cannot go on with it.
TEST(Attack, LearningAKeyFromItsRejections) {
  SampleRun run;
  run.compute(run.model);
  const tensor::TempDir directory;
  const std::filesystem::path path = directory / "key";
  Key::Options options;
  options.manifest = run.manifest;
  ASSERT_TRUE(Key::enroll(run.folder(), options, World::system()).value().front().write(path).ok());
  const Reference reference = Reference::of_key_file(path).value();
  const Challenge asked = run.challenge({1});
  EXPECT_EQ(outcome_of(run.check(asked, reference)), "accepted");
  EXPECT_EQ(audit::check(run.signed_head(), nullptr, run.expectation(asked), reference)->step(), "missing");
  EXPECT_TRUE(Key::read(path).ok()) << "neither depends on r";

  run.compute(run.model.quantised(7));
  const Challenge next = run.challenge({1});
  EXPECT_EQ(outcome_of(run.check(next, reference)), "rejected product");
  EXPECT_FALSE(Key::read(path).ok());
}

TEST(Attack, StepsThatSayAnotherPlaceOrRequest) {
  const auto outcome_with = [](const std::function<void(Step&)>& change) {
    SampleRun run;
    run.compute(run.model);
    forge_steps(run, change);
    const Challenge asked = run.challenge({2});
    const Openings given = run.openings(asked);
    const Result<Verdict> verdict =
        audit::check(run.signed_head(), &given, run.expectation(asked), run.by_weights());
    return verdict.ok() ? outcome_of(*verdict) : "refused: " + verdict.error().place;
  };
  EXPECT_EQ(outcome_with([](Step&) {}), "accepted");
  EXPECT_EQ(outcome_with([](Step& s) { s.nonce[0] ^= 1; }), "rejected inclusion") << "made before the nonce";
  EXPECT_EQ(outcome_with([](Step& s) { s.request[0] ^= 1; }), "rejected inclusion");
  EXPECT_EQ(outcome_with([](Step& s) { s.wires[0] ^= 1; }), "rejected inclusion");
  EXPECT_EQ(outcome_with([](Step& s) { s.token ^= 1; }), "rejected token");
  // The rows in it are then those of positions that were not asked for.
  EXPECT_EQ(outcome_with([](Step& s) { s.last_position += 1; }), "refused: openings: step 0");
}

// Attention sees all positions: rows that the run does not keep cannot be looked at.
TEST(Attack, RowsOfThePromptThatAreNotKept) {
  SampleRun run;
  run.options.all_prompt_rows = true;
  std::uint64_t rows = 0;
  run.kept_back = [&](const Wire& wire) { return wire == Wire{1, Role::kK} && ++rows <= 3; };
  run.compute(run.model);
  const Verdict verdict = run.check(run.challenge({0}), run.by_weights());
  EXPECT_EQ(outcome_of(verdict), "rejected inclusion");
  EXPECT_EQ(verdict.reason(), "step 0: it has 2 rows of block 1 k, not 5");
}

TEST(Attack, RowsOfTheNextPosition) {
  SampleRun run;
  run.shift = 1;
  run.compute(run.model);
  const Verdict verdict = run.check(run.challenge({2}, false), run.by_weights());
  EXPECT_EQ(outcome_of(verdict), "rejected inclusion");
  EXPECT_EQ(verdict.reason(), "step 0: it ends at position 5, not 4");
}

TEST(Attack, HonestRunsPass) {
  for (std::uint32_t i = 0; i < 12; ++i) {
    SampleRun run;
    run.prompt = {i, 2 * i + 1, 90 - i};
    run.compute(run.model);
    EXPECT_EQ(by_weights(run, {0, 1, 2, 3, 4, 5}), "accepted");
    EXPECT_EQ(by_key(run, {0, 1, 2, 3, 4, 5}), "accepted");
  }
}

}  // namespace
}  // namespace assay::audit
