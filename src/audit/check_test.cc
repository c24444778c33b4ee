// Honest runs, and answers that are not what was asked for.
#include "assay/audit_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "audit/check_parts.h"
#include "audit/test_support.h"
#include "base/dsse.h"

namespace assay::audit {
namespace {

using test::Llama;
using test::SampleRun;
using testing::HasSubstr;

/// What is changed in an answer, and where it fails.
class Answers : public testing::Test {
 protected:
  Answers() {
    run_.compute(run_.model);
    asked_ = run_.challenge({0, 3});
    given_ = run_.openings(asked_);
  }
  [[nodiscard]] Result<Verdict> check(const Expectation& expected) const {
    return audit::check(run_.signed_head(), &given_, expected, reference_);
  }
  [[nodiscard]] Result<Verdict> check() const { return check(run_.expectation(asked_)); }
  /// The step that a change of the answer is rejected at, or the code of the error.
  [[nodiscard]] std::string step() const {
    const Result<Verdict> verdict = check();
    if (!verdict.ok()) return "error " + std::to_string(static_cast<int>(verdict.error().code));
    return std::string(to_string(verdict->outcome())) + " " + verdict->step();
  }
  /// The same with the reason, of what is rejected.
  [[nodiscard]] std::string reason() const {
    const Verdict verdict = check().value();
    return std::string(to_string(verdict.outcome())) + " " + verdict.step() + ": " + verdict.reason();
  }
  [[nodiscard]] Openings::Row& row(std::size_t step, const Wire& wire) {
    auto& rows = given_.steps[step].rows;
    return *std::ranges::find_if(rows, [&](const Openings::Row& one) { return one.header.wire == wire; });
  }

  SampleRun run_;
  Reference reference_ = run_.by_weights();
  Challenge asked_;
  Openings given_;
};

TEST_F(Answers, OfAnHonestRunAreAccepted) {
  for (const Reference& reference : {reference_, run_.by_key()}) {
    const Verdict verdict =
        audit::check(run_.signed_head(), &given_, run_.expectation(asked_), reference).value();
    EXPECT_TRUE(verdict.ok()) << verdict.step() << ": " << verdict.reason();
    std::vector<std::string> checks;
    for (const Verdict::Check& check : verdict.checks()) {
      checks.push_back(check.step);
      EXPECT_EQ(check.grade == Grade::kMissing, check.step == "challenge") << check.step;
    }
    EXPECT_THAT(checks,
                testing::ElementsAre("head", "challenge", "missing", "inclusion", "drops", "delivered tokens",
                                     "product", "logits", "chain", "attention", "token"));
    EXPECT_NEAR(*verdict.miss_bound(), 0.81, 1e-12);
    EXPECT_EQ(std::get<std::uint64_t>(verdict.figure("tokens opened")->value), 2U);
    EXPECT_EQ(std::get<std::uint64_t>(verdict.figure("products opened")->value),
              2 * (7U * Llama::kBlocks + 1));
  }
}

TEST_F(Answers, OfEveryStepAreAccepted) {
  const Challenge all = run_.challenge({0, 1, 2, 3, 4, 5});
  for (const Reference& reference : {reference_, run_.by_key()}) {
    const Verdict verdict = run_.check(all, reference);
    EXPECT_TRUE(verdict.ok()) << verdict.step() << ": " << verdict.reason();
  }
}

TEST_F(Answers, ShowTheVarianceOfRoundingToWhoHasTheWeights) {
  const Verdict verdict = check().value();
  const Figure* variance = verdict.figure("variance of the rounding, over the formula's");
  ASSERT_NE(variance, nullptr);
  // Some 5000 values: the standard deviation of their mean square is 0.9 / sqrt(5000).
  EXPECT_NEAR(std::get<double>(variance->value), 1, 0.08);
  const Verdict by_key =
      audit::check(run_.signed_head(), &given_, run_.expectation(asked_), run_.by_key()).value();
  EXPECT_EQ(by_key.figure("variance of the rounding, over the formula's"), nullptr)
      << "residuals are equations in the secret vectors";
}

TEST_F(Answers, AreWrittenAsTheyAreRead) {
  const Bytes bytes = given_.encode();
  EXPECT_EQ(bytes, open_run(RunFolder::open(run_.run_folder).value(), asked_).value());
  EXPECT_EQ(SampleRun::decode(bytes), given_);
  const std::size_t stride = bytes.size() / 400;
  for (std::size_t size = 0; size < bytes.size(); size += 1 + stride)
    EXPECT_FALSE(Openings::decode(ByteSpan(bytes).first(size), "cut").ok()) << size;
  EXPECT_FALSE(Openings::decode(ByteSpan(bytes).first(bytes.size() - 1), "cut").ok());
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(Openings::decode(longer, "longer").error().code, ErrorCode::kMalformed);
}

TEST_F(Answers, AscendByStepAndRow) {
  const Openings whole = given_;
  const auto refused = [&](const auto& change) {
    given_ = whole;
    change(given_);
    return Openings::decode(given_.encode(), "openings").error();
  };
  for (const Error& error : {refused([](Openings& o) { std::swap(o.steps[1], o.steps[2]); }),
                             refused([](Openings& o) { o.steps[2] = o.steps[1]; })}) {
    EXPECT_EQ(error.code, ErrorCode::kNonCanonical);
    EXPECT_THAT(error.to_string(), HasSubstr("steps at byte"));
  }
  for (const Error& error : {refused([](Openings& o) { std::swap(o.steps[0].rows[1], o.steps[0].rows[2]); }),
                             refused([](Openings& o) { o.steps[0].rows[2] = o.steps[0].rows[1]; })}) {
    EXPECT_EQ(error.code, ErrorCode::kNonCanonical);
    EXPECT_THAT(error.to_string(), HasSubstr("rows at byte"));
  }
}

TEST(Openings, OfTooManyBytesAreRefusedUnread) {
  const tensor::TempDir directory;
  const std::filesystem::path path = directory / "openings";
  ASSERT_TRUE(write_file(path, std::string_view("nothing")).ok());
  std::filesystem::resize_file(path, Openings::kMaxBytes);
  tensor::expect_error(Openings::read(path), ErrorCode::kMalformed, "tag");
  std::filesystem::resize_file(path, Openings::kMaxBytes + 1);
  tensor::expect_error(Openings::read(path), ErrorCode::kTooLarge, "4294967297 bytes, at most");
}

TEST_F(Answers, MissingAreAFailure) {
  const Verdict silence =
      audit::check(run_.signed_head(), nullptr, run_.expectation(asked_), reference_).value();
  EXPECT_EQ(silence.outcome(), Outcome::kRejected);
  EXPECT_EQ(silence.step(), "missing");
  const Openings whole = given_;
  given_.steps.pop_back();
  EXPECT_EQ(reason(), "rejected missing: step 3: step 3");
  given_ = whole;
  given_.steps.erase(given_.steps.begin() + 1);  // rows that attention saw
  EXPECT_EQ(reason(), "rejected missing: step 1: step 1");
  given_ = whole;
  given_.steps[0].rows.pop_back();
  EXPECT_EQ(step(), "rejected missing");
  given_ = whole;
  given_.steps[1].rows.erase(given_.steps[1].rows.begin());
  EXPECT_EQ(step(), "rejected missing");
}

TEST_F(Answers, NotAskedForAreRefused) {
  const std::string mismatch = "error " + std::to_string(static_cast<int>(ErrorCode::kMismatch));
  Openings more = run_.openings(run_.challenge({0, 3, 5}));
  more.challenge = asked_.digest();
  given_ = more;
  EXPECT_EQ(step(), mismatch) << "a step";
  more = run_.openings(run_.challenge({0, 2, 3}));
  more.challenge = asked_.digest();
  given_ = more;
  EXPECT_EQ(step(), mismatch) << "rows of a step that attention is asked of";
  given_ = run_.openings(run_.challenge({0, 4}));
  EXPECT_EQ(step(), mismatch) << "the answer to another challenge";
}

TEST_F(Answers, ToAChallengeOfAnotherHeadAreRefused) {
  Expectation expected = run_.expectation(asked_);
  expected.challenge.head.fill(1);
  given_.challenge = expected.challenge.digest();
  tensor::expect_error(check(expected), ErrorCode::kMismatch, "challenge: it is about another head");
  expected = run_.expectation(asked_);
  expected.challenge.steps.push_back(6);
  tensor::expect_error(check(expected), ErrorCode::kOutOfRange, "it asks for a step that the run does not");
  expected = run_.expectation(asked_);
  expected.challenge.attention.push_back({3, Llama::kBlocks});
  tensor::expect_error(check(expected), ErrorCode::kOutOfRange, "challenge: block 3 of a model of 3");
}

TEST_F(Answers, WithAChangedRowDoNotLeadToTheHead) {
  Bytes changed(row(1, {1, Role::kK}).bytes.begin(), row(1, {1, Role::kK}).bytes.end());
  changed[0] ^= 1;
  row(1, {1, Role::kK}).bytes = changed;
  EXPECT_EQ(step(), "rejected inclusion");
}

TEST_F(Answers, WithRowsOfOtherWiresOrPositionsDoNotLeadToTheHead) {
  const Openings whole = given_;
  std::swap(row(3, {0, Role::kGate}).bytes, row(3, {0, Role::kUp}).bytes);
  EXPECT_EQ(step(), "rejected inclusion") << "another wire's row of the same size";
  given_ = whole;
  std::swap(given_.steps[0].rows[0].bytes, given_.steps[0].rows[1].bytes);
  EXPECT_EQ(step(), "rejected inclusion") << "another position's row";
  given_ = whole;
  row(3, {0, Role::kGate}).bytes = row(0, {0, Role::kGate}).bytes;
  EXPECT_EQ(step(), "rejected inclusion") << "another step's row";
  given_ = whole;
  row(3, {0, Role::kGate}).header.dtype = RowDtype::kF16;
  EXPECT_EQ(
      reason(),
      "rejected inclusion: step 3: the row of block 0 gate, position 7 is not of the wire's element type "
      "and size");
  given_ = whole;
  Openings::Row& short_row = row(3, {0, Role::kGate});
  short_row.header.row_bytes -= 2;
  short_row.bytes = short_row.bytes.first(short_row.header.row_bytes);
  EXPECT_THAT(reason(), HasSubstr("is not of the wire's element type and size"));
}

TEST_F(Answers, WithAnotherStepDoNotLeadToTheHead) {
  const Openings whole = given_;
  const auto rejected = [&](const auto& change) {
    given_ = whole;
    change(given_.steps[3].step);
    return reason();
  };
  const char* const kOther =
      "rejected inclusion: step 3: its request, nonce or wires are not those of the head";
  EXPECT_THAT(rejected([](Step& s) { s.token ^= 1; }),
              HasSubstr("rejected inclusion: the steps do not lead to the head"));
  EXPECT_EQ(rejected([](Step& s) { s.nonce[0] ^= 1; }), kOther);
  EXPECT_EQ(rejected([](Step& s) { s.request[0] ^= 1; }), kOther);
  EXPECT_EQ(rejected([](Step& s) { s.wires[0] ^= 1; }), kOther);
  EXPECT_EQ(rejected([](Step& s) { s.last_position -= 1; }).substr(0, 18), "rejected missing: ");
  EXPECT_EQ(rejected([](Step& s) { s.root[0] ^= 1; }),
            "rejected inclusion: step 3: the tree of its rows has another root");
  EXPECT_THAT(rejected([](Step& s) { s.drops = 1; }), HasSubstr("the steps do not lead to the head"));
  EXPECT_EQ(rejected([](Step& s) { s.rows.pop_back(); }),
            "rejected inclusion: step 3: it has other wires than the head");
  given_ = whole;
  given_.tree[0] ^= 1;
  EXPECT_EQ(reason(), "rejected inclusion: the tree of steps has another root than the head");
  given_ = whole;
  given_.steps[2].tree[0] ^= 1;
  EXPECT_EQ(reason(), "rejected inclusion: step 2: the tree of its rows has another root");
  given_ = whole;
  given_.path.hashes.push_back({});
  EXPECT_THAT(reason(), HasSubstr("rejected inclusion: the steps do not lead to the head"));
  given_ = whole;
  given_.steps[0].path.hashes.pop_back();
  EXPECT_THAT(reason(), HasSubstr("rejected inclusion: step 0: its rows do not lead to its root"));
}

TEST_F(Answers, UnderAHeadOfSomebodyOrSomethingElseAreRejected) {
  const auto step_with = [&](const auto& change, bool resign = true) {
    Envelope envelope = Envelope::decode(run_.envelope(), "head").value();
    Head head = Head::decode(envelope.payload, "head").value();
    change(head);
    const SigningKey key = resign ? test::provider_key() : SigningKey::from_seed({9});
    envelope = Envelope::sign(envelope.payload_type, head.encode(), key);
    Expectation expected = run_.expectation(asked_);
    expected.challenge.head = head.digest();
    given_.challenge = expected.challenge.digest();
    const Result<Verdict> verdict =
        audit::check(SignedHead::decode(envelope.encode(), "head").value(), &given_, expected, reference_);
    return verdict.ok() ? verdict->step() : verdict.error().place;
  };
  EXPECT_EQ(step_with([](Head&) {}), "");
  EXPECT_EQ(step_with([](Head&) {}, false), "head") << "signed by another key";
  EXPECT_EQ(step_with([](Head& h) { h.request[0] ^= 1; }), "head");
  EXPECT_EQ(step_with([](Head& h) { h.nonce[0] ^= 1; }), "head") << "replayed";
  EXPECT_EQ(step_with([](Head& h) { h.steps = 5; }), "head");
  EXPECT_EQ(step_with([](Head& h) { h.wires.pop_back(); }), "head") << "a wire left out";
  EXPECT_EQ(step_with([](Head& h) { h.wires[3].dtype = RowDtype::kF16; }), "head");
  EXPECT_EQ(step_with([](Head& h) { h.wires[3].row_bytes *= 2; }), "head");
  EXPECT_EQ(step_with([](Head& h) { h.manifest[0] ^= 1; }), "head") << "another model: refused";
  EXPECT_EQ(step_with([](Head& h) { h.root[0] ^= 1; }), "inclusion");
  EXPECT_EQ(step_with([](Head& h) { h.drops = h.rows; }), "drops");
  EXPECT_EQ(step_with([](Head& h) { h.rows *= 1000; }), "head") << "of so many, more drops would be few";
  EXPECT_EQ(step_with([](Head& h) { h.rows = 1; }), "head");
  Envelope other = Envelope::sign("text/plain", run_.head.encode(), test::provider_key());
  EXPECT_EQ(SignedHead::decode(other.encode(), "head").error().code, ErrorCode::kMismatch);
  EXPECT_FALSE(SignedHead::decode("{}", "head").ok());
}

TEST_F(Answers, UnderAHeadWithAnotherWireAreToldWhich) {
  const auto reason_with = [&](const auto& change) {
    Head head = run_.head;
    change(head.wires[3]);
    return internal::check_head(head, run_.expectation(asked_), reference_.facts()).value()->reason;
  };
  EXPECT_EQ(reason_with([](WireEntry& k) { k.dtype = RowDtype::kF16; }),
            "block 0 k: rows of 64 bytes of float16, not 64 of bfloat16");
  EXPECT_EQ(reason_with([](WireEntry& k) { k.row_bytes *= 2; }),
            "block 0 k: rows of 128 bytes of bfloat16, not 64 of bfloat16");
  EXPECT_EQ(reason_with([](WireEntry& k) { k.wire.role = Role::kQkv; }), "it has no wire 'block 0 k'");
}

TEST_F(Answers, ToldOtherwiseThanTheTokensAreRejected) {
  Expectation expected = run_.expectation(asked_);
  expected.request.output_token_ids[3] ^= 1;
  const Verdict verdict = check(expected).value();
  EXPECT_EQ(verdict.step(), "token");
  EXPECT_EQ(verdict.item(), 3U);
}

TEST_F(Answers, WithNaNAreRefusedWithTheirPlace) {
  SampleRun run;
  run.compute(run.model, [](const Wire& wire, std::uint64_t position, test::Row& row) {
    if (wire == Wire{1, Role::kUp} && position == 7) row[5] = std::nanf("");
  });
  const Challenge asked = run.challenge({3}, false);
  const Openings given = run.openings(asked);
  const Error refused =
      audit::check(run.signed_head(), &given, run.expectation(asked), run.by_weights()).error();
  EXPECT_EQ(refused.code, ErrorCode::kOutOfRange);
  EXPECT_THAT(refused.to_string(), HasSubstr("step 3, block 1 up, position 7"));
  EXPECT_THAT(refused.to_string(), HasSubstr("index 5 is NaN"));
}

TEST_F(Answers, AreCheckedByNumbersThatMakeSense) {
  const auto refused = [&](double share, double factor) {
    Expectation expected = run_.expectation(asked_);
    expected.cheat_share = share;
    expected.tolerance.variance_factor = factor;
    return check(expected).error().to_string();
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double share : {0.0, 1.0, -0.5, 1.5, std::nan("")})
    EXPECT_EQ(refused(share, 1), "share: it is not between 0 and 1") << share;
  for (const double factor : {0.0, -1.0, kInfinity, std::nan("")})
    EXPECT_EQ(refused(0.1, factor), "variance factor: it is not above 0") << factor;
}

TEST_F(Answers, SayNothingOfWhatWasChecked) {
  const Verdict verdict = check().value();
  EXPECT_THAT(verdict.notes(),
              testing::ElementsAre(HasSubstr("nothing shows that the verifier drew the challenge"),
                                   HasSubstr("not seen: work that was not declared")));
  const Verdict by_key =
      audit::check(run_.signed_head(), &given_, run_.expectation(asked_), run_.by_key()).value();
  EXPECT_EQ(by_key.notes(), verdict.notes());
  for (const std::string& assumption : verdict.assumptions())
    EXPECT_THAT(assumption, testing::Not(HasSubstr("in what is recorded")));
}

TEST(TellsOfKey, IsARejectionByWhatIsSecret) {
  EXPECT_TRUE(tells_of_key(Verdict::rejected("product", "")));
  EXPECT_TRUE(tells_of_key(Verdict::rejected("logits", "")));
  EXPECT_FALSE(tells_of_key(Verdict::rejected("chain", "")));
  EXPECT_FALSE(tells_of_key(Verdict::inconclusive("product", "")));
  EXPECT_FALSE(tells_of_key(Verdict::accepted()));
}

// Of the steps that a run's tree is made of.
TEST(OpenRun, RefusesAChallengeThatItCannotAnswer) {
  SampleRun run;
  run.compute(run.model);
  const RunFolder folder = RunFolder::open(run.run_folder).value();
  Challenge asked = run.challenge({5}, false);
  EXPECT_TRUE(open_run(folder, asked).ok());
  asked.steps = {6};
  tensor::expect_error(open_run(folder, asked), ErrorCode::kOutOfRange, "challenge: step 6 of a run of 6");
  asked = run.challenge({5}, false);
  asked.head[0] ^= 1;
  tensor::expect_error(open_run(folder, asked), ErrorCode::kMismatch, "challenge: it is about another head");
}

TEST(Check, SaysWhatItCannotSee) {
  SampleRun run;
  run.request.sampling = "temperature 0.7";
  run.compute(run.model);
  const Verdict verdict = run.check(run.challenge({2}, false), run.by_weights());
  EXPECT_TRUE(verdict.ok());
  EXPECT_THAT(verdict.notes(), testing::Contains(HasSubstr("choice of tokens is not bound")));
  EXPECT_THAT(verdict.notes(), testing::Contains(HasSubstr("the challenge drew no block")));
  EXPECT_THAT(verdict.checks(), testing::Contains(Verdict::Check{"token", Grade::kMissing}));
  EXPECT_THAT(verdict.checks(), testing::Contains(Verdict::Check{"attention", Grade::kMissing}));
}

TEST(Check, OfAModelThatIsNotKnownLooksAtItsProductsAlone) {
  SampleRun run;
  run.kept_back = [](const Wire& wire) { return wire.role == Role::kResidual; };
  run.compute(run.model);
  const weights::ModelFolder files(R"({"model_type":"other"})");
  files.whole(run.model.written());
  const Reference other = Reference::of(files.open().value(), RowDtype::kBF16, run.manifest).value();
  const Verdict verdict = run.check(run.challenge({2}, false), other);
  EXPECT_TRUE(verdict.ok()) << verdict.step() << ": " << verdict.reason();
  EXPECT_THAT(verdict.notes(), testing::Contains(HasSubstr("products alone are checked")));
  EXPECT_THAT(verdict.checks(), testing::Contains(Verdict::Check{"product", Grade::kRecomputed}));
  EXPECT_THAT(verdict.checks(), testing::Contains(Verdict::Check{"chain", Grade::kMissing}));
  EXPECT_THAT(verdict.checks(), testing::Contains(Verdict::Check{"attention", Grade::kMissing}));
}

TEST(Check, OfAModelWhoseAttentionIsNotKnownLooksAtAllElse) {
  SampleRun run;
  run.compute(run.model, [](const Wire& wire, std::uint64_t, test::Row& row) {
    if (wire.role == Role::kOInput) row.assign(row.size(), 0);
  });
  const Challenge asked = run.challenge({2});
  EXPECT_EQ(test::outcome_of(run.check(asked, run.by_weights())), "rejected attention");
  std::string config = Llama::config();
  config.insert(1, R"("rope_scaling":{"type":"linear"},)");
  const weights::ModelFolder files(config);
  files.whole(run.model.written());
  const Reference scaled = Reference::of(files.open().value(), RowDtype::kBF16, run.manifest).value();
  const Verdict verdict = run.check(asked, scaled);
  EXPECT_TRUE(verdict.ok()) << verdict.step() << ": " << verdict.reason();
  EXPECT_THAT(verdict.notes(),
              testing::Contains("attention is not checked: rotary positions of type 'linear'"));
  EXPECT_THAT(verdict.checks(), testing::Contains(Verdict::Check{"chain", Grade::kRecomputed}));
  EXPECT_THAT(verdict.checks(), testing::Contains(Verdict::Check{"attention", Grade::kMissing}));
}

}  // namespace
}  // namespace assay::audit
