#include "assay/layers_results.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

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

/// A result of these runs, with the right sums; for the rest it says what `said` says.
SelectionResult result_with(const Sample& sample, const std::vector<LayerRun>& runs, Selection said) {
  said.runs = runs;
  said.value = 0;
  for (const LayerRun& run : runs) said.value += sample.problem.value_of(run);
  return SelectionResult::of(sample.scores, sample.problem, said, "small_scores.json");
}

std::optional<Grade> grade_of(const Verdict& verdict, std::string_view step) {
  for (const Verdict::Check& check : verdict.checks())
    if (check.step == step) return check.grade;
  return std::nullopt;
}

bool has_note(const Verdict& verdict, std::string_view words) {
  return std::ranges::any_of(verdict.notes(),
                             [&](const std::string& note) { return note.find(words) != std::string::npos; });
}

void expect_rejected(const SelectionResult& result, const Scores& scores, std::string_view step,
                     std::string_view reason) {
  const Verdict verdict = check_selection(result, scores).value();
  EXPECT_EQ(verdict.step(), step) << verdict.reason();
  EXPECT_NE(verdict.reason().find(reason), std::string::npos) << verdict.reason() << "\nlacks: " << reason;
}

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

TEST(SelectionResult, WritesABudgetWithAFractionOnlyWhereItHasOne) {
  Sample sample;
  sample.result.assignments[1].budget = 14.75;
  const Json json = Json::parse(sample.result.encode());
  EXPECT_EQ(json["input"]["budgets"].dump(), "[60,14.75,13]");
  EXPECT_EQ(json["results"]["assignments"][0]["budget"].dump(), "60");
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

TEST(SelectionResult, ReadsEveryDigitOfAWholeNumber) {
  // A double rounds the second and the fourth to their neighbours.
  for (const std::uint64_t cost :
       {9007199254740991U, 9007199254740993U, 9007199254740994U, 9007199254740995U}) {
    const std::string text =
        changed("\"total_cost\": 7.0", "\"total_cost\": " + std::to_string(cost), std::string(kOriginal));
    EXPECT_EQ(SelectionResult::decode(text, "f").value().total_cost, cost);
  }
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

TEST(CheckSelection, AcceptsWhatWasSelectedInAnyOrder) {
  for (const Order order : {Order::kFree, Order::kFixed, Order::kGreedy}) {
    // A budget below 1 stands in the result as 0.
    const Scores scores = test::small_scores(4);
    const SelectionProblem problem = SelectionProblem::make(scores, {60, 0.5, 14, 35.5}).value();
    const SelectionResult result = SelectionResult::of(scores, problem, select(problem, order), "s");
    const Verdict verdict = check_selection(result, scores).value();
    EXPECT_TRUE(verdict.ok()) << to_string(order) << ": " << verdict.reason();
  }
}

// Then nothing may differ, not by rounding either.
TEST(CheckSelection, AcceptsThatNothingIsWorthAnything) {
  Scores scores = test::small_scores(2);
  for (LayerScore& layer : scores.layers) layer.significance_score = 0;
  const SelectionProblem problem = SelectionProblem::make(scores, {60, 14}).value();
  for (const Order order : {Order::kFree, Order::kFixed, Order::kGreedy}) {
    const SelectionResult result = SelectionResult::of(scores, problem, select(problem, order), "s");
    const Verdict verdict = check_selection(result, scores).value();
    EXPECT_TRUE(verdict.ok()) << to_string(order) << ": " << verdict.reason();
  }
}

TEST(CheckSelection, SaysWhatASearchWouldBeNeededFor) {
  const Sample sample;
  const Verdict searched = check_selection(sample.result, sample.scores).value();
  for (const char* step : {"blocks", "tensors", "fixed order"})
    EXPECT_EQ(grade_of(searched, step), Grade::kRecomputed) << step;
  EXPECT_EQ(grade_of(searched, "bound"), Grade::kSelfReported);
  EXPECT_EQ(grade_of(searched, "order"), Grade::kSelfReported);
  EXPECT_TRUE(has_note(searched, "another selection is worth more was not checked"));
  EXPECT_TRUE(has_note(searched, "the upper bound is the result's word"));
  EXPECT_TRUE(has_note(searched, "all orders were searched was not checked"));
  // The orders without a search come with a bound that the check finds too.
  const auto result = SelectionResult::of(sample.scores, sample.problem,
                                          select(sample.problem, Order::kFixed), "small_scores.json");
  const Verdict in_order = check_selection(result, sample.scores).value();
  EXPECT_EQ(grade_of(in_order, "bound"), Grade::kRecomputed);
  EXPECT_EQ(grade_of(in_order, "order"), Grade::kRecomputed);
  EXPECT_TRUE(has_note(in_order, "another selection is worth more was not checked"));
  EXPECT_FALSE(has_note(in_order, "upper bound"));
  EXPECT_FALSE(has_note(in_order, "orders"));
}

TEST(CheckSelection, NeedsNoSearchWhereAllLayersAreTaken) {
  const Scores scores = test::small_scores(3);
  const SelectionProblem problem = SelectionProblem::make(scores, {1000}).value();
  const SelectionResult result = SelectionResult::of(scores, problem, select(problem, Order::kFree), "s");
  const Verdict verdict = check_selection(result, scores, std::vector<double>{1000}).value();
  EXPECT_EQ(grade_of(verdict, "bound"), Grade::kRecomputed);
  EXPECT_EQ(grade_of(verdict, "order"), Grade::kRecomputed);
  EXPECT_EQ(verdict.notes(),
            std::vector<std::string>{"neither the scores nor the result name the model's weights"});
}

TEST(CheckSelection, AsksAFileOfTheOriginalForNothingMore) {
  const SelectionResult result = SelectionResult::decode(kOriginal, "f").value();
  const Verdict verdict = check_selection(result, scores_of_original(), {{10.5, 3.0}}).value();
  for (const char* step : {"blocks", "tensors", "weights", "bound", "fixed order", "order"})
    EXPECT_EQ(grade_of(verdict, step), Grade::kMissing) << step;
  EXPECT_EQ(verdict.notes(),
            std::vector<std::string>{"whether another selection is worth more was not checked"});
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

TEST(CheckSelection, RejectsOtherBlocks) {
  // The runs are in blocks 0, 0 and none.
  struct Bad {
    std::size_t verifier;
    std::vector<std::uint64_t> blocks;
    std::string reason;
  };
  const std::vector<Bad> all = {
      {0, {2}, "verifier 1: its layers lie in blocks 0 to 0, not those of assay.blocks"},
      {0, {0, 1}, "verifier 1: its layers lie in blocks 0 to 0"},
      {1, {}, "verifier 2: its layers lie in blocks 0 to 0"},
      {2, {77}, "verifier 3: its layers lie in no blocks"},
  };
  for (const Bad& bad : all) {
    Sample sample;
    sample.result.assay->blocks[bad.verifier] = bad.blocks;
    expect_rejected(sample.result, sample.scores, "blocks", bad.reason);
    EXPECT_EQ(check_selection(sample.result, sample.scores)->item(), bad.verifier);
  }
  Sample sample;
  sample.result.assay->blocks.pop_back();
  expect_rejected(sample.result, sample.scores, "blocks", "assay.blocks is of 2 verifiers, there are 3");
}

TEST(CheckSelection, RejectsOtherTensors) {
  struct Bad {
    std::size_t verifier;
    std::vector<std::string> tensors;
    std::string reason;
  };
  const std::vector<Bad> all = {
      {0, {"layer_1", "layer_2"}, "verifier 1: the tensors around its blocks are embedding to layer_0"},
      {1, {}, "verifier 2: the tensors around its blocks are embedding to layer_0"},
      {2,
       {"nonsense\xe2\x80\xae"},
       "verifier 3: the tensors around its blocks are none, not those of assay.tensors"},
  };
  for (const Bad& bad : all) {
    Sample sample;
    sample.result.assay->tensors[bad.verifier] = bad.tensors;
    expect_rejected(sample.result, sample.scores, "tensors", bad.reason);
    EXPECT_EQ(check_selection(sample.result, sample.scores)->item(), bad.verifier);
  }
  Sample sample;
  sample.result.assay->tensors.emplace_back();
  expect_rejected(sample.result, sample.scores, "tensors", "assay.tensors is of 4 verifiers, there are 3");
}

TEST(CheckSelection, RejectsOtherWeights) {
  const Digest root{1, 2};
  Sample sample;
  sample.scores.assay->weights = root;
  expect_rejected(
      sample.result, sample.scores, "weights",
      "assay.weights: the scores name the root " + to_hex(root) + ", the result names no weights");
  sample.result.assay->weights = Digest{};
  expect_rejected(sample.result, sample.scores, "weights", "the result names the root " + to_hex(Digest{}));
  sample.result.assay->weights = root;
  const Verdict bound = check_selection(sample.result, sample.scores).value();
  EXPECT_EQ(grade_of(bound, "weights"), Grade::kRecomputed);
  EXPECT_FALSE(has_note(bound, "weights"));
  sample.scores.assay->weights.reset();
  expect_rejected(sample.result, sample.scores, "weights",
                  "the scores name no weights, the result names the root");
  // Nor do they when the object that did is gone.
  sample.scores.assay->weights = root;
  sample.scores.assay.reset();
  expect_rejected(sample.result, sample.scores, "weights", "the scores name no weights");
  sample.result.assay->weights.reset();
  const Verdict unbound = check_selection(sample.result, sample.scores).value();
  EXPECT_EQ(grade_of(unbound, "weights"), Grade::kMissing);
  EXPECT_TRUE(has_note(unbound, "neither the scores nor the result name the model's weights"));
}

TEST(CheckSelection, RejectsABoundBelowWhatAQuickSelectionIsWorth) {
  const Sample sample;
  Selection said = select(sample.problem, Order::kFree);
  said.upper_bound = said.fixed_order_value = 0;
  said.proven_optimal = true;
  expect_rejected(result_with(sample, {{}, {}, {}}, said), sample.scores, "bound",
                  "the best runs in the given order are worth");
  // One layer, and nothing else is said to be worth more.
  said.upper_bound = sample.problem.value_of({0, 1});
  expect_rejected(result_with(sample, {{0, 1}, {}, {}}, said), sample.scores, "bound",
                  "over assay.upper_bound");
}

TEST(CheckSelection, RejectsABoundBelowWhatGreedyFinds) {
  // Each verifier can take one of the layers of value 1, but not in the given order.
  Scores scores = test::small_scores(1);
  const std::vector<std::uint64_t> costs = {2, 9, 1};
  for (std::size_t i = 0; i < costs.size(); ++i) {
    scores.layers[i].significance_score = i == 1 ? 0.0 : 1.0;
    scores.layers[i].num_parameters = costs[i];
    scores.layers[i].weight_shape.assign(1, costs[i]);
  }
  const SelectionProblem problem = SelectionProblem::make(scores, {1, 2}).value();
  Selection said = select(problem, Order::kFixed);
  ASSERT_EQ(said.value, 1.0);
  EXPECT_TRUE(check_selection(SelectionResult::of(scores, problem, said, "s"), scores)->ok());
  said.upper_bound = said.value;
  said.proven_optimal = true;
  expect_rejected(SelectionResult::of(scores, problem, said, "s"), scores, "bound",
                  "the greedy runs are worth 2, over assay.upper_bound 1");
}

TEST(CheckSelection, RejectsAnOptimumThatIsNone) {
  Sample sample;
  sample.result.assay->upper_bound = 1e9;
  expect_rejected(sample.result, sample.scores, "bound",
                  "assay.proven_optimal: called the optimum, but the runs are worth");
  sample.result.assay->upper_bound = std::numeric_limits<double>::quiet_NaN();
  expect_rejected(sample.result, sample.scores, "bound", "the runs are worth");
  // A bound larger than needed is true, and so is less than could be said.
  Sample modest;
  modest.result.assay->upper_bound = 1e9;
  modest.result.assay->proven_optimal = false;
  const Verdict verdict = check_selection(modest.result, modest.scores).value();
  EXPECT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_EQ(grade_of(verdict, "bound"), Grade::kRecomputed);
}

TEST(CheckSelection, RejectsAnotherValueOfTheFixedOrder) {
  for (const double said : {1e9, 0.0, -1.0}) {
    Sample sample;
    sample.result.assay->fixed_order_value = said;
    expect_rejected(sample.result, sample.scores, "fixed order",
                    "assay.fixed_order_value: the given order of the verifiers allows 2.2");
  }
}

TEST(CheckSelection, RejectsAnotherOrder) {
  // The optimum of 2.22 has the second verifier left of the first; fixed and greedy find 2.21.
  Sample sample;
  sample.result.assay->order = Order::kFixed;
  expect_rejected(sample.result, sample.scores, "order",
                  "assay.order: fixed, but verifier 2 is left of one before it");
  EXPECT_EQ(check_selection(sample.result, sample.scores)->item(), 1U);
  sample.result.assay->order = Order::kGreedy;
  expect_rejected(sample.result, sample.scores, "order", "assay.order: greedy finds runs worth 2.2");
  Selection said = select(sample.problem, Order::kFree);
  said.proven_optimal = false;
  for (const auto& [order, reason] : {std::pair(Order::kFree, "free finds runs worth at least 2.2"),
                                      {Order::kFixed, "fixed finds runs worth 2.2"},
                                      {Order::kGreedy, "greedy finds runs worth 2.2"}}) {
    said.order = order;
    expect_rejected(result_with(sample, {{}, {0, 1}, {}}, said), sample.scores, "order", reason);
  }
}

TEST(CheckSelection, RefusesWhatNothingIsSelectedFrom) {
  Sample sample;
  for (LayerScore& layer : sample.scores.layers)
    layer.significance_score = std::numeric_limits<double>::max();
  const Result<Verdict> verdict = check_selection(sample.result, sample.scores);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().to_string(), "values: their sum is too large for a double");
}

TEST(CheckSelection, TakesManyVerifiersInFilesOfTheOriginalAlone) {
  Scores scores = test::small_scores(1);
  scores.layers.resize(8193, scores.layers[0]);
  scores.blocks = {{0, 8192, 0, 0}};
  scores.assay.reset();
  SelectionResult result;
  result.model_name = scores.model_name;
  result.num_layers = scores.layers.size();
  result.is_valid = true;
  result.assignments.resize(SelectionProblem::kMaxVerifiers);
  ASSERT_GT(result.assignments.size() * scores.layers.size(), SelectionProblem::kMaxCells);
  EXPECT_TRUE(check_selection(result, scores)->ok());
  result.assay.emplace();
  const Result<Verdict> verdict = check_selection(result, scores);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().code, kTooLarge);
  EXPECT_EQ(verdict.error().place, "budgets");
}

}  // namespace
}  // namespace assay::layers
