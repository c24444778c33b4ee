#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "assay/layers.h"
#include "base/file.h"
#include "base/json.h"
#include "layers/kinds.h"
#include "layers/test_support.h"

namespace assay::layers {
namespace {

using enum ErrorCode;
using test::small_scores;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A file as the original pipeline writes it: one line, no object of ours.
constexpr std::string_view kOriginalScores =
    R"({"model_name": "facebook/opt-125m", "metric_name": "alpha_peak", "sparsity_ratio": 0.85, "epsilon": 0.9, )"
    R"("mapping_type": "block_wise", "significance_method": "inverse_ratio", "total_parameters": 10, )"
    R"("num_blocks": 1, "num_prunable_layers": 2, "layers_per_block": 2, "is_opt_model": true, "layers": )"
    R"([{"index": 0, "name": "0.fc1", "num_parameters": 6, "significance_score": 0.1499999761581421, )"
    R"("pruning_ratio": 0.8500000238418579, "weight_shape": [2, 3]}, {"index": 1, "name": "0.fc2", )"
    R"("num_parameters": 4, "significance_score": 1e-07, "pruning_ratio": 1.0, "weight_shape": [4]}], "blocks": )"
    R"([{"block_index": 0, "start_layer_index": 0, "end_layer_index": 1, "num_layers": 2, "total_parameters": 10, )"
    R"("avg_significance": 0.07500003807907105, "avg_pruning_ratio": 0.925}], "metadata": {"raw_metrics_min": 1, )"
    R"("raw_metrics_max": 2.5, "raw_metrics_mean": 1.75, "pruning_ratios_min": 0.8500000238418579, )"
    R"("pruning_ratios_max": 1.0, "significance_scores_min": 1e-07, "significance_scores_max": 0.1499999761581421, )"
    R"("significance_scores_mean": 0.07500003807907105}})";

std::string changed_scores(std::string_view before, std::string_view after, std::string text) {
  const std::size_t at = text.find(before);
  EXPECT_NE(at, std::string::npos) << before;
  return at == std::string::npos ? text : text.replace(at, before.size(), after);
}

void expect_refused(const std::string& text, ErrorCode code, std::string_view place) {
  const Result<Scores> scores = Scores::decode(text, "f");
  ASSERT_FALSE(scores.ok()) << place;
  EXPECT_EQ(scores.error().code, code) << scores.error().to_string();
  EXPECT_EQ(scores.error().place, place) << scores.error().to_string();
}

TEST(Scores, ReadsAFileOfTheOriginalPipeline) {
  const Scores scores = Scores::decode(kOriginalScores, "f").value();
  EXPECT_EQ(scores.model_name, "facebook/opt-125m");
  EXPECT_EQ(scores.mapping_type, Mapping::kBlockWise);
  EXPECT_TRUE(scores.is_opt_model);
  EXPECT_FALSE(scores.assay);
  ASSERT_EQ(scores.layers.size(), 2U);
  EXPECT_EQ(scores.layers[0].significance_score, 0.1499999761581421);
  EXPECT_EQ(scores.layers[1].weight_shape, std::vector<std::uint64_t>{4});
  EXPECT_EQ(scores.total_parameters(), 10U);
  EXPECT_EQ(scores.metadata.raw_metrics_mean, 1.75);
  // Written again it says the same, without an object that it did not have.
  const std::string text = scores.encode(false).value();
  EXPECT_EQ(Json::parse(text), Json::parse(kOriginalScores));
  EXPECT_EQ(Scores::decode(text, "g").value(), scores);
}

TEST(Scores, KeepsEveryBitOfItsNumbers) {
  Scores scores = small_scores();
  scores.layers[0].significance_score = std::nextafter(0.1, 1);
  scores.layers[1].significance_score = std::numeric_limits<double>::denorm_min();
  scores.layers[2].significance_score = std::numeric_limits<double>::max();
  scores.epsilon = std::nextafter(1.0, 0);
  scores.assay->weights = Digest{1, 2, 3};
  scores.assay->parameters = {
      {"seed", std::uint64_t{1} << 63}, {"clip", "fill"}, {"floor", 1e-10}, {"whole", 2.0}};
  scores.assay->notes = {"one", "é"};
  for (const bool pretty : {true, false})
    EXPECT_EQ(Scores::decode(scores.encode(pretty).value(), "f").value(), scores);
}

TEST(Scores, SummarisesItsLayers) {
  const Scores scores = small_scores();
  EXPECT_NEAR(scores.blocks[0].avg_pruning_ratio, 0.26, 1e-15);
  EXPECT_NEAR(scores.blocks[1].avg_significance, 0.71, 1e-15);
  EXPECT_EQ(scores.metadata.raw_metrics_min, 2);
  EXPECT_NEAR(scores.metadata.raw_metrics_mean, 2.25, 1e-15);
  EXPECT_EQ(scores.metadata.pruning_ratios_max, scores.layers[5].pruning_ratio);
  EXPECT_EQ(scores.metadata.significance_scores_max, scores.layers[0].significance_score);
  EXPECT_NEAR(scores.metadata.significance_scores_mean, 0.725, 1e-15);
  Scores other = scores;
  EXPECT_EQ(other.summarise(std::vector<double>(5)).error().code, kMismatch);
  other.blocks.pop_back();
  EXPECT_EQ(other.summarise(std::vector<double>(6)).error().code, kMismatch);
  other.layers.clear();
  EXPECT_EQ(other.summarise({}).error().code, kOutOfRange);
}

TEST(Scores, TakesTheLargestLayerThatItSays) {
  Scores scores = test::small_scores();
  scores.layers[0].num_parameters = Scores::kMaxParameters;
  scores.layers[0].weight_shape = {2, Scores::kMaxParameters / 2};
  scores.layers[0].pruning_ratio = 0;
  scores.layers[1].significance_score = 0;
  scores.layers[1].pruning_ratio = 1;
  scores.metric_name.assign(Scores::kMaxText, 'x');
  scores.layers[2].weight_shape = {1, 1, 1, 1, 1, 1, 1, scores.layers[2].num_parameters};
  scores.epsilon = 0;
  EXPECT_TRUE(scores.validate().ok());
}

TEST(Scores, TakesAsMuchAsItSays) {
  Scores scores = test::small_scores();
  scores.assay->notes.resize(Scores::kMaxNotes);
  for (std::size_t i = 0; i < Scores::kMaxOriginParameters; ++i)
    scores.assay->parameters.emplace_back("p" + std::to_string(100 + i), i);
  EXPECT_EQ(Scores::decode(scores.encode().value(), "f").value(), scores);
  scores.layers.resize(Scores::kMaxLayers, scores.layers[0]);
  scores.blocks = {{0, Scores::kMaxLayers - 1, 0, 0}};
  scores.assay.reset();
  EXPECT_TRUE(scores.validate().ok());
}

TEST(Scores, ABlockMayBeOneLayer) {
  Scores scores = test::small_scores();
  scores.blocks.clear();
  for (std::size_t i = 0; i < scores.layers.size(); ++i) scores.blocks.push_back({i, i, 0, 0});
  const Status valid = scores.validate();
  EXPECT_TRUE(valid.ok()) << valid.error().to_string();
}

TEST(Scores, OfNoLayersHaveNoSummary) {
  EXPECT_EQ(Scores().summarise({}).error().to_string(), "layers: there are none");
}

TEST(Scores, RefusesToWriteWhatItWouldNotRead) {
  struct Case {
    std::string place;
    ErrorCode code;
    std::function<void(Scores&)> change;
  };
  const std::vector<Case> cases = {
      {"model_name", kOutOfRange, [](Scores& s) { s.model_name = "\xff"; }},
      {"metric_name", kTooLarge, [](Scores& s) { s.metric_name.assign(Scores::kMaxText + 1, 'x'); }},
      {"sparsity_ratio", kOutOfRange, [](Scores& s) { s.sparsity_ratio = 1; }},
      {"sparsity_ratio", kOutOfRange, [](Scores& s) { s.sparsity_ratio = 0; }},
      {"sparsity_ratio", kOutOfRange, [](Scores& s) { s.sparsity_ratio = kNaN; }},
      {"epsilon", kOutOfRange, [](Scores& s) { s.epsilon = 1; }},
      {"epsilon", kOutOfRange, [](Scores& s) { s.epsilon = -0.1; }},
      {"layers", kOutOfRange, [](Scores& s) { s.layers.clear(); }},
      {"layers", kOutOfRange, [](Scores& s) { s.layers.resize(Scores::kMaxLayers + 1); }},
      {"layers[1].name", kOutOfRange, [](Scores& s) { s.layers[1].name = "\x80"; }},
      {"layers[1].num_parameters", kOutOfRange, [](Scores& s) { s.layers[1].num_parameters = 0; }},
      {"layers[1].num_parameters", kOutOfRange,
       [](Scores& s) { s.layers[1].num_parameters = Scores::kMaxParameters + 1; }},
      {"layers[5].significance_score", kOutOfRange,
       [](Scores& s) { s.layers[5].significance_score = -1e-300; }},
      {"layers[5].significance_score", kOutOfRange,
       [](Scores& s) { s.layers[5].significance_score = kInfinity; }},
      {"layers[5].significance_score", kOutOfRange, [](Scores& s) { s.layers[5].significance_score = kNaN; }},
      {"layers[0].pruning_ratio", kOutOfRange, [](Scores& s) { s.layers[0].pruning_ratio = 1.5; }},
      {"layers[0].pruning_ratio", kOutOfRange, [](Scores& s) { s.layers[0].pruning_ratio = kNaN; }},
      {"layers[0].weight_shape", kMismatch,
       [](Scores& s) {
         s.layers[0].weight_shape = {2, 6};
       }},
      {"layers[0].weight_shape", kMismatch, [](Scores& s) { s.layers[0].weight_shape = {}; }},
      {"layers[0].weight_shape", kMismatch,
       [](Scores& s) { s.layers[0].weight_shape = {1, 1, 1, 1, 1, 1, 1, 2, 7}; }},
      {"layers[0].weight_shape", kMismatch,
       [](Scores& s) {
         s.layers[0].weight_shape = {std::uint64_t{1} << 63, 2};
       }},
      // Their product is 1 modulo 2^64.
      {"layers[0].weight_shape", kMismatch,
       [](Scores& s) {
         s.layers[0].num_parameters = 1;
         s.layers[0].weight_shape = {3, 0xaaaaaaaaaaaaaaab};
       }},
      {"blocks[1]", kOutOfRange, [](Scores& s) { s.blocks[1].start_layer_index = 4; }},
      {"blocks[1]", kOutOfRange, [](Scores& s) { s.blocks[1].end_layer_index = 6; }},
      {"blocks[1]", kOutOfRange, [](Scores& s) { s.blocks[1].end_layer_index = 2; }},
      {"blocks", kMismatch, [](Scores& s) { s.blocks.pop_back(); }},
      {"blocks[0].avg_significance", kOutOfRange, [](Scores& s) { s.blocks[0].avg_significance = kNaN; }},
      {"blocks[0].avg_pruning_ratio", kOutOfRange, [](Scores& s) { s.blocks[0].avg_pruning_ratio = kNaN; }},
      {"metadata.raw_metrics_max", kOutOfRange, [](Scores& s) { s.metadata.raw_metrics_max = kNaN; }},
      {"metadata.significance_scores_mean", kOutOfRange,
       [](Scores& s) { s.metadata.significance_scores_mean = kInfinity; }},
      {"assay.metrics", kMismatch, [](Scores& s) { s.assay->metrics.pop_back(); }},
      {"assay.metrics[3]", kOutOfRange, [](Scores& s) { s.assay->metrics[3] = kNaN; }},
      {"assay.notes", kTooLarge, [](Scores& s) { s.assay->notes.resize(Scores::kMaxNotes + 1); }},
      {"assay.notes[0]", kOutOfRange, [](Scores& s) { s.assay->notes = {"\xff"}; }},
      {"assay.parameters", kOutOfRange,
       [](Scores& s) {
         s.assay->parameters = {{"\xff", 1.0}};
       }},
      {"assay.parameters", kTooLarge,
       [](Scores& s) { s.assay->parameters.resize(Scores::kMaxOriginParameters + 1); }},
      {"assay.parameters.a", kMismatch,
       [](Scores& s) {
         s.assay->parameters = {{"a", 1.0}, {"a", 2.0}};
       }},
      {"assay.parameters.a", kOutOfRange,
       [](Scores& s) {
         s.assay->parameters = {{"a", kNaN}};
       }},
      {"assay.parameters.a", kOutOfRange,
       [](Scores& s) {
         s.assay->parameters = {{"a", "\xff"}};
       }},
  };
  for (const Case& one : cases) {
    Scores scores = small_scores();
    one.change(scores);
    const Result<std::string> text = scores.encode();
    ASSERT_FALSE(text.ok()) << one.place;
    EXPECT_EQ(text.error().place, one.place);
    EXPECT_EQ(text.error().code, one.code) << text.error().to_string();
  }
}

TEST(Scores, RefusalsNameFileAndPlace) {
  const std::string good(kOriginalScores);
  expect_refused(changed_scores("\"epsilon\": 0.9, ", "", good), kMalformed, "f: epsilon");
  expect_refused(changed_scores("\"epsilon\"", "\"epsilons\"", good), kMalformed, "f: epsilon");
  expect_refused(changed_scores("\"index\": 1", "\"index\": 1, \"more\": 0", good), kMalformed,
                 "f: layers[1].more");
  expect_refused(changed_scores("\"epsilon\": 0.9", "\"epsilon\": 1.5", good), kOutOfRange, "f: epsilon");
  expect_refused(changed_scores("\"block_wise\"", "\"rowwise\"", good), kMalformed, "f: mapping_type");
  expect_refused(changed_scores("inverse_ratio", "metric_based", good), kUnsupported,
                 "f: significance_method");
  expect_refused(changed_scores("\"index\": 1", "\"index\": 2", good), kMismatch, "f: layers[1].index");
  expect_refused(changed_scores("\"num_parameters\": 4", "\"num_parameters\": 4.0", good), kMalformed,
                 "f: layers[1].num_parameters");
  expect_refused(changed_scores("\"num_parameters\": 4", "\"num_parameters\": 0", good), kOutOfRange,
                 "f: layers[1].num_parameters");
  expect_refused(changed_scores("0.1499999761581421", "-0.5", good), kOutOfRange,
                 "f: layers[0].significance_score");
  expect_refused(changed_scores("0.1499999761581421", "NaN", good), kMalformed,
                 "f: byte " + std::to_string(good.find("0.1499999761581421") + 1));
  expect_refused(changed_scores("[2, 3]", "[2, 4]", good), kMismatch, "f: layers[0].weight_shape");
  expect_refused(changed_scores("\"num_blocks\": 1", "\"num_blocks\": 2", good), kMismatch, "f: num_blocks");
  expect_refused(changed_scores("\"num_prunable_layers\": 2", "\"num_prunable_layers\": 3", good), kMismatch,
                 "f: num_prunable_layers");
  expect_refused(changed_scores("\"layers_per_block\": 2", "\"layers_per_block\": 1", good), kMismatch,
                 "f: layers_per_block");
  expect_refused(changed_scores("\"total_parameters\": 10", "\"total_parameters\": 11", good), kMismatch,
                 "f: total_parameters");
  expect_refused(changed_scores("\"total_parameters\": 10, \"avg", "\"total_parameters\": 9, \"avg", good),
                 kMismatch, "f: blocks[0].total_parameters");
  expect_refused(changed_scores("\"num_layers\": 2", "\"num_layers\": 1", good), kMismatch,
                 "f: blocks[0].num_layers");
  expect_refused(changed_scores("\"block_index\": 0", "\"block_index\": 1", good), kMismatch,
                 "f: blocks[0].block_index");
  expect_refused(changed_scores("\"end_layer_index\": 1", "\"end_layer_index\": 2", good), kOutOfRange,
                 "f: blocks[0]");
  expect_refused(changed_scores("\"raw_metrics_min\": 1, ", "", good), kMalformed,
                 "f: metadata.raw_metrics_min");
  expect_refused(std::string(Scores::kMaxBytes + 1, ' '), kTooLarge, "f");
}

TEST(Scores, RefusesAnotherVersionOfOurObject) {
  const std::string good = small_scores().encode().value();
  expect_refused(changed_scores("assay/scores/v1", "assay/scores/v2", good), kUnsupported, "f: assay.format");
  expect_refused(changed_scores("\"notes\": []", "\"notes\": [1]", good), kMalformed, "f: assay.notes[0]");
  expect_refused(changed_scores("\"parameters\": {}", "\"parameters\": {\"a\": []}", good), kMalformed,
                 "f: assay.parameters.a");
  expect_refused(changed_scores("\"parameters\": {}", "\"parameters\": {}, \"weights\": \"00\"", good),
                 kMalformed, "f: assay.weights");
  // So many are not looked at, and could not be of this type.
  std::string many = "\"parameters\": {";
  for (std::size_t i = 0; i <= Scores::kMaxOriginParameters; ++i)
    many += (i == 0 ? "\"p" : ", \"p") + std::to_string(i) + "\": []";
  expect_refused(changed_scores("\"parameters\": {", many, good), kTooLarge, "f: assay.parameters");
}

TEST(Scores, GoesThroughAFile) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "layers_scores_test.json";
  const Scores scores = small_scores(3);
  ASSERT_TRUE(scores.write(path).ok());
  EXPECT_EQ(Scores::read(path).value(), scores);
  std::filesystem::remove(path);
  EXPECT_EQ(Scores::read(path).error().code, kIo);
}

TEST(Scores, AreShownWithTheRootTheyNameOrNone) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "layers_scores_test.json";
  Scores scores = small_scores(3);
  const auto root_shown = [&] {
    EXPECT_TRUE(scores.write(path).ok());
    const FileKind* const kind = find_kind(path, file_kinds()).value();
    EXPECT_EQ(kind->name, "scores of layers");
    return kind->read(path).value()["weights_root"];
  };
  EXPECT_EQ(root_shown(), nullptr);
  scores.assay->weights = Digest{1, 2};
  EXPECT_EQ(root_shown(), to_hex(Digest{1, 2}));
  scores.assay.reset();
  EXPECT_EQ(root_shown(), nullptr);
  std::filesystem::remove(path);
}

TEST(Scores, MappingsHaveNames) {
  for (const Mapping mapping : {Mapping::kBlockWise, Mapping::kLayerWise})
    EXPECT_EQ(mapping_from(to_string(mapping)), mapping);
  EXPECT_FALSE(mapping_from("block").has_value());
}

}  // namespace
}  // namespace assay::layers
