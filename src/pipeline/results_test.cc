#include "pipeline/results.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "claim/test_support.h"
#include "pipeline/kinds.h"

namespace assay::pipeline {
namespace {

namespace test = claim::test;

class Summary : public ::testing::Test {
 protected:
  /// What the results say of these proofs.
  Json summary(const claim::Proofs& proofs, const claim::Verification& found) {
    add_openings(json_, sample_.commitment, proofs, found, {3, 1}, nullptr);
    return json_["verification_summary"];
  }
  Json summary(const claim::Verification& found) { return summary(sample_.proofs, found); }

  const test::Sample sample_ = test::flat_sample();
  const claim::Verification honest_ = claim::verify(sample_.commitment, sample_.proofs, sample_.checker);
  Json json_ = results_json(sample_.commitment, {"x_polynomial", {}, "x_commitment"}, 2, 1);
};

TEST_F(Summary, AllProofsAreVerifiedWhereEachIs) {
  ASSERT_TRUE(honest_.verdict.ok());
  ASSERT_GE(sample_.proofs.size(), 2U);
  EXPECT_EQ(json_["verification_summary"]["all_proofs_verified"], nullptr) << "before anything was opened";
  EXPECT_EQ(summary(honest_)["all_proofs_verified"], true);
  EXPECT_EQ(json_["verification_summary"]["num_queries"], sample_.proofs.size());
  EXPECT_EQ(json_["point_results"].size(), sample_.proofs.size());
  EXPECT_EQ(json_["timing"]["total_prove_time_s"], 3.0);
  EXPECT_EQ(json_["timing"]["avg_verify_time_s"], 1.0 / static_cast<double>(sample_.proofs.size()));
  for (const std::size_t bad : {std::size_t{0}, sample_.proofs.size() - 1}) {
    claim::Verification found{Verdict::rejected("opening equation", ""), {bad}, {}};
    EXPECT_EQ(summary(found)["all_proofs_verified"], false) << bad;
  }
  // What was not found out of one is not known of all.
  EXPECT_EQ(summary({Verdict::rejected("SRS digest", ""), {}, {}})["all_proofs_verified"], nullptr);
  EXPECT_EQ(summary(claim::Proofs({}, 1), honest_)["all_proofs_verified"], nullptr);
}

TEST_F(Summary, APointHasTheOriginalsFields) {
  claim::Captured captured{sample_.values, {}};
  claim::VerifyOptions options;
  options.captured = &captured;
  const claim::Verification found =
      claim::verify(sample_.commitment, sample_.proofs, sample_.checker, options);
  const OpeningTimes times{3, 1, {{0.25, 2, 0.5}, {0.5, 1, 0.5}}};
  add_openings(json_, sample_.commitment, sample_.proofs, found, times, &captured);
  const Json& point = json_["point_results"][1];
  std::vector<std::string> keys;
  for (const auto& [key, value] : point.items()) keys.push_back(key);
  EXPECT_EQ(keys,
            (std::vector<std::string>{"point", "evaluation", "proof_hex", "proof_bytes", "verified",
                                      "ground_truth_int", "ground_truth_match", "eval_time_s", "prove_time_s",
                                      "verify_time_s", "value", "number", "place", "padding"}));
  EXPECT_EQ(point["point"], Json::array({1, 3}));
  EXPECT_EQ(point["evaluation"], 264);
  EXPECT_EQ(point["proof_hex"].size(), 2U);
  EXPECT_EQ(point["proof_hex"][1], to_hex(sample_.proofs.evidence(1).subspan(32)));
  EXPECT_EQ(point["proof_bytes"], 64);
  EXPECT_EQ(point["ground_truth_int"], 264);
  EXPECT_EQ(point["ground_truth_match"], true);
  EXPECT_EQ(point["prove_time_s"], 1.0);
  EXPECT_EQ(json_["timing"]["total_eval_time_s"], 0.75);
  EXPECT_EQ(json_["proof_stats"]["avg_proof_bytes"], 64.0);
  EXPECT_EQ(json_["proof_stats"]["proof_elements_per_query"], 2);
  // What was opened together has no times of its own, and what was not captured no ground truth.
  EXPECT_EQ(summary(honest_)["num_queries"], 2);
  EXPECT_EQ(json_["timing"]["total_eval_time_s"], nullptr);
  EXPECT_EQ(json_["point_results"][0]["prove_time_s"], nullptr);
  EXPECT_EQ(json_["point_results"][0]["ground_truth_int"], nullptr);
  EXPECT_EQ(json_["point_results"][0]["ground_truth_match"], nullptr);
}

TEST_F(Summary, ValuesOfOtherLayersAreNoGroundTruth) {
  const claim::Captured captured{sample_.values, "it has other layers"};
  add_openings(json_, sample_.commitment, sample_.proofs, honest_, {3, 1}, &captured);
  ASSERT_EQ(json_["point_results"].size(), 2U);
  EXPECT_EQ(json_["point_results"][0]["ground_truth_int"], nullptr);
  EXPECT_EQ(json_["point_results"][1]["ground_truth_int"], nullptr);
}

TEST(Results, AreThoseOfCommit) {
  const test::TemporaryDirectory directory;
  const test::Sample sample = test::flat_sample();
  const Directories directories{{}, {}, directory.file("")};
  const std::filesystem::path path = directory.file(std::string(kResultsJson));
  for (const char* text : {"[]", "7", "{}", R"({"timing":null})", R"({"timing":[]})", R"({"timing":1})"}) {
    ASSERT_TRUE(write_file(path, std::string_view(text)).ok());
    const Result<Json> results = read_results(directories, sample.commitment);
    ASSERT_FALSE(results.ok()) << text;
    EXPECT_EQ(results.error().code, ErrorCode::kMalformed) << text;
    EXPECT_EQ(results.error().place, path.string()) << text;
    EXPECT_EQ(results.error().reason, "not the results of commit: remove it") << text;
  }
  ASSERT_TRUE(write_file(path, R"({"timing":{}})").ok());
  EXPECT_TRUE(read_results(directories, sample.commitment).ok());
}

TEST(Results, BeginWhereThereAreNone) {
  const test::TemporaryDirectory directory;
  const test::Sample sample = test::flat_sample();
  const Directories directories{{}, {}, directory.file("")};
  const Json results = read_results(directories, sample.commitment).value();
  EXPECT_EQ(results["commitment_hex"], to_hex(sample.commitment.value));
}

TEST(Results, AreShownWithoutHeaderAndOpenings) {
  const test::TemporaryDirectory directory;
  const test::Sample sample = test::flat_sample();
  Json json = results_json(sample.commitment, {"x_polynomial", {}, "x_commitment"}, 2, 1);
  ASSERT_TRUE(json.contains("header"));
  const std::filesystem::path path = directory.file(std::string(kResultsJson));
  ASSERT_TRUE(write_file(path, dump_json(json)).ok());
  json.erase("header");
  json.erase("point_results");
  for (const auto& [shown, name] :
       {std::pair(path, "results of commit"), {path.parent_path(), "folder of commit"}}) {
    const FileKind* const kind = find_kind(shown, file_kinds()).value();
    EXPECT_EQ(kind->name, name);
    EXPECT_EQ(kind->read(shown).value(), json);
  }
}

// A negative value is its residue, as in proofs.json; the captured one is signed.
TEST(Results, EvaluationsAreResidues) {
  const test::Sample sample = test::cube_sample();
  const claim::Proofs proofs = claim::prove(sample.srs, sample.commitment, sample.values.view(),
                                            std::vector{claim::Query::on_grid({0, 0, 0, 0})})
                                   .value();
  claim::Captured captured{sample.values, {}};
  Json json = results_json(sample.commitment, {"x_polynomial", "x", "x_commitment"}, 2, 1);
  EXPECT_EQ(json["hypercube_source"], "x");
  EXPECT_EQ(json["proof_stats"]["avg_proof_bytes"], nullptr);
  add_openings(json, sample.commitment, proofs, claim::verify(sample.commitment, proofs, sample.checker), {},
               &captured);
  const Json& point = json["point_results"][0];
  EXPECT_EQ(json_decimal(point["evaluation"], "").value(),
            "21888242871839275222246405745257275088548364400416034343698204186575808495517");
  EXPECT_EQ(point["ground_truth_int"], -100);
  EXPECT_EQ(point["value"], "-100");
}

std::vector<std::string> names_of(const std::vector<claim::Query>& points) {
  std::vector<std::string> names;
  for (const claim::Query& point : points) names.push_back(point.to_string());
  return names;
}

TEST(Points, FourAreFixed) {
  const auto of = [](const std::string& axes) {
    return names_of(fixed_points(Axes::parse(axes, "").value()));
  };
  EXPECT_EQ(of("4,6,5"), (std::vector<std::string>{"0,0,0", "3,5,4", "2,3,2", "1,1,1"}));
  // Each once, and none that the axes have not.
  EXPECT_EQ(of("2,2"), (std::vector<std::string>{"0,0", "1,1"}));
  EXPECT_EQ(of("1,3"), (std::vector<std::string>{"0,0", "0,2", "0,1"}));
  EXPECT_EQ(of("7"), (std::vector<std::string>{"0", "6", "3"}));
  EXPECT_EQ(of("1"), std::vector<std::string>{"0"});
}

TEST(Points, OthersAreDrawnAndAllAreDistinct) {
  const test::Sample sample = test::cube_sample();  // eleven values in sixteen places
  const auto of = [&](std::uint64_t count, std::uint64_t seed) {
    return names_of(points_of_seed(sample.commitment, count, seed).value());
  };
  EXPECT_EQ(of(1, 42), std::vector<std::string>{"0,0,0,0"});
  // Of axes of two nodes the last corner, the centre and the ones are one point, and padding.
  EXPECT_EQ(of(2, 42), (std::vector<std::string>{"0,0,0,0", "1,1,1,1"}));
  EXPECT_EQ(of(5, 42), of(5, 42));
  EXPECT_NE(of(5, 42), of(5, 43));
  for (std::uint64_t count = 0; count <= 14; ++count) {
    std::vector<std::string> names = of(count, 7);
    // Eleven values and a place of padding.
    EXPECT_EQ(names.size(), std::min<std::uint64_t>(count, 12));
    std::ranges::sort(names);
    EXPECT_TRUE(std::ranges::adjacent_find(names) == names.end()) << count;
  }
}

TEST(Points, AreOpenedOneByOneWithTheirTimes) {
  const Axes axes = Axes::parse("2,3", "").value();
  const tensor::IntegerArray values =
      tensor::IntegerArray::own(std::vector<std::int16_t>{5, -1, 0, 7, 7, -300});
  const Polynomial polynomial{axes, pst::interpolate(axes, values.view()).value()};
  const encode::LayerShape layer{"array", {2, 3}, ""};
  const PolynomialTensor tensor{
      polynomial, {encode::plan_flat(std::span(&layer, 1)).value(), {}, {}, {}, {}}, values, values};
  const pst::Srs srs = pst::Srs::dev(axes, 7).value();
  const claim::Commitment commitment = claim::commit(srs, tensor.header, values.view()).value();
  const std::vector<claim::Query> points = points_of_seed(commitment, 5, 42).value();
  claim::Captured captured{values, {}};
  const OpenedPoints opened = open_one_by_one(srs, commitment, tensor, points, &captured).value();
  EXPECT_TRUE(opened.found.verdict.ok());
  EXPECT_EQ(opened.proofs.encode(), claim::prove(srs, commitment, values.view(), points)->encode());
  EXPECT_EQ(opened.found.matches, std::vector<std::optional<bool>>(5, true));
  ASSERT_EQ(opened.times.points.size(), 5U);
  for (const PointTimes& times : opened.times.points) EXPECT_GT(times.prove, 0);
  EXPECT_GT(opened.times.verify, 0);
  // Another cube than the polynomial's is a rejection.
  captured.values = tensor::IntegerArray::own(std::vector<std::int16_t>{5, -1, 0, 7, 7, -301});
  EXPECT_EQ(open_one_by_one(srs, commitment, tensor, points, &captured)->found.verdict.step(),
            "captured values");
}

TEST(Points, AreOpenedUnderTheSetupOfTheCommitmentAlone) {
  const test::Sample sample = test::flat_sample();
  const Axes& axes = sample.srs.axes();
  const PolynomialTensor tensor{{axes, pst::interpolate(axes, sample.values.view()).value()},
                                sample.commitment.header,
                                sample.values,
                                {}};
  const pst::Srs other = pst::Srs::dev(axes, 1234).value();
  const std::vector<claim::Query> points{claim::Query::on_grid(std::vector<std::uint32_t>(axes.count(), 0))};
  const Result<OpenedPoints> opened = open_one_by_one(other, sample.commitment, tensor, points, nullptr);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kMismatch);
}

TEST(Points, HaveACoordinateForEachAxis) {
  const test::Sample sample = test::flat_sample();
  const Axes& axes = sample.srs.axes();
  const PolynomialTensor tensor{{axes, pst::interpolate(axes, sample.values.view()).value()},
                                sample.commitment.header,
                                sample.values,
                                {}};
  const std::vector<claim::Query> points{claim::Query::on_grid({1})};
  const Result<OpenedPoints> opened = open_one_by_one(sample.srs, sample.commitment, tensor, points, nullptr);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kMismatch);
  EXPECT_EQ(opened.error().place, "point");
  EXPECT_EQ(opened.error().reason, "1 coordinates for 2 axes");
}

TEST_F(Summary, AllValuesMatchWhereEachDoes) {
  const auto matched = [&](std::vector<std::optional<bool>> matches) {
    claim::Verification found{Verdict::accepted(), {}, std::move(matches)};
    return summary(found)["all_ground_truth_matched"];
  };
  EXPECT_EQ(matched({}), nullptr);
  EXPECT_EQ(matched({true, true}), true);
  EXPECT_EQ(matched({true, false}), false);
  EXPECT_EQ(matched({false, true}), false);
  EXPECT_EQ(matched({true, std::nullopt}), nullptr);
}

}  // namespace
}  // namespace assay::pipeline
