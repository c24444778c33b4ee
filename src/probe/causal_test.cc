#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "assay/probe_causal.h"
#include "base/json.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

using testing::HasSubstr;
using Numbers = std::vector<double>;

/// Prompts whose functional rises by `effect` for each alpha, with noise, beside 200 directions of noise.
CausalResults results(double effect, double noise = 0.05, std::uint32_t seed = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  CausalResults out;
  out.alphas = {-2, -1, 0, 1, 2};
  out.kl_bound = 0.1;
  out.dimension = "tense";
  const auto curve = [&](double slope) {
    std::vector<double> values;
    for (const double alpha : out.alphas) values.push_back(1 + slope * alpha + noise * normal(generator));
    return values;
  };
  for (int i = 0; i < 20; ++i) {
    out.dose.push_back(curve(effect));
    out.ablated.push_back(1 - effect / 2);
  }
  for (int i = 0; i < 200; ++i) {
    out.random_dose.push_back(curve(0.1 * normal(generator)));
    out.random_ablated.push_back(1 + 0.01 * normal(generator));
  }
  out.neutral_kl = {0.01, 0.02};
  return out;
}

TEST(ProbeCausal, AUsedDirectionPassesWhateverItsSign) {
  for (const double effect : {1.0, -1.0}) {
    const Verdict verdict = causal_verdict(results(effect));
    EXPECT_TRUE(verdict.ok()) << verdict.reason();
    EXPECT_NEAR(std::get<double>(verdict.figure("slope")->value), effect, 0.05);
    EXPECT_NEAR(std::get<double>(verdict.figure("Spearman")->value), effect, 1e-12);
    EXPECT_NEAR(std::get<double>(verdict.figure("ablation")->value), -effect / 2, 0.05);
    EXPECT_EQ(std::get<double>(verdict.figure("percentile of ablation")->value), 100);
  }
}

// Hole 6 of the original: its score is near 1 for any direction of a smooth map, and turns with the sign of
// w.
TEST(ProbeCausal, Hole6AnyDirectionIsCausal) {
  const auto consistency = [](double plus, double minus) {
    return (plus >= minus ? 1 : -1) * std::min(plus / minus, minus / plus);
  };
  const double size = std::fabs(std::tanh(0.301) - std::tanh(0.3));
  const double other = std::fabs(std::tanh(0.299) - std::tanh(0.3));
  EXPECT_GT(std::fabs(consistency(size, other)), 0.99);
  EXPECT_LT(consistency(size, other) * consistency(other, size), 0) << "w and -w get opposite verdicts";
  EXPECT_EQ(causal_verdict(results(0)).step(), "causal effect");
}

TEST(ProbeCausal, ADirectionLikeAnyOtherDoesNotPass) {
  EXPECT_EQ(causal_verdict(results(0.1, 0.01)).step(), "direction");
  CausalResults moved = results(1);
  moved.neutral_kl = {0.3, 0.05};
  EXPECT_EQ(causal_verdict(moved).step(), "side effect");
  moved.neutral_kl = {0.15, 0.05};
  EXPECT_TRUE(causal_verdict(moved).ok()) << "the bound is inclusive, on the mean";
}

// Draws of two prompts hold none but the first, or none but the second, more often than 2.5 % of the time.
TEST(ProbeCausal, AnIntervalThatEndsAtZeroHoldsIt) {
  CausalResults still = results(1, 0);
  still.ablated.resize(2);
  for (const double slope : {1.0, -1.0}) {
    still.dose = {Numbers(still.alphas.size()), still.alphas};
    for (double& value : still.dose[1]) value *= slope;
    const Verdict verdict = causal_verdict(still);
    EXPECT_EQ(verdict.step(), "causal effect") << slope;
    EXPECT_EQ(std::get<double>(verdict.figure(slope > 0 ? "slope, low" : "slope, high")->value), 0);
    EXPECT_EQ(std::get<double>(verdict.figure("percentile")->value), 100);
  }
}

TEST(ProbeCausal, RandomDirectionsAsLargeAreNotSmaller) {
  CausalResults alike = results(1, 0);
  for (Numbers& direction : alike.random_dose) direction = alike.dose[0];
  Verdict verdict = causal_verdict(alike);
  EXPECT_EQ(verdict.step(), "direction");
  EXPECT_EQ(std::get<double>(verdict.figure("percentile")->value), 0);
  // 99 of 100 must be smaller: 198 of 200 are enough, and 197 are not.
  for (Numbers& direction : alike.random_dose) direction.assign(alike.alphas.size(), 0);
  alike.random_dose[0] = alike.random_dose[1] = alike.dose[0];
  verdict = causal_verdict(alike);
  EXPECT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_EQ(std::get<double>(verdict.figure("percentile")->value), 99);
  alike.random_dose[2] = alike.dose[0];
  EXPECT_EQ(causal_verdict(alike).step(), "direction");
}

TEST(ProbeCausal, AtMostTwoPercentOfRandomDirectionsPass) {
  int passed = 0;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    CausalResults each = results(0, 0.001, seed + 100);
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    const double slope = 0.1 * normal(generator);
    for (auto& prompt : each.dose)
      for (std::size_t k = 0; k < prompt.size(); ++k) prompt[k] += slope * each.alphas[k];
    passed += causal_verdict(each).ok() ? 1 : 0;
  }
  EXPECT_LE(passed, 4);
}

Json plan_json() {
  return parse_json(
             R"({"format":"assay/probe/causal-plan/v1","dimension":"tense","positive":[1,2],"negative":[3],
    "prompts":[[1,2],[3]],"neutral":[[4]],"kl_bound":0.1,"alphas":[-1,0,1],"random_directions":200,"seed":1})",
             "plan")
      .value();
}

Json results_json(const Digest& plan) {
  Json json = parse_json(R"({"format":"assay/probe/causal/v1","plan_sha256":"","probe_set_sha256":"",
    "model_id":"m","layer":3,"dimension":"tense","alphas":[-1,0,1],"kl_bound":0.1,"dose":[[0,1,2],[0,1,2.5]],
    "random_dose":[],"ablated":[0,1],"random_ablated":[],"neutral_kl":[0.01]})",
                         "results")
                  .value();
  json["plan_sha256"] = to_hex(plan);
  json["probe_set_sha256"] = std::string(64, '0');
  for (int i = 0; i < 200; ++i) {
    json["random_dose"].push_back(std::vector<double>{0.0, 0.1, 0.2});
    json["random_ablated"].push_back(0);
  }
  return json;
}

TEST(ProbeCausal, PlansAndResultsFromFiles) {
  const CausalPlan plan = CausalPlan::decode(plan_json().dump(), "plan").value();
  EXPECT_EQ(plan.random_directions, 200U);
  const CausalResults read = CausalResults::decode(results_json(plan.sha256).dump(), "results").value();
  EXPECT_TRUE(check_plan(read, plan).ok());
  EXPECT_TRUE(causal_verdict(read).ok()) << causal_verdict(read).reason();
  const auto refused = [](Json json, const char* field, std::string_view value) {
    json[field] = parse_json(value, "value").value();
    return !(json["format"] == "assay/probe/causal/v1" ? CausalResults::decode(json.dump(), "f").ok()
                                                       : CausalPlan::decode(json.dump(), "f").ok());
  };
  EXPECT_TRUE(refused(plan_json(), "positive", "[3]"));
  EXPECT_TRUE(refused(plan_json(), "positive", "[]"));
  EXPECT_TRUE(refused(plan_json(), "prompts", "[[1]]"));
  EXPECT_TRUE(refused(plan_json(), "prompts", "[[1],[]]"));
  EXPECT_TRUE(refused(plan_json(), "kl_bound", "0"));
  EXPECT_TRUE(refused(plan_json(), "alphas", "[0,1,2]"));
  EXPECT_TRUE(refused(plan_json(), "alphas", "[-1,1,0]"));
  EXPECT_TRUE(refused(plan_json(), "alphas", "[-2,-1,0]"));
  EXPECT_TRUE(refused(plan_json(), "random_directions", "199"));
  const Json whole = results_json(plan.sha256);
  EXPECT_TRUE(refused(whole, "dose", "[[0,1,2]]"));
  EXPECT_TRUE(refused(whole, "dose", "[[0,1,2],[0,1]]"));
  EXPECT_TRUE(refused(whole, "random_dose", "[[0,1,2]]"));
  EXPECT_TRUE(refused(whole, "ablated", "[0]"));
  EXPECT_TRUE(refused(whole, "dose", "[[0,1,2],[0,1,1e7]]"));
  EXPECT_TRUE(refused(whole, "neutral_kl", "[]"));
  EXPECT_TRUE(refused(whole, "neutral_kl", "[-0.1]"));
  const auto folder = test::folder();
  write_file(folder / "plan", plan_json().dump()).value();
  write_file(folder / "results", whole.dump()).value();
  EXPECT_EQ(CausalPlan::read(folder / "plan")->sha256, plan.sha256);
  EXPECT_TRUE(CausalResults::read(folder / "results").ok());
}

// Counts agree with each other here: nothing but the check in question refuses.
TEST(ProbeCausal, TooFewNumbersAreRefusedWhereTheyStand) {
  const auto refusal = [](const auto& change) {
    Json json = results_json(Digest{1});
    change(json);
    const Result<CausalResults> read = CausalResults::decode(json.dump(), "f");
    return read.ok() ? std::string("read") : read.error().to_string();
  };
  EXPECT_EQ(refusal([](Json&) {}), "read");
  EXPECT_THAT(refusal([](Json& json) {
                json["dose"].erase(1);
                json["ablated"].erase(1);
              }),
              testing::AllOf(HasSubstr("dose"), HasSubstr("1 of them, 2 to 256 are taken")));
  EXPECT_THAT(refusal([](Json& json) {
                json["random_dose"].erase(199);
                json["random_ablated"].erase(199);
              }),
              testing::AllOf(HasSubstr("random_dose"), HasSubstr("199 of them, 200 to 10000 are taken")));
  const auto plan = [](const char* field, std::string_view value) {
    Json json = plan_json();
    json[field] = parse_json(value, "value").value();
    return CausalPlan::decode(json.dump(), "f");
  };
  EXPECT_TRUE(plan("alphas", "[-1,0,2]").ok());
  EXPECT_EQ(plan("alphas", "[-1,0,0,1]").error().reason, "they do not ascend");
  EXPECT_EQ(plan("alphas", "[-2,0,-1,1]").error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(plan("alphas", "[-1,1,2]").error().reason, "numbers below 0, 0 and numbers above are expected");
  EXPECT_EQ(plan("dimension", "\"\"").error().reason, "it is empty");
}

TEST(ProbeCausal, ResultsAreHeldAgainstThePlan) {
  const CausalPlan plan = CausalPlan::decode(plan_json().dump(), "plan").value();
  const CausalResults good = CausalResults::decode(results_json(plan.sha256).dump(), "results").value();
  const auto refused = [&](const auto& change) {
    CausalResults changed = good;
    change(changed);
    return !check_plan(changed, plan).ok();
  };
  EXPECT_FALSE(refused([](CausalResults&) {}));
  EXPECT_TRUE(refused([](CausalResults& r) { r.plan[0] ^= 1; }));
  EXPECT_TRUE(refused([](CausalResults& r) { r.dimension = "other"; }));
  EXPECT_TRUE(refused([](CausalResults& r) { r.alphas[0] = -3; }));
  EXPECT_TRUE(refused([](CausalResults& r) { r.kl_bound = 1; }));
  EXPECT_TRUE(refused([](CausalResults& r) { r.dose.pop_back(); }));
  EXPECT_TRUE(refused([](CausalResults& r) { r.neutral_kl.push_back(0); }));
  EXPECT_TRUE(refused([](CausalResults& r) { r.random_dose.pop_back(); }));
}

TEST(ProbeCausal, AStatementsVerdictIsRecomputed) {
  test::Stated stated = test::stated();
  CausalResults measured = results(1);
  measured.model_id = "test/model";
  measured.layer = test::kLayer;
  measured.probe_set = stated.statement.probe_set;
  measured.sha256 = Digest{42};
  stated.statement.causal = measured.sha256;
  stated.sign_again();
  stated.evidence.corpus = Corpus{stated.world.activations, stated.world.labels, Digest{5}, stated.world.rows,
                                  stated.evidence.rows_digest};
  const auto step = [&] { return stated.verify(Level::kStatistics).parts()[5].verdict.step(); };
  EXPECT_EQ(step(), "causal effect") << "bound, and not given";
  EXPECT_EQ(stated.verify().parts()[5].verdict.outcome(), Outcome::kInconclusive);
  stated.evidence.causal = measured;
  EXPECT_EQ(step(), "causal results") << "whose bound is whatever they say, without the plan";
  EXPECT_EQ(stated.verify().parts()[5].verdict.outcome(), Outcome::kInconclusive);
  CausalPlan plan;
  plan.sha256 = measured.plan;
  plan.dimension = measured.dimension;
  plan.alphas = measured.alphas;
  plan.kl_bound = measured.kl_bound;
  plan.prompts.resize(measured.dose.size());
  plan.neutral.resize(measured.neutral_kl.size());
  plan.random_directions = static_cast<std::uint32_t>(measured.random_dose.size());
  stated.evidence.plan = plan;
  EXPECT_EQ(step(), "");
  stated.evidence.causal->kl_bound *= 2;
  EXPECT_EQ(step(), "causal results") << "another bound than was fixed before";
  stated.evidence.causal = measured;
  stated.evidence.remeasured = Remeasured{30, 0.1, 0.2};
  EXPECT_EQ(step(), "");
  stated.evidence.remeasured->difference = 0.2;
  EXPECT_EQ(step(), "") << "as much as is allowed";
  stated.evidence.remeasured->difference = 0.3;
  EXPECT_EQ(step(), "remeasured");
  stated.evidence.remeasured.reset();
  stated.evidence.causal->dose = results(0).dose;
  EXPECT_EQ(step(), "causal effect");
  EXPECT_EQ(stated.verify().parts()[5].verdict.outcome(), Outcome::kRejected);
  stated.evidence.corpus->labels_digest = Digest{};
  EXPECT_EQ(step(), "statistics") << "which is looked at first";
  stated.evidence.corpus->labels_digest = Digest{5};
  for (const auto& change : std::initializer_list<void (*)(CausalResults&)>{
           [](CausalResults& r) { r.sha256[0] ^= 1; }, [](CausalResults& r) { r.probe_set[0] ^= 1; },
           [](CausalResults& r) { r.model_id = "another"; }, [](CausalResults& r) { ++r.layer; },
           [](CausalResults& r) { r.dimension = "honesty"; }}) {
    stated.evidence.causal = measured;
    change(*stated.evidence.causal);
    stated.evidence.plan->dimension = stated.evidence.causal->dimension;
    const Verdict verdict = stated.verify(Level::kStatistics).parts()[5].verdict;
    EXPECT_EQ(verdict.step(), "causal results");
    EXPECT_EQ(verdict.reason(), "they are about another statement's probes");
  }
  stated.evidence.causal = measured;
  stated.evidence.plan = CausalPlan{};
  EXPECT_EQ(step(), "causal results");
}

}  // namespace
}  // namespace assay::probe
