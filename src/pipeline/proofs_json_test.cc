#include <gmock/gmock.h>

#include "assay/pipeline.h"
#include "assay/pst_original.h"
#include "base/file.h"
#include "base/json.h"
#include "claim/test_support.h"

namespace assay::pipeline {
namespace {

namespace test = claim::test;
using test::Sample;

Sample seed_sample() {
  const std::vector<tensor::IntegerTensor> layers{test::layer_of("array", {3, 4}, -50)};
  return test::make_sample("seed", encode::plan_flat(encode::shapes_of(layers)).value(), {}, std::nullopt,
                           layers, {0, 7});
}

Verdict verdict_of(const ProofsJson& proofs, const claim::TensorChecker& checker) {
  return verify(proofs, checker).verdict;
}

std::string without_digest(const std::string& text) {
  Json json = parse_json(text, "test").value();
  json.erase("commitment_digest");
  return dump_json(json);
}

/// The text with one field of the root, or of the first proof, replaced.
template <class F>
std::string changed(const std::string& text, const F& change) {
  Json json = parse_json(text, "test").value();
  change(json);
  return dump_json(json);
}

TEST(ProofsJson, AreVerifiedFromTheirFileAlone) {
  const Sample sample = seed_sample();
  const std::string text = proofs_json(sample.commitment, sample.proofs);
  const ProofsJson proofs = ProofsJson::parse(without_digest(text), "test").value();
  EXPECT_EQ(proofs.commitment, test::point_of(sample.commitment));
  EXPECT_EQ(proofs.num_variables, 2U);
  EXPECT_EQ(proofs.degree_bound, 4U);
  EXPECT_EQ(proofs.commitment_digest, std::nullopt);
  const Verdict verdict = verdict_of(proofs, sample.checker);
  ASSERT_TRUE(verdict.ok());
  EXPECT_TRUE(test::has_note(verdict, "header unbound"));
  EXPECT_TRUE(test::assumes(verdict, "SRS unverified"));
  EXPECT_EQ(test::figure(verdict, "proofs"), "2");
  EXPECT_EQ(test::figure(verdict, "distinct points"), "2");
  EXPECT_EQ(ProofsJson::parse(text, "test").value().commitment_digest, sample.commitment.digest());
}

TEST(ProofsJson, AreWrittenAsTheOriginalDoes) {
  const Sample sample = seed_sample();
  const Json json = parse_json(proofs_json(sample.commitment, sample.proofs), "test").value();
  EXPECT_EQ(json["commitment_hex"], to_hex(sample.commitment.value));
  EXPECT_EQ(json["num_variables"], 2);
  EXPECT_EQ(json["degree_bound"], 4);
  EXPECT_EQ(json["commitment_digest"], to_hex(sample.commitment.digest()));
  EXPECT_EQ(json["proofs"].size(), 2U);
  EXPECT_EQ(json["proofs"][1]["point"], Json::parse("[1, 3]"));
  EXPECT_EQ(json["proofs"][1]["evaluation"], 209);
  // -50, as its residue r - 50.
  EXPECT_EQ(json_decimal(json["proofs"][0]["evaluation"], "").value(),
            "21888242871839275222246405745257275088548364400416034343698204186575808495567");
  EXPECT_EQ(json["proofs"][0]["proof_hex"][1], to_hex(sample.proofs.evidence(0).subspan(32)));
}

TEST(ProofsJson, TakeIntegersOfEitherSignAndAnySizeBelowTheOrder) {
  const Sample sample = seed_sample();
  const std::string text = proofs_json(sample.commitment, sample.proofs);
  const auto accepted = [&](const std::string& json) {
    return verdict_of(ProofsJson::parse(json, "test").value(), sample.checker).ok();
  };
  EXPECT_TRUE(accepted(changed(text, [](Json& json) { json["proofs"][0]["evaluation"] = -50; })));
  // 209 - r.
  EXPECT_TRUE(accepted(changed(text, [](Json& json) {
    json["proofs"][1]["evaluation"] =
        json_integer("-21888242871839275222246405745257275088548364400416034343698204186575808495408");
  })));
  EXPECT_FALSE(accepted(changed(text, [](Json& json) { json["proofs"][1]["evaluation"] = 210; })));
  EXPECT_FALSE(accepted(changed(text, [](Json& json) { json["proofs"][1]["point"][0] = 2; })));
}

TEST(ProofsJson, TakePointsOffTheGrid) {
  const Sample sample = seed_sample();
  const std::vector<claim::Query> points{{{}, {Fr::from_i64(-7), Fr::from_u64(2)}, {}},
                                         {{}, {Fr::from_u64(3), Fr::from_u64(2)}, {}},
                                         {{}, {Fr::from_u64(4), Fr::from_u64(2)}, {}}};
  const claim::Proofs proofs =
      claim::prove(sample.srs, sample.commitment, sample.values.view(), points).value();
  const ProofsJson read = ProofsJson::parse(proofs_json(sample.commitment, proofs), "test").value();
  EXPECT_EQ(read.proofs.query(0), points[0]);
  // 3 is below the degree bound, though not on this axis: without axes nobody can tell.
  EXPECT_EQ(read.proofs.query(1), claim::Query::on_grid({3, 2}));
  EXPECT_EQ(read.proofs.query(2), points[2]);
  EXPECT_TRUE(verdict_of(read, sample.checker).ok());
}

/// The verifier's part of the original pipeline's setup. The digests of levels, which no opening needs, are
/// left out.
claim::TensorChecker original_checker(const Axes& axes) {
  pst::VerifierKey key{axes, pst::Trust::kDev, {}, std::vector<Digest>(axes.count())};
  for (const Fr& secret : pst::original_secrets(axes.count()))
    key.secrets.push_back(curve::multiply_vartime(G2Affine::generator(), secret));
  return claim::TensorChecker(key);
}

TEST(ProofsJson, ThePublishedOnesHoldUnderTheOriginalSetup) {
  const ProofsJson published = ProofsJson::read(ASSAY_VECTORS "/pipeline/published_proofs.json").value();
  ASSERT_EQ(published.proofs.size(), 3U);
  const Axes axes = Axes::from(std::vector<std::uint64_t>(8, 6), "").value();
  const claim::TensorChecker original = original_checker(axes);
  const Verdict verdict = verdict_of(published, original);
  EXPECT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_TRUE(test::assumes(verdict, "known to all"));
  // Not even the verifier's own list makes anything else of such a setup.
  claim::VerifyOptions trusting;
  ASSERT_TRUE(trusting.trusted.add(original.key().digest(), "ours").ok());
  EXPECT_TRUE(test::assumes(verify(published, original, trusting).verdict, "known to all"));

  ProofsJson other = published;
  claim::Proof changed = published.proofs[1];
  changed.answer.value += Fr::one();
  other.proofs = claim::Proofs({}, 8, std::vector{published.proofs[0], changed});
  const Verdict rejected = verdict_of(other, original);
  EXPECT_EQ(rejected.step(), "opening equation");
  EXPECT_EQ(rejected.item(), 1U);
  EXPECT_FALSE(test::has_note(rejected, "another setup"));
}

TEST(ProofsJson, SayWhereTheyAreOfTheOriginalSetup) {
  const Sample sample = seed_sample();
  const pst::Srs original = pst::original_srs(sample.srs.axes()).value();
  const claim::Commitment commitment =
      claim::commit(original, sample.commitment.header, sample.values.view()).value();
  const claim::Proofs proofs = claim::prove(original, commitment, sample.values.view(), sample.asked).value();
  const ProofsJson foreign = ProofsJson::parse(proofs_json(commitment, proofs), "test").value();
  const Verdict verdict = verdict_of(foreign, sample.checker);
  EXPECT_EQ(verdict.step(), "opening equation");
  EXPECT_TRUE(test::has_note(verdict, "assay srs original"));
  EXPECT_TRUE(verdict_of(foreign, claim::TensorChecker(original.verifier_key())).ok());
  // Of proofs that hold under neither nothing is said.
  ProofsJson wrong = foreign;
  wrong.commitment = G1Affine::generator();
  EXPECT_FALSE(test::has_note(verdict_of(wrong, sample.checker), "another setup"));
}

TEST(ProofsJson, RepeatedPointsCountOnce) {
  const Sample sample = seed_sample();
  ProofsJson proofs = ProofsJson::parse(proofs_json(sample.commitment, sample.proofs), "test").value();
  const claim::Proof again = proofs.proofs[0];
  proofs.proofs.add(again.query, again.answer);
  const Verdict verdict = verdict_of(proofs, sample.checker);
  EXPECT_TRUE(verdict.ok());
  EXPECT_EQ(test::figure(verdict, "proofs"), "3");
  EXPECT_EQ(test::figure(verdict, "distinct points"), "2");
}

TEST(ProofsJson, AreRejectedWithTheStepThatFails) {
  const Sample sample = seed_sample();
  const ProofsJson good = ProofsJson::parse(proofs_json(sample.commitment, sample.proofs), "test").value();
  ProofsJson proofs = good;
  proofs.proofs = claim::Proofs({}, 2);
  EXPECT_EQ(verdict_of(proofs, sample.checker).outcome(), Outcome::kInconclusive);
  proofs = good;
  proofs.degree_bound = 5;
  EXPECT_EQ(verdict_of(proofs, sample.checker).step(), "axes");
  proofs = good;
  proofs.commitment = G1Affine::generator();
  const Verdict verdict = verdict_of(proofs, sample.checker);
  EXPECT_EQ(verdict.step(), "opening equation");
  EXPECT_EQ(test::figure(verdict, "point"), "0,0");
  EXPECT_TRUE(test::has_note(verdict, "header unbound"));
  EXPECT_EQ(verdict_of(good, test::cube_sample().checker).step(), "axes");
  EXPECT_EQ(
      verdict_of(good, claim::TensorChecker(pst::Srs::dev(sample.srs.axes(), 8)->verifier_key())).step(),
      "opening equation");
}

TEST(ProofsJson, SayWhatTheSrsIsWorthByTheListOfTrustedOnes) {
  const Sample sample = seed_sample();
  const ProofsJson proofs = ProofsJson::parse(proofs_json(sample.commitment, sample.proofs), "test").value();
  claim::VerifyOptions trusting;
  ASSERT_TRUE(trusting.trusted.add(sample.checker.key().digest(), "ours").ok());
  claim::VerifyOptions other;
  ASSERT_TRUE(other.trusted.add(Digest{1}, "another").ok());
  ProofsJson bad = proofs;
  bad.num_variables = 3;
  for (const ProofsJson& given : {proofs, bad}) {
    const auto assumed = [&](const claim::VerifyOptions& options) {
      const Verdict alone = verify(given, sample.checker, options).verdict;
      const Verdict bound = verify(given, sample.commitment, sample.checker, options).verdict;
      EXPECT_EQ(alone.assumptions(), bound.assumptions());
      return alone.assumptions().at(0);
    };
    EXPECT_EQ(assumed(trusting).find("SRS trusted by the verifier's list as 'ours'"), 0U);
    EXPECT_EQ(assumed(other).find("SRS unverified"), 0U);
  }
}

// As many nodes on the largest axis as the SRS has, and axes of another number.
TEST(ProofsJson, AreOfAsManyVariablesAsTheSrsHasAxes) {
  const Sample sample = seed_sample();
  const ProofsJson good = ProofsJson::parse(proofs_json(sample.commitment, sample.proofs), "test").value();
  for (const auto& sizes : std::vector<std::vector<std::uint64_t>>{{3, 4, 2}, {4}}) {
    const claim::TensorChecker checker(pst::Srs::dev(test::axes_of(sizes), 7)->verifier_key());
    const Verdict verdict = verdict_of(good, checker);
    EXPECT_EQ(verdict.step(), "axes");
    EXPECT_EQ(verdict.reason(), "2 variables of degree bound 4, the SRS has " + std::to_string(sizes.size()) +
                                    " axes of at most 4 nodes");
  }
  ProofsJson other = good;
  other.num_variables = 3;
  EXPECT_EQ(verdict_of(other, sample.checker).reason(),
            "3 variables of degree bound 4, the SRS has 2 axes of at most 4 nodes");
  const Verdict bound = verify(other, sample.commitment, sample.checker).verdict;
  EXPECT_EQ(bound.step(), "axes");
  EXPECT_EQ(bound.reason(), "the proofs are for 3 variables, the header has 2 axes");
}

// The order of the fields means nothing: the sizes may stand behind the proofs.
TEST(ProofsJson, TakeTheirFieldsInAnyOrder) {
  const Sample sample = seed_sample();
  const Json json = parse_json(proofs_json(sample.commitment, sample.proofs), "test").value();
  Json turned = Json::object();
  for (const char* field : {"proofs", "degree_bound", "commitment_digest", "num_variables", "commitment_hex"})
    turned[field] = json[field];
  const ProofsJson read = ProofsJson::parse(dump_json(turned), "test").value();
  EXPECT_TRUE(verdict_of(read, sample.checker).ok());
  EXPECT_EQ(read.proofs.encode(), ProofsJson::parse(dump_json(json), "test")->proofs.encode());
}

TEST(ProofsJson, RejectPointsOffTheCurve) {
  const Sample sample = seed_sample();
  const std::string text = changed(proofs_json(sample.commitment, sample.proofs),
                                   [](Json& j) { j["proofs"][1]["proof_hex"][0] = std::string(64, 'f'); });
  const Verdict verdict = verdict_of(ProofsJson::parse(text, "test").value(), sample.checker);
  EXPECT_EQ(verdict.step(), "proof points");
  EXPECT_EQ(verdict.item(), 1U);
}

TEST(ProofsJson, AreBoundToACommitment) {
  const Sample sample = seed_sample();
  const ProofsJson good = ProofsJson::parse(proofs_json(sample.commitment, sample.proofs), "test").value();
  const auto under = [&](const ProofsJson& given, const claim::Commitment& commitment) {
    return verify(given, commitment, sample.checker).verdict;
  };
  EXPECT_TRUE(under(good, sample.commitment).ok());
  EXPECT_FALSE(test::has_note(under(good, sample.commitment), "header unbound"));
  // What was asked about is said whether it holds or not.
  const auto step_of = [&](const ProofsJson& given) {
    const Verdict verdict = under(given, sample.commitment);
    EXPECT_EQ(test::figure(verdict, "proofs"), "2");
    EXPECT_EQ(test::figure(verdict, "commitment digest"), to_hex(sample.commitment.digest()));
    return verdict.step();
  };
  EXPECT_EQ(step_of(good), "");
  ProofsJson other = good;
  other.commitment = G1Affine::generator();
  EXPECT_EQ(step_of(other), "commitment digest");
  other = good;
  other.commitment_digest = Digest{};
  EXPECT_EQ(step_of(other), "commitment digest");
  // Without the digest the point binds them.
  other.commitment_digest.reset();
  EXPECT_TRUE(under(other, sample.commitment).ok());
  other.num_variables = 3;
  EXPECT_EQ(step_of(other), "axes");
  // Under a header the one form of a point and its range are asked.
  ProofsJson repeated = good;
  const claim::Proof again = repeated.proofs[0];
  repeated.proofs.add(again.query, again.answer);
  EXPECT_EQ(under(repeated, sample.commitment).step(), "proof shape");
}

TEST(ProofsJson, RefuseLies) {
  const Sample sample = seed_sample();
  const std::string text = proofs_json(sample.commitment, sample.proofs);
  const auto code_of = [&](const auto& change) {
    const Result<ProofsJson> parsed = ProofsJson::parse(changed(text, change), "file");
    EXPECT_FALSE(parsed.ok());
    return parsed.ok() ? ErrorCode::kIo : parsed.error().code;
  };
  using enum ErrorCode;
  EXPECT_EQ(code_of([](Json& j) { j["num_variables"] = 3; }), kMismatch);
  EXPECT_EQ(code_of([](Json& j) { j["num_variables"] = 0; }), kOutOfRange);
  EXPECT_EQ(code_of([](Json& j) { j["num_variables"] = -2; }), kOutOfRange);
  EXPECT_EQ(code_of([](Json& j) { j["num_variables"] = 33; }), kOutOfRange);
  EXPECT_EQ(code_of([](Json& j) { j["num_variables"] = 2.0; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["num_variables"] = "2"; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["num_variables"] = json_integer("36893488147419103234"); }), kOutOfRange);
  EXPECT_EQ(code_of([](Json& j) { j["degree_bound"] = 1048577; }), kOutOfRange);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["proof_hex"].push_back(std::string(64, '0')); }), kMismatch);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["proof_hex"].erase(0); }), kMismatch);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["point"].push_back(0); }), kMismatch);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["point"].erase(0); }), kMismatch);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["point"] = 7; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["point"][0] = "0"; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["point"][0] = 0.5; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["proof_hex"][0] = std::string(63, '0'); }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["proof_hex"][0] = std::string(66, '0'); }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["proof_hex"][0] = std::string(64, 'z'); }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["proof_hex"][0] = 0; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["evaluation"] = "5"; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["evaluation"] = json_integer(std::string(300, '9')); }),
            kOutOfRange);
  // r and -r are no residues' names.
  const std::string r = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
  EXPECT_EQ(code_of([&](Json& j) { j["proofs"][0]["evaluation"] = json_integer(r); }), kOutOfRange);
  EXPECT_EQ(code_of([&](Json& j) { j["proofs"][0]["evaluation"] = json_integer("-" + r); }), kOutOfRange);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0].erase("evaluation"); }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0]["verified"] = true; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"][0] = 1; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["proofs"] = Json::object(); }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["model"] = "llama"; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j.erase("commitment_hex"); }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["commitment_hex"] = "00"; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) { j["commitment_digest"] = "00"; }), kMalformed);
  EXPECT_EQ(code_of([](Json& j) {
              j["proofs"] = Json::array();
              const Json one = {{"point", {0, 0}},
                                {"evaluation", 0},
                                {"proof_hex", {std::string(64, '0'), std::string(64, '0')}}};
              for (std::size_t k = 0; k <= ProofsJson::kMaxCount; ++k) j["proofs"].push_back(one);
            }),
            kTooLarge);

  std::string twice = text;
  twice.insert(1, "\"num_variables\": 2,");
  EXPECT_EQ(ProofsJson::parse(twice, "file").error().code, kMalformed);
  EXPECT_EQ(ProofsJson::parse("[]", "file").error().code, kMalformed);
  EXPECT_EQ(ProofsJson::parse(text + "{}", "file").error().code, kMalformed);
  EXPECT_EQ(ProofsJson::parse(std::string(ProofsJson::kMaxBytes + 1, ' '), "file").error().code, kTooLarge);
  EXPECT_EQ(ProofsJson::parse(std::string(ProofsJson::kMaxBytes, ' '), "file").error().code, kMalformed);
  EXPECT_THAT(
      ProofsJson::parse(changed(text, [&](Json& j) { j["proofs"][1]["point"][0] = json_integer(r); }), "file")
          .error()
          .place,
      ::testing::Eq("file: proofs[1].point[0]"));
  EXPECT_THAT(
      ProofsJson::parse(changed(text, [](Json& j) { j["proofs"][1].erase("point"); }), "file").error().place,
      ::testing::Eq("file: proofs[1]"));
}

TEST(ProofsJson, HaveEachKindOfValueInItsPlaceAlone) {
  const Sample sample = seed_sample();
  const std::string text = proofs_json(sample.commitment, sample.proofs);
  const auto reason = [&](const auto& change) {
    return ProofsJson::parse(changed(text, change), "file").error().reason;
  };
  const std::string digits(64, '0');
  const std::string no_text = "a text is not expected here", no_object = "an object is not expected here";
  for (const char* field : {"point", "proof_hex"})
    EXPECT_EQ(reason([&](Json& j) { j["proofs"][0][field] = 7; }), "an integer is not expected here")
        << field;
  EXPECT_EQ(reason([&](Json& j) { j["num_variables"] = digits; }), no_text);
  EXPECT_EQ(reason([&](Json& j) { j["proofs"][0]["point"][0] = digits; }), no_text);
  EXPECT_EQ(reason([&](Json& j) { j["proofs"][0]["evaluation"] = digits; }), no_text);
  EXPECT_EQ(reason([](Json& j) { j["proofs"][0]["point"][0] = Json::object(); }), no_object);
  EXPECT_EQ(reason([](Json& j) { j["proofs"][0]["evaluation"] = Json::object(); }), no_object);
  EXPECT_EQ(reason([](Json& j) { j["degree_bound"] = Json::object(); }), no_object);
}

// They are refused as they come, and not when all are in memory.
TEST(ProofsJson, HaveAsManyCoordinatesAndPointsAsVariables) {
  const Sample sample = seed_sample();
  const auto reason = [&](const auto& change) {
    return ProofsJson::parse(changed(proofs_json(sample.commitment, sample.proofs), change), "file")
        .error()
        .reason;
  };
  EXPECT_EQ(reason([](Json& j) { j["proofs"][0]["point"].push_back(0); }), "more than 2 coordinates");
  EXPECT_EQ(reason([](Json& j) { j["proofs"][0]["proof_hex"].push_back(std::string(64, '0')); }),
            "more than 2 proof points");
}

TEST(ProofsJson, HaveArraysInTheirPlacesAlone) {
  const Sample sample = seed_sample();
  const std::string text = proofs_json(sample.commitment, sample.proofs);
  const auto reason_of = [](const std::string& json) -> std::string {
    const Result<ProofsJson> parsed = ProofsJson::parse(json, "file");
    return parsed.ok() ? "accepted" : parsed.error().reason;
  };
  const auto reason = [&](const auto& change) { return reason_of(changed(text, change)); };
  const std::string no_array = "an array is not expected here";
  EXPECT_EQ(reason_of("[]"), no_array);
  for (const char* field : {"commitment_hex", "num_variables", "degree_bound", "commitment_digest"}) {
    EXPECT_EQ(reason([&](Json& j) { j[field] = Json::array(); }), no_array) << field;
    // Nothing behind it is read.
    EXPECT_EQ(reason([&](Json& j) { j[field] = Json::array(), j["model"] = 1; }), no_array) << field;
  }
  EXPECT_EQ(reason([](Json& j) { j["proofs"][0] = Json::array(); }), no_array);
  EXPECT_EQ(reason([](Json& j) { j["proofs"][0]["evaluation"] = Json::array(); }), no_array);
  EXPECT_EQ(reason([](Json& j) { j["proofs"][0]["point"][0] = Json::array(); }), no_array);
}

TEST(ProofsJson, TakeAsManyVariablesAndNodesAsAxesMayHave) {
  const Sample sample = seed_sample();
  const auto parse = [&](int num_variables, int degree_bound) {
    const auto change = [&](Json& j) {
      j["num_variables"] = num_variables;
      j["degree_bound"] = degree_bound;
      j["proofs"] = Json::array();
    };
    return ProofsJson::parse(changed(proofs_json(sample.commitment, sample.proofs), change), "file");
  };
  const Result<ProofsJson> most = parse(32, 1048576);
  ASSERT_TRUE(most.ok()) << most.error().to_string();
  EXPECT_EQ(most->num_variables, 32U);
  EXPECT_EQ(most->degree_bound, 1048576U);
  EXPECT_EQ(parse(33, 1048576).error().to_string(),
            "file: num_variables: an integer from 1 to 32 is expected here");
  EXPECT_EQ(parse(32, 1048577).error().to_string(),
            "file: degree_bound: an integer from 1 to 1048576 is expected here");
}

TEST(ProofsJson, NameTheFieldThatBelongsNowhere) {
  const Sample sample = seed_sample();
  const std::string text = proofs_json(sample.commitment, sample.proofs);
  const auto reason = [&](const auto& change) {
    return ProofsJson::parse(changed(text, change), "file").error().reason;
  };
  EXPECT_EQ(reason([](Json& j) { j["model"] = 1; }), "no field \"model\" belongs here");
  EXPECT_EQ(reason([](Json& j) { j["proofs"][1]["verified"] = 1; }), "no field \"verified\" belongs here");
}

TEST(ProofsJson, GoThroughAFile) {
  const test::TemporaryDirectory directory;
  const Sample sample = seed_sample();
  ASSERT_TRUE(write_file(directory.file("proofs.json"), proofs_json(sample.commitment, sample.proofs)).ok());
  EXPECT_EQ(ProofsJson::read(directory.file("proofs.json")).value().proofs.size(), 2U);
  EXPECT_EQ(ProofsJson::read(directory.file("none")).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace assay::pipeline
