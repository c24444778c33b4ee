#include "assay/audit_challenge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "assay/audit_record.h"
#include "audit/kinds.h"
#include "audit/test_support.h"

namespace assay::audit {
namespace {

Head head_of(std::uint64_t steps, std::uint32_t blocks) {
  Head head;
  head.steps = steps;
  head.nonce.fill(9);
  for (std::uint32_t b = 0; b < blocks; ++b) {
    head.wires.push_back({{b, Role::kResidual}, RowDtype::kBF16, 8});
    head.wires.push_back({{b, Role::kK}, RowDtype::kBF16, 8});
    head.wires.push_back({{b, Role::kOInput}, RowDtype::kBF16, 8});
  }
  return head;
}

/// A world whose randomness is a stream.
World world_of(std::uint8_t seed) {
  World world = World::system();
  Digest key{};
  key[0] = seed;
  const auto stream = std::make_shared<ChaCha20Stream>(key);
  world.fill_random = [stream](std::span<std::uint8_t> out) -> Status {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(stream->next_u64());
    return {};
  };
  return world;
}

TEST(Challenge, DrawsDifferentStepsAndBlocksEvenly) {
  const Head head = head_of(10, 4);
  const World world = world_of(1);
  std::vector<int> drawn(10);
  std::vector<int> blocks(4);
  constexpr int kDraws = 2000;
  for (int i = 0; i < kDraws; ++i) {
    const Challenge challenge = Challenge::draw(head, {3, 2}, world).value();
    ASSERT_EQ(challenge.steps.size(), 3U);
    ASSERT_EQ(challenge.attention.size(), 6U);
    EXPECT_EQ(std::set(challenge.steps.begin(), challenge.steps.end()).size(), 3U);
    EXPECT_EQ(challenge.head, head.digest());
    EXPECT_TRUE(Challenge::decode(challenge.encode(), "drawn").ok());
    for (const std::uint64_t step : challenge.steps) ++drawn[step];
    for (const Challenge::Attention& one : challenge.attention) ++blocks[one.block];
  }
  // 3 in 10 of 2000 draws are 600, with a standard deviation of 20; 2 in 4 of 6000 are 3000, with 39.
  for (const int count : drawn) EXPECT_NEAR(count, 600, 6 * 20);
  for (const int count : blocks) EXPECT_NEAR(count, 3000, 6 * 39);
}

TEST(Challenge, OpensAllOfAShortRun) {
  const Challenge challenge = Challenge::draw(head_of(3, 1), {50, 5}, world_of(2)).value();
  EXPECT_EQ(challenge.steps, (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_EQ(challenge.attention.size(), 3U);
  EXPECT_EQ(Challenge::draw(head_of(0, 1), {1, 0}, world_of(2)).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Challenge::draw(head_of(3, 1), {0, 0}, world_of(2)).error().code, ErrorCode::kOutOfRange);
}

TEST(Challenge, DrawsSoManyAndNoMore) {
  constexpr std::uint64_t kMost = Challenge::kMaxDrawn;
  const auto drawn = [](std::uint64_t tokens, std::uint32_t blocks) {
    return Challenge::draw(head_of(kMaxSteps, 2), {tokens, blocks}, world_of(3));
  };
  EXPECT_EQ(drawn(kMost, 0).value().steps.size(), kMost);
  tensor::expect_error(drawn(kMost + 1, 0), ErrorCode::kTooLarge, "tokens: more than 262144 draws");
  EXPECT_EQ(drawn(kMost / 2, 2).value().attention.size(), kMost);
  tensor::expect_error(drawn(kMost / 2 + 1, 2), ErrorCode::kTooLarge, "tokens: more than 262144 draws");
}

TEST(Challenge, RefusesWhatIsNotCanonical) {
  const auto code = [](const Challenge& challenge) {
    return Challenge::decode(challenge.encode(), "test").error().code;
  };
  EXPECT_EQ(code({{}, {}, {}}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code({{}, {2, 1}, {}}), ErrorCode::kNonCanonical);
  EXPECT_EQ(code({{}, {1, 1}, {}}), ErrorCode::kNonCanonical);
  EXPECT_EQ(code({{}, {kMaxSteps}, {}}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code({{}, {1}, {{2, 0}}}), ErrorCode::kOutOfRange);
  EXPECT_EQ(code({{}, {1}, {{1, 1}, {1, 0}}}), ErrorCode::kNonCanonical);
  EXPECT_EQ(code({{}, {1}, {{1, 1}, {1, 1}}}), ErrorCode::kNonCanonical);
  EXPECT_TRUE(Challenge::decode(Challenge{{}, {kMaxSteps - 1}, {}}.encode(), "last").ok());
  const Bytes bytes = Challenge{{}, {1, 5}, {{1, 0}, {5, 3}}}.encode();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(Challenge::decode(ByteSpan(bytes).first(size), "cut").ok()) << size;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(Challenge::decode(longer, "longer").error().code, ErrorCode::kMalformed);
}

TEST(Challenge, AsksForTheTokenAndForWhatItsAttentionSaw) {
  const Head head = head_of(4, 2);
  const Challenge challenge{head.digest(), {2}, {{2, 1}}};
  // Wires 3 and 4 are residual and k of block 1.
  EXPECT_EQ(asked_of(challenge, head, 1), (std::vector<Asked>{{0, true}, {3, true}, {4, true}}));
  EXPECT_EQ(asked_of(challenge, head, 2),
            (std::vector<Asked>{{0, true}, {1, false}, {2, false}, {3, true}, {4, true}, {5, false}}));
  EXPECT_TRUE(asked_of(challenge, head, 3).empty());
}

TEST(Challenge, AsksForAllRowsOfWhatAttentionSees) {
  Head head = head_of(2, 0);
  for (const Role role : {Role::kResidual, Role::kQ, Role::kK, Role::kV, Role::kQkv, Role::kO})
    head.wires.push_back({{1, role}, RowDtype::kBF16, 8});
  const Challenge challenge{head.digest(), {1}, {{1, 1}}};
  EXPECT_EQ(asked_of(challenge, head, 0), (std::vector<Asked>{{0, true}, {2, true}, {3, true}, {4, true}}));
  EXPECT_EQ(asked_of(challenge, head, 1),
            (std::vector<Asked>{{0, true}, {1, false}, {2, true}, {3, true}, {4, true}, {5, false}}));
}

TEST(Budget, IsThatOfTheFormula) {
  EXPECT_EQ(tokens_for(0.01, 0.1).value(), 44U) << "0.9^44 = 0.0097";
  EXPECT_EQ(tokens_for(0.5, 0.5).value(), 1U);
  EXPECT_EQ(tokens_for(0.25, 0.5).value(), 2U);
  for (const double risk : {0.5, 0.1, 1e-6}) {
    for (const double share : {0.9, 0.1, 0.001}) {
      const std::uint64_t tokens = tokens_for(risk, share).value();
      EXPECT_LE(std::pow(1 - share, tokens), risk * (1 + 1e-9));
      EXPECT_GT(std::pow(1 - share, static_cast<double>(tokens) - 1), risk * (1 - 1e-9));
    }
  }
  EXPECT_NEAR(miss_bound(0.1, 44), std::pow(0.9, 44), 1e-15);
  for (const double wrong : {0.0, 1.0, -0.5, std::nan("")}) {
    EXPECT_EQ(tokens_for(wrong, 0.1).error().to_string(), "risk: it is not between 0 and 1");
    EXPECT_EQ(tokens_for(0.1, wrong).error().to_string(), "share: it is not between 0 and 1");
  }
  tensor::expect_error(tokens_for(1e-9, 1e-9), ErrorCode::kOutOfRange, "risk: it takes more than 16777216");
  constexpr double kShare = 1e-6;
  const auto risk = [](double tokens) { return std::exp(tokens * std::log1p(-kShare)); };
  EXPECT_EQ(tokens_for(risk(kMaxSteps - 0.5), kShare).value(), kMaxSteps) << "as many as a run has";
  EXPECT_FALSE(tokens_for(risk(kMaxSteps + 0.5), kShare).ok());
}

TEST(Record, DrawsForAHeadOnce) {
  const tensor::TempDir directory;
  const Record record = Record::open(directory / "record");
  const Head head = head_of(4, 1);
  const Challenge first = Challenge::draw(head, {1, 0}, world_of(1)).value();
  EXPECT_TRUE(record.keep(head, first).ok());
  const Error again = record.keep(head, Challenge::draw(head, {1, 0}, world_of(2)).value()).error();
  EXPECT_EQ(again.code, ErrorCode::kMismatch);

  Head other = head;
  other.run.fill(1);
  EXPECT_EQ(record.keep(other, Challenge::draw(other, {1, 0}, world_of(3)).value()).error().code,
            ErrorCode::kMismatch)
      << "another head for the same nonce: the provider chose between runs";
  other.nonce = {};
  EXPECT_TRUE(record.keep(other, Challenge::draw(other, {1, 0}, world_of(3)).value()).ok());
  EXPECT_FALSE(record.keep(other, Challenge::draw(other, {1, 0}, world_of(3)).value()).ok());
}

TEST(Record, KnowsWhatItDrew) {
  const tensor::TempDir directory;
  const Record record = Record::open(directory / "record");
  const Head head = head_of(4, 1);
  const Challenge drawn = Challenge::draw(head, {1, 0}, world_of(1)).value();
  EXPECT_EQ(record.require_drawn(drawn).error().reason, "no challenge was drawn for this head");
  ASSERT_TRUE(record.keep(head, drawn).ok());
  EXPECT_TRUE(record.require_drawn(drawn).ok());
  Challenge chosen = drawn;
  chosen.steps = {(drawn.steps.front() + 1) % 4};
  EXPECT_EQ(record.require_drawn(chosen).error().reason, "another challenge was drawn for this head");
}

TEST(Record, SaysWhatTheDiskSays) {
  const tensor::TempDir directory;
  const Record record = Record::open(directory / "record");
  ASSERT_TRUE(write_file(directory / "record", "no folder").ok());
  const Head head = head_of(4, 1);
  const Challenge drawn = Challenge::draw(head, {1, 0}, world_of(1)).value();
  EXPECT_EQ(record.keep(head, drawn).error().code, ErrorCode::kIo);
  // What cannot be written is no challenge that was drawn before.
  std::filesystem::create_directories(directory / ("other/" + to_hex(drawn.head) + ".challenge"));
  EXPECT_EQ(Record::open(directory / "other").keep(head, drawn).error().code, ErrorCode::kIo);
}

TEST(Record, ProvidersAreNamedByDigests) {
  const tensor::TempDir directory;
  const Record record = Record::open(directory.path());
  const Digest provider{7};
  const std::string rest = " " + to_hex(Digest{8}) + " accepted -\n";
  ASSERT_TRUE(write_file(directory / "outcomes", to_hex(provider) + rest).ok());
  EXPECT_EQ(record.providers().value(), std::vector<Digest>{provider});
  ASSERT_TRUE(write_file(directory / "outcomes", "0707" + rest).ok());
  tensor::expect_error(record.providers(), ErrorCode::kMalformed, "a provider that is none");
}

TEST(Record, DrawsForAHeadThatTheProviderSigned) {
  const tensor::TempDir directory;
  auto draw = [&, count = 0](const SignedHead& head, const PublicKey& provider,
                             const Record::Drawing& drawing, const Reference* reference) mutable {
    const Record record = Record::open(directory / std::to_string(++count));
    return record.draw(head, provider, drawing, reference, world_of(4));
  };
  test::SampleRun run;
  run.compute(run.model);
  const SignedHead head = run.signed_head();
  const PublicKey provider = test::provider_key().public_key();
  const Reference reference = run.by_weights();
  Record::Drawing drawing;
  drawing.attention_blocks = 2;
  tensor::expect_error(draw(head, provider, drawing, nullptr), ErrorCode::kMalformed,
                       "exactly one of tokens and risk is needed");
  drawing.tokens = 2;
  const Challenge drawn = draw(head, provider, drawing, &reference).value();
  EXPECT_EQ(drawn.steps.size(), 2U);
  EXPECT_EQ(drawn.attention.size(), 4U);
  tensor::expect_error(draw(head, SigningKey::from_seed({9}).public_key(), drawing, nullptr),
                       ErrorCode::kMismatch, "head: this provider did not sign this head");
  const Reference other = Reference::of(run.folder(), RowDtype::kBF16, Digest{1}).value();
  tensor::expect_error(draw(head, provider, drawing, &other), ErrorCode::kMismatch, "it is of the weights");
  drawing.risk = 0.5;
  tensor::expect_error(draw(head, provider, drawing, nullptr), ErrorCode::kMalformed,
                       "exactly one of tokens and risk is needed");
  drawing.tokens = 0;
  drawing.share = 0.2;
  EXPECT_EQ(draw(head, provider, drawing, nullptr)->steps.size(), 4U) << "0.8^4 is below a half";
  // Of a model whose attention is not known, none is drawn.
  const weights::ModelFolder files(R"({"model_type":"llama","hidden_size":64,"num_attention_heads":4,)"
                                   R"("num_key_value_heads":2,"rope_scaling":{"type":"linear"}})");
  files.whole(run.model.written());
  const Reference scaled = Reference::of(files.open().value(), RowDtype::kBF16, run.manifest).value();
  EXPECT_TRUE(draw(head, provider, drawing, &scaled)->attention.empty());
}

TEST(Record, ShowsWhoDrewTheChallenge) {
  const tensor::TempDir directory;
  test::SampleRun run;
  run.compute(run.model);
  const Record record = Record::open(directory / "record");
  const SignedHead head = run.signed_head();
  const Challenge asked = run.challenge({1, 3});
  const Openings given = run.openings(asked);
  const Expectation expected = run.expectation(asked);
  tensor::expect_error(record.check(head, &given, expected, run.by_weights()), ErrorCode::kMismatch,
                       "no challenge was drawn for this head");
  ASSERT_TRUE(record.keep(head.head(), asked).ok());
  const auto nobody = testing::HasSubstr("nothing shows that the verifier drew the challenge");
  const auto grade_of = [](const Verdict& verdict) {
    return std::ranges::find(verdict.checks(), "challenge", &Verdict::Check::step)->grade;
  };
  const Verdict recorded = record.check(head, &given, expected, run.by_weights()).value();
  EXPECT_TRUE(recorded.ok()) << recorded.reason();
  EXPECT_EQ(grade_of(recorded), Grade::kBound);
  EXPECT_THAT(recorded.notes(), testing::Not(testing::Contains(nobody)));
  const Verdict alone = audit::check(head, &given, expected, run.by_weights()).value();
  EXPECT_TRUE(alone.ok()) << alone.reason();
  EXPECT_EQ(grade_of(alone), Grade::kMissing);
  EXPECT_THAT(alone.notes(), testing::Contains(nobody));
}

TEST(Record, CountsOutcomesOfEachProvider) {
  const tensor::TempDir directory;
  const Record record = Record::open(directory / "record");
  Digest one{};
  Digest two{};
  two.fill(2);
  EXPECT_EQ(record.tally(one).value(), Record::Tally{});
  Digest head{};
  for (const Verdict& verdict :
       {Verdict::accepted(), Verdict::rejected("missing", "step 3"), Verdict::rejected("product", "a reason"),
        Verdict::inconclusive("drops", "one")}) {
    ++head[0];
    // Whoever looks again at an answer counts it once.
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(record.note(one, head, verdict).ok());
  }
  EXPECT_TRUE(record.note(two, one, Verdict::accepted()).ok());
  EXPECT_EQ(record.tally(one).value(), (Record::Tally{1, 2, 1, 1}));
  EXPECT_EQ(record.tally(two).value(), (Record::Tally{1, 0, 0, 0}));
  // What was missing came after all.
  EXPECT_TRUE(record.note(one, Digest{2}, Verdict::accepted()).ok());
  EXPECT_EQ(record.tally(one).value(), (Record::Tally{2, 1, 1, 0}));
  ASSERT_TRUE(write_file(directory / "record/aa.challenge", "a challenge").ok());
  const FileKind* const kind = find_kind(directory / "record", file_kinds()).value();
  const Json shown = kind->read(directory / "record").value();
  EXPECT_EQ(shown.at("challenges").dump(), "1");
  EXPECT_EQ(shown.at("providers").size(), 2U);
  tensor::expect_error(kind->read(directory / "none"), ErrorCode::kIo, "No such file or directory");
  ASSERT_TRUE(write_file(directory / "record/outcomes", to_hex(one) + " aa perhaps -\n").ok());
  EXPECT_EQ(record.tally(one).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace assay::audit
