// A statement, level by level, and what each level says no to.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "assay/probe_attestation.h"
#include "base/dsse.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

using test::corpus_of;
using test::level;
using test::Stated;
using test::step;
using testing::HasSubstr;

TEST(ProbeStatement, AnHonestOneIsAcceptedToLevelThree) {
  const Stated stated = test::stated();
  const Verdict verdict = stated.verify();
  ASSERT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_EQ(verdict.parts().size(), 6U);
  EXPECT_TRUE(level(verdict, Level::kReadings).ok());
  EXPECT_EQ(level(verdict, Level::kActivations).outcome(), Outcome::kInconclusive);
  EXPECT_THAT(verdict.notes(), testing::Contains("activations self-reported"));
  EXPECT_EQ(stated.verify(Level::kActivations).outcome(), Outcome::kInconclusive);
  EXPECT_THAT(level(verdict, Level::kBindings).checks(),
              testing::Contains(Verdict::Check{"geometry", Grade::kRecomputed}));
}

TEST(ProbeStatement, WhatWasNotGivenIsMissing) {
  Stated stated = test::stated();
  stated.evidence.unembedding.reset();
  stated.evidence.tokens.reset();
  stated.evidence.nonce.reset();
  const Verdict verdict = stated.verify();
  EXPECT_TRUE(verdict.ok()) << "the .gotue is not needed to level 3";
  EXPECT_THAT(level(verdict, Level::kBindings).checks(),
              testing::IsSupersetOf({Verdict::Check{"unembedding", Grade::kMissing},
                                     Verdict::Check{"tokens", Grade::kMissing}}));
  EXPECT_THAT(level(verdict, Level::kSignature).checks(),
              testing::Contains(Verdict::Check{"nonce", Grade::kMissing}));
  stated.evidence.activations.reset();
  EXPECT_EQ(stated.verify().outcome(), Outcome::kInconclusive);
  EXPECT_EQ(step(stated, Level::kBindings), "activations");
  EXPECT_EQ(step(stated, Level::kReadings), "readings");
  EXPECT_TRUE(stated.verify(Level::kSignature).ok());
  stated.evidence.activations = stated.world.activations;
  stated.evidence.set.reset();
  EXPECT_EQ(step(stated, Level::kBindings), "probe set");
}

TEST(ProbeStatement, FormOfThePayload) {
  Stated stated = test::stated();
  EXPECT_EQ(probe::verify("{}", "f", stated.evidence, Level::kForm).error().code, ErrorCode::kMalformed);
  const SigningKey key = SigningKey::from_seed({1, 2, 3});
  const Bytes payload = stated.statement.encode();
  stated.envelope = Envelope::sign("application/another", payload, key).encode();
  EXPECT_EQ(step(stated, Level::kForm), "form");
  EXPECT_EQ(step(stated, Level::kSignature), "form");
  EXPECT_EQ(stated.verify(Level::kForm).parts().size(), 6U);
  EXPECT_FALSE(open_statement(stated.envelope, "f").ok());
  stated.envelope =
      Envelope::sign(std::string(Statement::kPayloadType), Bytes(payload.begin(), payload.end() - 1), key)
          .encode();
  EXPECT_EQ(stated.verify(Level::kForm).outcome(), Outcome::kRejected);
}

TEST(ProbeStatement, SignatureKeyAndTime) {
  Stated stated = test::stated();
  stated.evidence.key = SigningKey::from_seed({9}).public_key();
  EXPECT_EQ(step(stated, Level::kSignature), "key") << "another's";
  stated = test::stated();
  Envelope envelope = Envelope::decode(stated.envelope, "f").value();
  envelope.signature[3] ^= 1;
  stated.envelope = envelope.encode();
  EXPECT_EQ(step(stated, Level::kSignature), "signature");
  stated = test::stated();
  stated.evidence.now = stated.statement.expires_at;
  EXPECT_EQ(step(stated, Level::kSignature), "expired");
  stated.evidence.now = stated.statement.issued_at - 301;
  EXPECT_EQ(step(stated, Level::kSignature), "not yet valid");
  stated.evidence.now = stated.statement.issued_at - 300;
  EXPECT_EQ(step(stated, Level::kSignature), "");
  stated.evidence.previous = Digest{7};
  EXPECT_EQ(step(stated, Level::kSignature), "previous statement");
}

TEST(ProbeStatement, SignaturesThatAreNotTheOneAreRefused) {
  Stated stated = test::stated();
  Envelope envelope = Envelope::decode(stated.envelope, "f").value();
  // S + L verifies the same equation; RFC 8032 demands S < L.
  constexpr std::array<std::uint8_t, 32> kOrder = {
      0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
      0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += envelope.signature[32 + i] + kOrder[i];
    envelope.signature[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  stated.envelope = envelope.encode();
  EXPECT_EQ(step(stated, Level::kSignature), "signature");
  // A key of order 1 accepts R = identity, S = 0 for any message where it is not refused.
  Attestation attestation;
  attestation.signature[0] = 1;
  EXPECT_EQ(verify_attestation(attestation, {1}).outcome(), Outcome::kRejected);
}

TEST(ProbeStatement, EachBindingIsHeldAgainstItsFile) {
  const auto rejected = [](const auto& change) {
    Stated stated = test::stated();
    change(stated);
    const Verdict verdict = stated.verify();
    EXPECT_EQ(verdict.outcome(), Outcome::kRejected);
    return level(verdict, Level::kBindings).step();
  };
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.activations->sha256[0] ^= 1; }), "activations");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.set_digest = Digest{}; }), "probe set");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.unembedding->sha256[0] ^= 1; }), "unembedding");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.tokens->texts[0][0] ^= 1; }), "tokens");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.tokens->salt[0] ^= 1; }), "tokens");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.rows_digest = Digest{}; }), "rows");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.weights_root = Digest{}; }), "weights");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.evaluation_digest = Digest{}; }), "evaluation");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.causal = CausalResults{}; }), "causal results");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.gain = std::vector<float>(8, 1); }), "geometry");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.activations->model_id = "another"; }), "model");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.activations->precision = Precision::kInt8; }), "precision");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.activations->layers[0].layer = 4; }), "layer");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.set->details->model_id = "another"; }), "model");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.set->details->precision = Precision::kInt8; }), "precision");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.set->layer = 4; }), "layer");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.set->details.reset(); }), "probes");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.set->details->split_seed = 2; }), "probes");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.set->details->unembedding = Digest{}; }), "unembedding");
  EXPECT_EQ(rejected([](Stated& s) { s.evidence.set->details->geometry.trace *= 2; }), "geometry");
  EXPECT_EQ(rejected([](Stated& s) {
              s.evidence.unembedding.reset();  // without which nothing is recomputed
              s.evidence.set->details->geometry.trace *= 2;
            }),
            "geometry");
}

TEST(ProbeStatement, ASetHasAsManyProbesAsAreStated) {
  Stated stated = test::stated();
  stated.statement.probes.push_back(stated.statement.probes[0]);
  stated.statement.readings.resize(2 * stated.statement.readings.size());
  stated.sign_again();
  const Verdict verdict = stated.verify();
  EXPECT_EQ(level(verdict, Level::kBindings).step(), "probes");
  EXPECT_EQ(level(verdict, Level::kBindings).reason(), "2 probes, the set has 1");
  EXPECT_EQ(level(verdict, Level::kReadings).step(), "readings");
  EXPECT_EQ(level(verdict, Level::kReadings).reason(), "240 are stated, rows and probes give 120");
  stated.evidence.corpus = corpus_of(stated);
  const Verdict statistics = level(stated.verify(), Level::kStatistics);
  EXPECT_EQ(statistics.outcome(), Outcome::kRejected);
  EXPECT_EQ(statistics.reason(), "the set has another number of probes than the statement");
}

TEST(ProbeStatement, ASetIsAsWideAsTheRows) {
  Stated stated = test::stated();
  stated.evidence.set->details->width = test::kWidth + 1;
  const Verdict readings = level(stated.verify(), Level::kReadings);
  EXPECT_EQ(readings.outcome(), Outcome::kRejected);
  EXPECT_EQ(readings.reason(), "probes of 9 values for rows of 8");
}

TEST(ProbeStatement, LevelsThatNeedASetSaySo) {
  Stated stated = test::stated();
  stated.evidence.corpus = corpus_of(stated);
  stated.evidence.own_rows = rows_of_statement(stated.statement, stated.world.activations).value();
  stated.evidence.set.reset();
  const Verdict verdict = stated.verify(Level::kStatistics);
  for (const auto& [which, reason] :
       {std::pair(Level::kReadings, "activations and set of probes are needed to repeat them"),
        {Level::kActivations, "activations and set of probes are needed to compare rows with"},
        {Level::kStatistics, "corpus and set of probes are needed to repeat the figures"}}) {
    EXPECT_EQ(level(verdict, which).outcome(), Outcome::kInconclusive) << to_string(which);
    EXPECT_EQ(level(verdict, which).reason(), reason);
  }
}

TEST(ProbeStatement, LevelsHaveNames) {
  for (const Level each : {Level::kForm, Level::kSignature, Level::kBindings, Level::kReadings,
                           Level::kActivations, Level::kStatistics})
    EXPECT_EQ(level_from(to_string(each)), each);
  for (const char* none : {"", "L", "l1", "L6"}) EXPECT_EQ(level_from(none), std::nullopt) << none;
}

TEST(ProbeStatement, WhatIsNotStatedBindsNoFile) {
  Stated stated = test::stated();
  stated.evidence.evaluation_digest = Digest{};
  const Verdict verdict = stated.verify();
  EXPECT_EQ(level(verdict, Level::kBindings).step(), "evaluation");
  EXPECT_THAT(level(verdict, Level::kBindings).reason(),
              HasSubstr("the statement does not bind an evaluation"));
}

TEST(ProbeStatement, AGainIsHeldAgainstTheStatement) {
  Stated stated = test::stated();
  const std::vector<float> gain = {1, 2, 0.5F, 1, 1, 3, 1, 0.25F};
  stated.world.geometry = geometry_of(stated.world.unembedding, true, gain).value();
  stated.world.factor = factor_of(stated.world.geometry).value();
  stated.set = test::set_of(stated.world, test::trained(stated.world));
  stated.set.details->geometry.gain = gain_digest(gain);
  const Digest set_digest = test::digest_of_text(stated.set.encode());
  stated.statement = attest(stated.world.activations, stated.set, set_digest, &stated.world.rows,
                            stated.evidence.rows_digest, &stated.tokens, stated.options)
                         .value()
                         .statement;
  stated.statement.key_id = key_id_of(stated.evidence.key);
  stated.sign_again();
  stated.evidence.set = stated.set;
  stated.evidence.set_digest = set_digest;
  const auto graded = [&](Grade grade) {
    const Verdict verdict = stated.verify();
    EXPECT_TRUE(verdict.ok()) << verdict.reason();
    EXPECT_THAT(level(verdict, Level::kBindings).checks(),
                testing::Contains(Verdict::Check{"geometry", grade}));
  };
  graded(Grade::kMissing);
  stated.evidence.gain = gain;
  graded(Grade::kRecomputed);
  stated.evidence.gain->at(3) = 2;
  const Verdict verdict = stated.verify();
  EXPECT_EQ(level(verdict, Level::kBindings).step(), "geometry");
  EXPECT_EQ(level(verdict, Level::kBindings).reason(),
            "the statement is about a gain of SHA-256 " + to_hex(gain_digest(gain)));
}

TEST(ProbeStatement, TheGeometryIsRepeated) {
  Stated stated = test::stated();
  // The vector is of another geometry than the covector; the set and the statement agree about it.
  stated.set.details->probes[0].vector[1] += 1e-6;
  stated.evidence.set = stated.set;
  EXPECT_EQ(step(stated, Level::kBindings), "geometry");
  stated = test::stated();
  stated.statement.geometry.trace *= 1 + 1e-8;
  stated.sign_again();
  stated.evidence.set->details->geometry = stated.statement.geometry;
  EXPECT_EQ(step(stated, Level::kBindings), "geometry");
}

TEST(ProbeStatement, ReadingsAreRepeatedToTheLastBit) {
  Stated stated = test::stated();
  stated.statement.readings[5] = std::nextafter(stated.statement.readings[5], 10);
  stated.sign_again();
  const Verdict verdict = stated.verify();
  EXPECT_EQ(verdict.step(), "readings");
  EXPECT_EQ(verdict.item(), 5U);
  stated = test::stated();
  stated.statement.positions.back() += 1;
  stated.sign_again();
  EXPECT_EQ(step(stated, Level::kReadings), "positions");
  stated = test::stated();
  stated.statement.row_rule = "0,500";
  stated.statement.positions = {0, 500};
  stated.statement.readings.resize(2);
  stated.sign_again();
  EXPECT_EQ(step(stated, Level::kReadings), "positions");
}

TEST(ProbeStatement, TheMeanOfAllRows) {
  Stated stated = test::stated();
  stated.options.row_rule = "mean";
  stated.statement = attest(stated.world.activations, stated.set, *stated.evidence.set_digest,
                            &stated.world.rows, stated.evidence.rows_digest, &stated.tokens, stated.options)
                         .value()
                         .statement;
  stated.sign_again();
  EXPECT_EQ(stated.statement.positions, std::vector<std::uint32_t>{kMeanPosition});
  EXPECT_TRUE(stated.verify().ok()) << stated.verify().reason();
  stated.statement.readings[0] += 1e-9;
  stated.sign_again();
  EXPECT_EQ(step(stated, Level::kReadings), "readings");
}

TEST(ProbeStatement, AttestRefusesWhatDoesNotBelongTogether) {
  Stated stated = test::stated();
  const auto refusal = [&](const Activations& activations, const ProbeSet& set, const RowsFile* rows) {
    return attest(activations, set, Digest{}, rows, Digest{}, nullptr, stated.options).error();
  };
  Activations other = stated.world.activations;
  other.model_id = "another";
  EXPECT_EQ(refusal(other, stated.set, nullptr).place, "model");
  other = stated.world.activations;
  other.precision = Precision::kBf16;
  EXPECT_EQ(refusal(other, stated.set, nullptr).place, "precision");
  other = stated.world.activations;
  other.layers[0].layer = 9;
  EXPECT_EQ(refusal(other, stated.set, nullptr).place, "layer");
  other.width = 4;
  EXPECT_EQ(refusal(other, stated.set, nullptr).place, "width");
  ProbeSet original = stated.set;
  original.details.reset();
  EXPECT_THAT(refusal(stated.world.activations, original, nullptr).reason, HasSubstr("--compat"));
  RowsFile rows = stated.world.rows;
  rows.model_id = "another";
  EXPECT_EQ(refusal(stated.world.activations, stated.set, &rows).place, "file of rows");
  rows.texts.pop_back();
  EXPECT_EQ(refusal(stated.world.activations, stated.set, &rows).place, "file of rows");
  stated.options.weights_root = Digest{8};
  EXPECT_EQ(refusal(stated.world.activations, stated.set, &stated.world.rows).place, "weights");
  stated.options.weights_root = stated.world.rows.weights_root;
  for (const RowsFile* const said : std::initializer_list<const RowsFile*>{&stated.world.rows, nullptr}) {
    const auto made =
        attest(stated.world.activations, stated.set, Digest{}, said, std::nullopt, nullptr, stated.options);
    EXPECT_EQ(made.value().statement.weights_root, stated.world.rows.weights_root);
  }
  stated.options.weights_root.reset();
  stated.options.row_rule = "0,x";
  EXPECT_EQ(refusal(stated.world.activations, stated.set, nullptr).code, ErrorCode::kMalformed);
  stated.options.row_rule = "all";
  const Attested bare =
      attest(stated.world.activations, stated.set, Digest{}, nullptr, std::nullopt, nullptr, {}).value();
  EXPECT_THAT(bare.notes, testing::Contains("the token ids are not bound"));
  EXPECT_EQ(bare.statement.position_rule, "unknown");
}

TEST(ProbeStatement, RulesOfRows) {
  EXPECT_EQ(rows_of_rule("all", 3).value(), (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(rows_of_rule("0,2", 3).value(), (std::vector<std::uint32_t>{0, 2}));
  for (const char* rule : {"", "2,0", "0,0", "3", "0,", ",0", "00", "-1", "1 ", "last"})
    EXPECT_FALSE(rows_of_rule(rule, 3).ok()) << rule;
  EXPECT_EQ(rows_of_rule("7", 3).error().reason, "row 7, there are 3");
  EXPECT_EQ(rows_of_rule("7x", 3).error().code, ErrorCode::kMalformed) << "no number, whatever its size";
}

TEST(ProbeStatement, NumbersOutsideTheirRanges) {
  const Stated stated = test::stated();
  const auto code = [&](const auto& change) {
    Statement statement = stated.statement;
    change(statement);
    EXPECT_FALSE(sign(statement, stated.key).ok());
    return Statement::decode(statement.encode(), "f").ok() ? ErrorCode::kIo
                                                           : statement.validate().error().code;
  };
  EXPECT_EQ(code([](Statement& s) { s.model_id.clear(); }), ErrorCode::kMalformed);
  EXPECT_EQ(code([](Statement& s) { s.engine = std::string(4097, 'e'); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code([](Statement& s) { s.geometry.jitter = -0.0; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.geometry.trace = INFINITY; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.probes[0].auroc = 1.5; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.probes[0].ece = NAN; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.probes[0].brier = -0.0; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.probes[0].platt_scale = NAN; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.probes[0].platt_shift = INFINITY; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.probes.clear(); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code([](Statement& s) { s.readings.pop_back(); }), ErrorCode::kMismatch);
  EXPECT_EQ(code([](Statement& s) { s.readings[0] = NAN; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.positions[1] = 0; }), ErrorCode::kNonCanonical);
  EXPECT_EQ(code([](Statement& s) { s.row_rule = "mean"; }), ErrorCode::kMismatch);
  EXPECT_EQ(code([](Statement& s) { s.row_rule = "0,1"; }), ErrorCode::kMismatch);
  EXPECT_EQ(code([](Statement& s) { s.row_rule = "some"; }), ErrorCode::kMalformed);
  EXPECT_EQ(code([](Statement& s) { s.expires_at = s.issued_at; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code([](Statement& s) { s.expires_at = UINT64_MAX; }), ErrorCode::kOutOfRange);
  Bytes bytes = stated.statement.encode();
  bytes[24 + 4 + 10] = 4;  // the precision
  EXPECT_EQ(Statement::decode(bytes, "f").error().code, ErrorCode::kMalformed);
  bytes[24 + 4 + 10] = 0;
  bytes[24 + 4 + 11] = 2;  // whether there is a root
  EXPECT_EQ(Statement::decode(bytes, "f").error().code, ErrorCode::kNonCanonical);
}

TEST(ProbeStatement, TakesAsManyReadingsAndBytesAsItSays) {
  Statement statement = test::stated().statement;
  statement.model_id = std::string(kMaxText, 'm');
  statement.positions.resize(Statement::kMaxReadings);
  std::iota(statement.positions.begin(), statement.positions.end(), 0U);
  statement.readings.resize(Statement::kMaxReadings);
  const Status most = statement.validate();
  EXPECT_TRUE(most.ok()) << most.error().to_string();
  statement.positions.push_back(Statement::kMaxReadings);
  statement.readings.push_back(0);
  EXPECT_EQ(statement.validate().error().place, "readings");
}

TEST(ProbeStatement, TakesAsManyProbesAsItSays) {
  Statement statement = test::stated().statement;
  statement.probes.resize(kMaxProbes, statement.probes[0]);
  statement.probes[0].ece = 0;
  statement.probes[1].auroc = 1;
  statement.positions = {7};
  statement.readings.resize(kMaxProbes);
  const Status most = statement.validate();
  EXPECT_TRUE(most.ok()) << most.error().to_string();
  statement.row_rule = "mean";
  EXPECT_EQ(statement.validate().error().place, "positions") << "7 is that of a row";
  statement.positions = {kMeanPosition};
  EXPECT_TRUE(statement.validate().ok());
  statement.probes.push_back(statement.probes[0]);
  EXPECT_EQ(statement.validate().error().to_string(), "probes: 1025 of them, 1 to 1024 are taken");
}

TEST(ProbeStatement, ARuleOfRowsIsOfAsManyBytesAsItSays) {
  Statement statement = test::stated().statement;
  const auto refusal = [&](std::uint32_t first) {
    statement.positions.resize(10923);
    std::iota(statement.positions.begin(), statement.positions.end(), first);
    statement.readings.resize(statement.positions.size());
    statement.row_rule = fmt::format("{}", fmt::join(statement.positions, ","));
    const Status valid = statement.validate();
    return fmt::format("{} bytes: {}", statement.row_rule.size(),
                       valid.ok() ? "ok" : valid.error().to_string());
  };
  EXPECT_EQ(refusal(9999), "65536 bytes: ok");
  EXPECT_EQ(refusal(10000), "65537 bytes: row rule: over 65536 bytes");
}

// ---- Level 4

TEST(ProbeStatement, NoRowsAreNotCompared) {
  EXPECT_EQ(compare_rows({}, {}, 2, {}).error().to_string(), "own rows: 0 values against 0");
  const std::vector<float> row = {1, 2};
  EXPECT_EQ(compare_rows(row, {}, 2, {}).error().to_string(), "own rows: 2 values against 0");
}

TEST(ProbeStatement, OfRowsAsFarTheFirstIsNamed) {
  Probe probe;
  probe.covector = {1, 0};
  probe.reading_sd = 1;
  const std::vector<float> own = {1, 0, 1, 0};
  const std::vector<float> theirs = {2, 0, 2, 0};
  const RowDistance distance = compare_rows(own, theirs, 2, {&probe, 1}).value();
  EXPECT_EQ(distance.row_error, 1);
  EXPECT_EQ(distance.row, 0U);
  EXPECT_EQ(distance.reading_error, 1);
  EXPECT_EQ(distance.reading_row, 0U);
}

TEST(ProbeStatement, OwnRowsAreComparedUnderOurSetsAlone) {
  Stated stated = test::stated();
  const auto values = stated.world.activations.layers[0].values;
  stated.evidence.own_rows = std::vector<float>(values.begin(), values.end());
  stated.evidence.set->details.reset();
  const Verdict verdict = stated.verify(Level::kActivations);
  EXPECT_EQ(level(verdict, Level::kActivations).step(), "own rows");
  EXPECT_EQ(level(verdict, Level::kActivations).reason(),
            "activations and set of probes are needed to compare rows with");
}

TEST(ProbeStatement, OwnRowsOfEqualBits) {
  Stated stated = test::stated();
  const auto values = stated.world.activations.layers[0].values;
  stated.evidence.own_rows = std::vector<float>(values.begin(), values.end());
  Verdict verdict = stated.verify(Level::kActivations);
  EXPECT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_THAT(verdict.notes(), testing::Not(testing::Contains("activations self-reported")));
  stated.evidence.own_rows->at(0) = std::nextafter(values[0], 9.0F);
  EXPECT_EQ(step(stated, Level::kActivations), "profile") << "only equal bits count without one";
  stated.evidence.own_rows->pop_back();
  EXPECT_EQ(step(stated, Level::kActivations), "own rows");
}

TEST(ProbeStatement, OwnRowsWithinAProfile) {
  Stated stated = test::stated();
  Profile profile;
  profile.name = "mine";
  profile.row_error = 1e-3;
  profile.reading_error = 1e-2;
  profile.honest_runs = 200;
  profile.false_alarm_bound = 0.015;
  stated.evidence.profile = profile;
  const auto values = stated.world.activations.layers[0].values;
  std::vector<float> own(values.begin(), values.end());
  for (float& value : own) value *= 1 + 1e-5F;
  stated.evidence.own_rows = own;
  EXPECT_TRUE(stated.verify(Level::kActivations).ok()) << stated.verify(Level::kActivations).reason();
  // Moved along w by half a standard deviation of the reading; the row error is allowed to be large.
  const Probe& probe = stated.set.details->probes[0];
  double along = 0;
  for (std::size_t j = 0; j < test::kWidth; ++j) along += probe.covector[j] * probe.vector[j];
  for (std::size_t j = 0; j < test::kWidth; ++j)
    own[j] = values[j] + static_cast<float>(0.5 * probe.reading_sd * probe.vector[j] / along);
  stated.evidence.own_rows = own;
  EXPECT_EQ(step(stated, Level::kActivations), "rows differ");
  stated.evidence.profile->row_error = Profile::kMaxError;
  stated.evidence.profile->reading_error = Profile::kMaxError;
  const std::string found = step(stated, Level::kActivations);
  EXPECT_THAT(found, testing::AnyOf("rows differ", "readings differ"));
}

TEST(ProbeStatement, AProfileAllowsAsMuchAsItSays) {
  Stated stated = test::stated();
  const auto values = stated.world.activations.layers[0].values;
  std::vector<float> own(values.begin(), values.end());
  for (const std::size_t i : {5U, 9U}) own[i * test::kWidth + 2] += 0.01F * static_cast<float>(i);
  const RowDistance distance = compare_rows(own, values, test::kWidth, stated.set.details->probes).value();
  ASSERT_GT(distance.row_error, 0);
  ASSERT_GT(distance.reading_error, 0);
  stated.evidence.own_rows = own;
  stated.evidence.profile = Profile{};
  stated.evidence.profile->row_error = distance.row_error;
  stated.evidence.profile->reading_error = distance.reading_error;
  EXPECT_EQ(step(stated, Level::kActivations), "");
  stated.evidence.profile->row_error = std::nextafter(distance.row_error, 0);
  EXPECT_EQ(step(stated, Level::kActivations), "rows differ");
  stated.evidence.profile->row_error = distance.row_error;
  stated.evidence.profile->reading_error = std::nextafter(distance.reading_error, 0);
  const Verdict verdict = level(stated.verify(Level::kActivations), Level::kActivations);
  EXPECT_EQ(verdict.outcome(), Outcome::kRejected);
  EXPECT_EQ(verdict.step(), "readings differ");
  EXPECT_EQ(verdict.item(), distance.reading_row);
}

TEST(ProbeStatement, RowsOfZerosAreFarAndFinite) {
  Stated stated = test::stated();
  stated.evidence.own_rows = std::vector<float>(stated.world.activations.layers[0].values.size());
  stated.evidence.profile = Profile{};
  const Verdict verdict = stated.verify(Level::kActivations);
  EXPECT_EQ(verdict.step(), "rows differ");
  EXPECT_FALSE(to_json(verdict).empty());
}

TEST(ProbeStatement, OwnRowsAreOfItsModelLayerAndPositions) {
  const Stated stated = test::stated();
  const Activations& theirs = stated.world.activations;
  const auto refused = [&](const Statement& statement, const Activations& own) {
    const auto rows = own_rows_of_statement(statement, own, &theirs, "mine");
    return rows.ok() ? "" : rows.error().to_string();
  };
  EXPECT_EQ(refused(stated.statement, theirs), "");
  EXPECT_EQ(own_rows_of_statement(stated.statement, theirs, nullptr, "mine").value(),
            rows_of_statement(stated.statement, theirs).value());
  Activations other = theirs;
  other.model_id = "other";
  EXPECT_EQ(refused(stated.statement, other),
            "mine: rows of the model 'other', the statement is of '" + theirs.model_id + "'");
  other = theirs;
  for (LayerRows& layer : other.layers) layer.layer += 50;
  EXPECT_EQ(
      refused(stated.statement, other),
      fmt::format("mine: do not have the rows that the statement reads of layer {}", stated.statement.layer));
  Activations moved = theirs;
  for (std::uint32_t& position : moved.positions) ++position;
  EXPECT_THAT(refused(stated.statement, moved),
              testing::StartsWith(fmt::format("mine: rows of the positions {}, ", moved.positions[0])));
  // A mean states one position for all rows: those of the provider's file say which it is of.
  Statement mean = stated.statement;
  mean.row_rule = "mean";
  EXPECT_EQ(refused(mean, theirs), "");
  EXPECT_THAT(refused(mean, moved), testing::HasSubstr("the statement reads rows of"));
  EXPECT_TRUE(own_rows_of_statement(mean, moved, nullptr, "mine").ok());
}

TEST(ProbeStatement, UpToEightPositionsAreListed) {
  const Stated stated = test::stated();
  Statement mean = stated.statement;
  mean.row_rule = "mean";
  const auto at = [&](std::vector<std::uint32_t> positions) {
    Activations out = stated.world.activations;
    out.positions = std::move(positions);
    return out;
  };
  const Activations theirs = at({0, 1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(own_rows_of_statement(mean, at({1, 2, 3, 4, 5, 6, 7, 8}), &theirs, "mine").error().reason,
            "rows of the positions 1, 2, 3, 4, 5, 6, 7, 8, the statement reads rows of "
            "0, 1, 2, 3, 4, 5, 6, 7, .. (9 in all)");
}

TEST(ProbeStatement, OwnRowsOfAMean) {
  Stated stated = test::stated();
  stated.options.row_rule = "mean";
  stated.statement = attest(stated.world.activations, stated.set, *stated.evidence.set_digest, nullptr,
                            std::nullopt, nullptr, stated.options)
                         .value()
                         .statement;
  stated.statement.key_id = key_id_of(stated.evidence.key);
  stated.sign_again();
  stated.evidence.own_rows = rows_of_statement(stated.statement, stated.world.activations).value();
  EXPECT_EQ(stated.evidence.own_rows->size(), test::kWidth);
  EXPECT_EQ(step(stated, Level::kActivations), "");
  stated.statement.layer = 9;
  EXPECT_EQ(rows_of_statement(stated.statement, stated.world.activations).error().code, ErrorCode::kMismatch);
}

TEST(ProbeStatement, ProfilesThatAreNone) {
  Profile profile;
  profile.name = "mine";
  profile.row_error = 0.1;
  profile.reading_error = 0.2;
  const Profile read = Profile::from_json(profile.to_json(), "f").value();
  EXPECT_EQ(read.reading_error, 0.2);
  profile.write(test::folder() / "p").value();
  for (const double allowed : {0.0, Profile::kMaxError}) {
    profile.row_error = profile.reading_error = allowed;
    EXPECT_TRUE(profile.validate().ok()) << allowed;
  }
  profile.reading_error = 0.26;
  EXPECT_EQ(profile.validate().error().place, "reading_error");
  EXPECT_FALSE(Profile::from_json(profile.to_json(), "f").ok());
  profile.reading_error = 0;
  profile.row_error = NAN;
  EXPECT_FALSE(profile.validate().ok());
  EXPECT_EQ(Profile::read("/none").error().code, ErrorCode::kIo);
}

// ---- Level 5

// In units of such a deviation rows that were moved would be close.
TEST(ProbeStatement, TheDeviationOfReadingsIsRepeatedFromTheCorpus) {
  Stated stated = test::stated();
  stated.evidence.corpus = corpus_of(stated);
  EXPECT_EQ(step(stated, Level::kStatistics), "");
  stated.evidence.set->details->probes[0].reading_sd *= 1.001;
  const Verdict verdict = stated.verify(Level::kStatistics);
  EXPECT_EQ(verdict.step(), "statistics");
  EXPECT_THAT(verdict.reason(), testing::HasSubstr("deviate by"));
}

TEST(ProbeStatement, FiguresAreRepeatedFromTheCorpus) {
  Stated stated = test::stated();
  EXPECT_EQ(step(stated, Level::kStatistics), "statistics");
  EXPECT_EQ(level(stated.verify(), Level::kStatistics).outcome(), Outcome::kInconclusive);
  stated.evidence.corpus = corpus_of(stated);
  EXPECT_EQ(step(stated, Level::kStatistics), "");
  stated.statement.probes[0].auroc = 1;
  stated.sign_again();
  const Verdict verdict = stated.verify(Level::kStatistics);
  EXPECT_EQ(level(verdict, Level::kStatistics).outcome(), Outcome::kRejected);
  EXPECT_EQ(level(verdict, Level::kBindings).step(), "probes") << "the set says otherwise as well";
  stated = test::stated();
  stated.evidence.corpus = corpus_of(stated);
  stated.evidence.corpus->labels_digest = Digest{};
  EXPECT_EQ(level(stated.verify(), Level::kStatistics).outcome(), Outcome::kRejected);
}

TEST(ProbeStatement, TheCorpusIsTheOneOfTheSet) {
  Stated stated = test::stated();
  stated.evidence.corpus = corpus_of(stated);
  stated.evidence.corpus->rows_digest = Digest{};
  Verdict verdict = stated.verify(Level::kStatistics);
  EXPECT_EQ(level(verdict, Level::kStatistics).outcome(), Outcome::kRejected);
  EXPECT_EQ(level(verdict, Level::kStatistics).reason(),
            "the corpus given is not the one that the probes were trained on");
  stated.evidence.corpus = corpus_of(stated);
  stated.evidence.corpus->activations.model_id = "test/other";
  verdict = stated.verify(Level::kStatistics);
  EXPECT_EQ(level(verdict, Level::kStatistics).outcome(), Outcome::kRejected);
  EXPECT_EQ(level(verdict, Level::kStatistics).reason(),
            "the corpus is of the model 'test/other' in fp32, the statement of 'test/model' in fp32");
  stated.evidence.corpus = corpus_of(stated);
  stated.evidence.corpus->activations.precision = Precision::kBf16;
  verdict = stated.verify(Level::kStatistics);
  EXPECT_EQ(level(verdict, Level::kStatistics).reason(),
            "the corpus is of the model 'test/model' in bf16, the statement of 'test/model' in fp32");
  stated.evidence.corpus = corpus_of(stated);
  stated.evidence.set->details.reset();
  verdict = stated.verify(Level::kStatistics);
  EXPECT_EQ(level(verdict, Level::kStatistics).outcome(), Outcome::kInconclusive);
  EXPECT_EQ(level(verdict, Level::kStatistics).reason(),
            "corpus and set of probes are needed to repeat the figures");
}

// Its figures are exact: an AUROC of 1/2 and an interval that is no longer than that, a probability of 1/2
// for each example, and readings that do not deviate.
TEST(ProbeStatement, AProbeThatReadsNothingIsOneOfChance) {
  Stated stated = test::stated();
  stated.evidence.corpus = corpus_of(stated);
  Probe& probe = stated.evidence.set->details->probes[0];
  probe.covector.assign(test::kWidth, 0);
  probe.bias = probe.platt_scale = probe.platt_shift = probe.reading_sd = 0;
  StatedProbe& figures = stated.statement.probes[0];
  figures.auroc = figures.auroc_low = figures.auroc_high = 0.5;
  figures.brier = 0.25;
  figures.ece = 1e-9;  // the figure is 0, and as far as this it is the same
  stated.sign_again();
  Verdict verdict = level(stated.verify(), Level::kStatistics);
  EXPECT_EQ(verdict.step(), "chance");
  EXPECT_THAT(verdict.reason(), HasSubstr("0.500 to 0.500"));
  figures.ece = std::nextafter(1e-9, 1);
  stated.sign_again();
  verdict = level(stated.verify(), Level::kStatistics);
  EXPECT_EQ(verdict.step(), "statistics");
  EXPECT_THAT(verdict.reason(), HasSubstr("the ECE is 0, "));
}

TEST(ProbeStatement, FiguresOfChanceAreRejected) {
  Stated stated = test::stated();
  stated.world = test::world(60, 0);
  const Trained made = test::trained(stated.world);
  stated.set = test::set_of(stated.world, made);
  stated.statement =
      attest(stated.world.activations, stated.set, Digest{}, nullptr, std::nullopt, nullptr, stated.options)
          .value()
          .statement;
  stated.statement.key_id = key_id_of(stated.evidence.key);
  stated.sign_again();
  stated.evidence.activations = stated.world.activations;
  stated.evidence.set = stated.set;
  stated.evidence.corpus = corpus_of(stated);
  ASSERT_LE(made.test.auroc_low, 0.5);
  EXPECT_EQ(step(stated, Level::kStatistics), "chance");
}

}  // namespace
}  // namespace assay::probe
