#include "assay/layers_results.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/json.h"
#include "layers/test_support.h"

namespace assay::layers {
namespace {

using enum ErrorCode;

struct Sample {
  Scores scores = test::small_scores(3);
  SelectionProblem problem = SelectionProblem::make(scores, {60, 14, 13}).value();
  SelectionResult result =
      SelectionResult::of(scores, problem, select(problem, Order::kFree), "small_scores.json");
};

std::string changed(std::string_view before, std::string_view after, std::string text) {
  const std::size_t at = text.find(before);
  EXPECT_NE(at, std::string::npos) << before;
  return at == std::string::npos ? text : text.replace(at, before.size(), after);
}

/// A file as the original pipeline writes it, of two layers: costs and budgets with a fraction of 0.
constexpr std::string_view kOriginal =
    R"({"input": {"scores_file": "s.json", "model_name": "m", "num_layers": 2, "budgets": [10.5, 3.0], )"
    R"("num_verifiers": 2}, "results": {"optimal_benefit": 0.30000000000000004, "computed_benefit": 0.3, )"
    R"("is_valid": true, "total_cost": 7.0, "total_benefit": 0.3, "assignments": [{"verifier": 1, "start_layer": 0, )"
    R"("end_layer": 1, "budget": 10.5, "cost": 7.0, "benefit": 0.3, "layers": [{"index": 0, "name": "0.a", )"
    R"("value": 0.1, "cost": 3.0}, {"index": 1, "name": "0.b", "value": 0.2, "cost": 4.0}]}, {"verifier": 2, )"
    R"("start_layer": -1, "end_layer": -1, "budget": 3.0, "cost": 0.0, "benefit": 0.0, "layers": []}]}})";

Scores scores_of_original() {
  Scores scores;
  scores.model_name = "m";
  scores.metric_name = "alpha_peak";
  scores.layers = {{"0.a", 3, 0.1, 0.9, {3}}, {"0.b", 4, 0.2, 0.8, {2, 2}}};
  scores.blocks = {{0, 1, 0, 0}};
  scores.summarise(std::vector<double>{1, 2}).value();
  return scores;
}

TEST(SelectionResult, SaysWhoChecksWhat) {
  const Sample sample;
  const SelectionResult& result = sample.result;
  EXPECT_EQ(result.model_name, "tests/small");
  EXPECT_EQ(result.num_layers, 9U);
  ASSERT_EQ(result.assignments.size(), 3U);
  // Costs repeat 14, 21, 35; the first layers are worth most.
  const Assignment& first = result.assignments[0];
  EXPECT_EQ(first.layers.size(), static_cast<std::size_t>(first.end_layer - first.start_layer + 1));
  EXPECT_EQ(first.layers[0].name, sample.scores.layers[first.layers[0].index].name);
  EXPECT_LE(first.cost, 60U);
  EXPECT_EQ(result.assignments[1].cost, 14U);
  EXPECT_EQ(result.assignments[2].start_layer, -1);
  EXPECT_EQ(result.assignments[2].end_layer, -1);
  ASSERT_TRUE(result.assay);
  EXPECT_TRUE(result.assay->proven_optimal);
  EXPECT_TRUE(result.assay->blocks[2].empty());
  EXPECT_TRUE(result.assay->tensors[2].empty());
  EXPECT_EQ(result.assay->notes, std::vector<std::string>{std::string(kForeseeable)});
}

TEST(SelectionResult, NamesTheTensorsAroundTheBlocks) {
  const Scores scores = test::small_scores(3);
  const SelectionProblem problem = SelectionProblem::make(scores, {100, 100}).value();
  Selection selection;
  selection.runs = {{2, 4}, {6, 9}};
  const SelectionResult result = SelectionResult::of(scores, problem, selection, "s");
  EXPECT_EQ(result.assay->blocks, (std::vector<std::vector<std::uint64_t>>{{0, 1}, {2}}));
  EXPECT_EQ(result.assay->tensors, (std::vector<std::vector<std::string>>{{"embedding", "layer_0", "layer_1"},
                                                                          {"layer_1", "layer_2"}}));
}

TEST(SelectionResult, IsReadAsItWasWritten) {
  Sample sample;
  sample.result.assay->weights = Digest{1, 2};
  sample.result.assignments[1].budget = 14.75;
  sample.result.assignments[2].budget = 0;
  for (const bool pretty : {true, false})
    EXPECT_EQ(SelectionResult::decode(sample.result.encode(pretty), "f").value(), sample.result);
  sample.result.assay.reset();
  EXPECT_EQ(SelectionResult::decode(sample.result.encode(), "f").value(), sample.result);
}

TEST(SelectionResult, ReadsAFileOfTheOriginalPipeline) {
  const SelectionResult result = SelectionResult::decode(kOriginal, "f").value();
  EXPECT_FALSE(result.assay);
  EXPECT_EQ(result.total_cost, 7U);
  EXPECT_EQ(result.assignments[0].budget, 10.5);
  EXPECT_EQ(result.assignments[1].cost, 0U);
  EXPECT_EQ(SelectionResult::decode(result.encode(), "g").value(), result);
  EXPECT_TRUE(check_selection(result, scores_of_original())->ok());
}

TEST(SelectionResult, RefusalsNameFileAndPlace) {
  const std::string original(kOriginal);
  const std::string ours = Sample().result.encode(false);
  struct Bad {
    std::string text;
    ErrorCode code;
    std::string place;
  };
  const std::vector<Bad> all = {
      {changed("\"verifier\": 2", "\"verifier\": 3", original), kMismatch,
       "f: results.assignments[1].verifier"},
      {changed("\"num_verifiers\": 2", "\"num_verifiers\": 3", original), kMismatch,
       "f: input.num_verifiers"},
      {changed("[10.5, 3.0]", "[10.5, 2.0]", original), kMismatch, "f: input.budgets"},
      {changed("[10.5, 3.0]", "[10.5]", original), kMismatch, "f: input.num_verifiers"},
      {changed("\"budget\": 3.0", "\"budget\": -3.0", original), kOutOfRange,
       "f: results.assignments[1].budget"},
      {changed("\"total_cost\": 7.0", "\"total_cost\": 7.5", original), kMalformed, "f: results.total_cost"},
      {changed("\"total_cost\": 7.0", "\"total_cost\": 1e300", original), kOutOfRange,
       "f: results.total_cost"},
      {changed("\"total_cost\": 7.0", "\"total_cost\": 1e18", original), kMalformed, "f: results.total_cost"},
      {changed("\"num_layers\": 2", "\"num_layers\": 0", original), kOutOfRange, "f: input.num_layers"},
      {changed("\"is_valid\": true, ", "", original), kMalformed, "f: results.is_valid"},
      {changed("\"value\": 0.1", "\"value\": \"0.1\"", original), kMalformed,
       "f: results.assignments[0].layers[0].value"},
      {changed("\"index\": 1", "\"index\": 1, \"x\": 0", original), kMalformed,
       "f: results.assignments[0].layers[1].x"},
      {R"({"input": {}, "results": {"optimal_benefit": 0, "computed_benefit": 0, "is_valid": true, )"
       R"("total_cost": 0, "total_benefit": 0, "assignments": []}})",
       kOutOfRange, "f: results.assignments"},
      {changed("selection/v1", "selection/v2", ours), kUnsupported, "f: assay.format"},
      {changed("\"order\":\"free\"", "\"order\":\"best\"", ours), kMalformed, "f: assay.order"},
      {changed("\"blocks\":[", "\"blocks\":[[],", ours), kMismatch, "f: assay.blocks"},
      {changed("\"tensors\":[", "\"tensors\":[[1],", ours), kMalformed, "f: assay.tensors[0][0]"},
      {std::string(SelectionResult::kMaxBytes + 1, ' '), kTooLarge, "f"},
  };
  for (const Bad& bad : all) {
    const auto result = SelectionResult::decode(bad.text, "f");
    ASSERT_FALSE(result.ok()) << bad.place;
    EXPECT_EQ(result.error().place, bad.place) << result.error().to_string();
    EXPECT_EQ(result.error().code, bad.code) << result.error().to_string();
  }
}

TEST(CheckSelection, AcceptsWhatWasSelected) {
  const Sample sample;
  const Verdict verdict = check_selection(sample.result, sample.scores, {{60, 14.5, 13}}).value();
  EXPECT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_EQ(std::get<std::uint64_t>(verdict.figure("cost")->value), sample.result.total_cost);
  EXPECT_EQ(verdict.checks()[0].grade, Grade::kRecomputed);
  EXPECT_EQ(check_selection(sample.result, sample.scores)->checks()[0].grade, Grade::kMissing);
}

TEST(CheckSelection, RejectsWithAReason) {
  using Change = std::function<void(SelectionResult&)>;
  struct Bad {
    std::string step;
    Change change;
  };
  const std::vector<Bad> all = {
      {"run", [](SelectionResult& r) { r.assignments[0].end_layer = 9; }},
      {"run", [](SelectionResult& r) { r.assignments[0].start_layer = -1; }},
      {"run", [](SelectionResult& r) { r.assignments[0].end_layer = r.assignments[0].start_layer - 1; }},
      {"run", [](SelectionResult& r) { r.assignments[0].start_layer = -2; }},
      {"overlap", [](SelectionResult& r) { r.assignments[2] = r.assignments[0]; }},
      {"budget",
       [](SelectionResult& r) {
         r.assignments[0].budget = static_cast<double>(r.assignments[0].cost) - 0.5;
       }},
      {"layers", [](SelectionResult& r) { r.assignments[0].layers.pop_back(); }},
      {"layers", [](SelectionResult& r) { r.assignments[0].layers[0].name += "x"; }},
      {"layers", [](SelectionResult& r) { r.assignments[0].layers[0].value *= 2; }},
      {"layers", [](SelectionResult& r) { ++r.assignments[0].layers[0].cost; }},
      {"cost", [](SelectionResult& r) { ++r.assignments[1].cost; }},
      {"benefit", [](SelectionResult& r) { r.assignments[1].benefit += 1e-6; }},
      {"total", [](SelectionResult& r) { ++r.total_cost; }},
      {"total", [](SelectionResult& r) { r.optimal_benefit += 1e-6; }},
      {"total", [](SelectionResult& r) { r.computed_benefit -= 1e-6; }},
      {"total", [](SelectionResult& r) { r.total_benefit = 0; }},
      {"total", [](SelectionResult& r) { r.is_valid = false; }},
      {"bound", [](SelectionResult& r) { r.assay->upper_bound *= 0.9; }},
      {"bound", [](SelectionResult& r) { r.assay->upper_bound *= 1.1; }},
  };
  for (const Bad& bad : all) {
    Sample sample;
    bad.change(sample.result);
    const Verdict verdict = check_selection(sample.result, sample.scores).value();
    EXPECT_EQ(verdict.step(), bad.step) << verdict.reason();
  }
  const Sample sample;
  EXPECT_EQ(check_selection(sample.result, sample.scores, {{60, 14}})->step(), "budgets");
  const Verdict verdict = check_selection(sample.result, sample.scores, {{60, 14, 12}}).value();
  EXPECT_EQ(verdict.step(), "budgets");
  EXPECT_EQ(verdict.item(), 2U);
  EXPECT_EQ(check_selection(sample.result, test::small_scores(2)).error().code, kMismatch);
  Scores broken = sample.scores;
  broken.blocks.clear();
  EXPECT_FALSE(check_selection(sample.result, broken).ok());
}

}  // namespace
}  // namespace assay::layers
