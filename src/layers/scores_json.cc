#include <fmt/format.h>

#include "assay/layers.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::layers {
namespace {

constexpr std::string_view kScoresTag = "assay/scores/v";
constexpr std::uint32_t kScoresVersion = 1;
constexpr std::string_view kMethod = "inverse_ratio";

Status must_be(const JsonValue& value, std::uint64_t expected, std::string_view what) {
  if (ASSAY_TRY(value.integer<std::uint64_t>()) == expected) return {};
  return value.error(ErrorCode::kMismatch, fmt::format("it is not {}, which is {}", what, expected));
}

// --- written ---

Json layer_json(const LayerScore& layer, std::size_t index) {
  return {{"index", index},
          {"name", layer.name},
          {"num_parameters", layer.num_parameters},
          {"significance_score", layer.significance_score},
          {"pruning_ratio", layer.pruning_ratio},
          {"weight_shape", layer.weight_shape}};
}

std::uint64_t parameters_of(const Scores& scores, const BlockScore& block) {
  std::uint64_t total = 0;
  for (std::uint64_t i = block.start_layer_index; i <= block.end_layer_index; ++i)
    total += scores.layers[i].num_parameters;
  return total;
}

Json block_json(const Scores& scores, std::size_t index) {
  const BlockScore& block = scores.blocks[index];
  return {{"block_index", index},
          {"start_layer_index", block.start_layer_index},
          {"end_layer_index", block.end_layer_index},
          {"num_layers", block.end_layer_index - block.start_layer_index + 1},
          {"total_parameters", parameters_of(scores, block)},
          {"avg_significance", block.avg_significance},
          {"avg_pruning_ratio", block.avg_pruning_ratio}};
}

Json summary_json(const ScoreSummary& summary) {
  return {{"raw_metrics_min", summary.raw_metrics_min},
          {"raw_metrics_max", summary.raw_metrics_max},
          {"raw_metrics_mean", summary.raw_metrics_mean},
          {"pruning_ratios_min", summary.pruning_ratios_min},
          {"pruning_ratios_max", summary.pruning_ratios_max},
          {"significance_scores_min", summary.significance_scores_min},
          {"significance_scores_max", summary.significance_scores_max},
          {"significance_scores_mean", summary.significance_scores_mean}};
}

Json origin_json(const ScoreOrigin& origin) {
  Json json;
  json["format"] = fmt::format("{}{}", kScoresTag, kScoresVersion);
  if (origin.weights) json["weights"] = to_hex(*origin.weights);
  json["parameters"] = Json::object();
  for (const auto& [name, value] : origin.parameters)
    std::visit([&json, &name = name](const auto& held) { json["parameters"][name] = held; }, value);
  json["metrics"] = origin.metrics;
  json["notes"] = origin.notes;
  return json;
}

// --- read ---

Result<LayerScore> read_layer(const JsonValue& item, std::size_t index) {
  const JsonFields fields = ASSAY_TRY(item.fields(
      {"index", "name", "num_parameters", "significance_score", "pruning_ratio", "weight_shape"}));
  ASSAY_TRY(must_be(fields["index"], index, "the layer's place in the array"));
  LayerScore layer;
  layer.name = ASSAY_TRY(fields["name"].text(Scores::kMaxText));
  layer.num_parameters = ASSAY_TRY(fields["num_parameters"].integer<std::uint64_t>());
  layer.significance_score = ASSAY_TRY(fields["significance_score"].real());
  layer.pruning_ratio = ASSAY_TRY(fields["pruning_ratio"].real());
  layer.weight_shape = ASSAY_TRY(fields["weight_shape"].integers<std::uint64_t>(LayerScore::kMaxSides));
  return layer;
}

Result<BlockScore> read_block(const JsonValue& item, std::size_t index) {
  const JsonFields fields =
      ASSAY_TRY(item.fields({"block_index", "start_layer_index", "end_layer_index", "num_layers",
                             "total_parameters", "avg_significance", "avg_pruning_ratio"}));
  ASSAY_TRY(must_be(fields["block_index"], index, "the block's place in the array"));
  BlockScore block;
  block.start_layer_index = ASSAY_TRY(fields["start_layer_index"].integer<std::uint64_t>());
  block.end_layer_index = ASSAY_TRY(fields["end_layer_index"].integer<std::uint64_t>());
  block.avg_significance = ASSAY_TRY(fields["avg_significance"].real());
  block.avg_pruning_ratio = ASSAY_TRY(fields["avg_pruning_ratio"].real());
  return block;
}

Result<ScoreSummary> read_summary(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.fields(
      {"raw_metrics_min", "raw_metrics_max", "raw_metrics_mean", "pruning_ratios_min", "pruning_ratios_max",
       "significance_scores_min", "significance_scores_max", "significance_scores_mean"}));
  ScoreSummary summary;
  summary.raw_metrics_min = ASSAY_TRY(fields["raw_metrics_min"].real());
  summary.raw_metrics_max = ASSAY_TRY(fields["raw_metrics_max"].real());
  summary.raw_metrics_mean = ASSAY_TRY(fields["raw_metrics_mean"].real());
  summary.pruning_ratios_min = ASSAY_TRY(fields["pruning_ratios_min"].real());
  summary.pruning_ratios_max = ASSAY_TRY(fields["pruning_ratios_max"].real());
  summary.significance_scores_min = ASSAY_TRY(fields["significance_scores_min"].real());
  summary.significance_scores_max = ASSAY_TRY(fields["significance_scores_max"].real());
  summary.significance_scores_mean = ASSAY_TRY(fields["significance_scores_mean"].real());
  return summary;
}

/// An integer of 64 bits, another number, or a text.
Result<ScoreOrigin::Parameter> read_parameter(const JsonValue& value) {
  if (const auto integer = value.integer<std::uint64_t>(); integer.ok()) return {*integer};
  if (const auto number = value.real(); number.ok()) return {*number};
  return {ASSAY_TRY(value.text(Scores::kMaxText))};
}

Result<ScoreOrigin> read_origin(const JsonValue& value) {
  const JsonFields fields =
      ASSAY_TRY(value.format(kScoresTag, kScoresVersion, {"parameters", "metrics", "notes"}, {"weights"}));
  ScoreOrigin origin;
  if (fields.has("weights")) {
    const Bytes bytes = ASSAY_TRY(fields["weights"].hex(sizeof(Digest)));
    std::copy(bytes.begin(), bytes.end(), origin.weights.emplace().begin());
  }
  const JsonFields parameters = ASSAY_TRY(fields["parameters"].open_fields());
  // Looking for the type of each takes as long as the file is.
  if (parameters.size() > Scores::kMaxOriginParameters)
    return fields["parameters"].error(ErrorCode::kTooLarge,
                                      fmt::format("more than {}", Scores::kMaxOriginParameters));
  for (std::size_t i = 0; i < parameters.size(); ++i)
    origin.parameters.emplace_back(parameters.name(i), ASSAY_TRY(read_parameter(parameters.value(i))));
  const JsonArray metrics = ASSAY_TRY(fields["metrics"].array(Scores::kMaxLayers));
  origin.metrics = ASSAY_TRY(metrics.all([](const JsonValue& item) { return item.real(); }));
  const JsonArray notes = ASSAY_TRY(fields["notes"].array(Scores::kMaxNotes));
  origin.notes = ASSAY_TRY(notes.all([](const JsonValue& item) { return item.text(Scores::kMaxText); }));
  return origin;
}

Status read_head(const JsonFields& fields, Scores& scores) {
  scores.model_name = ASSAY_TRY(fields["model_name"].text(Scores::kMaxText));
  scores.metric_name = ASSAY_TRY(fields["metric_name"].text(Scores::kMaxText));
  scores.sparsity_ratio = ASSAY_TRY(fields["sparsity_ratio"].real());
  scores.epsilon = ASSAY_TRY(fields["epsilon"].real());
  const auto mapping = mapping_from(ASSAY_TRY(fields["mapping_type"].text(Scores::kMaxText)));
  if (!mapping)
    return fields["mapping_type"].error(ErrorCode::kMalformed, "must be block_wise or layer_wise");
  scores.mapping_type = *mapping;
  if (ASSAY_TRY(fields["significance_method"].text(Scores::kMaxText)) != kMethod)
    return fields["significance_method"].error(ErrorCode::kUnsupported,
                                               fmt::format("only {} is known", kMethod));
  scores.is_opt_model = ASSAY_TRY(fields["is_opt_model"].boolean());
  return {};
}

/// What follows from layers and blocks, once they are known to be sound.
Status check_derived(const JsonFields& fields, const Scores& scores) {
  const std::size_t layers = scores.layers.size();
  const std::size_t blocks = scores.blocks.size();
  ASSAY_TRY(must_be(fields["total_parameters"], scores.total_parameters(), "the sum over the layers"));
  ASSAY_TRY(must_be(fields["num_blocks"], blocks, "the number of blocks"));
  ASSAY_TRY(must_be(fields["num_prunable_layers"], layers, "the number of layers"));
  ASSAY_TRY(must_be(fields["layers_per_block"], layers / blocks, "num_prunable_layers / num_blocks"));
  const JsonArray items = ASSAY_TRY(fields["blocks"].array(Scores::kMaxLayers));
  for (std::size_t i = 0; i < blocks; ++i) {
    const BlockScore& block = scores.blocks[i];
    const JsonFields item = ASSAY_TRY(items[i].open_fields());
    ASSAY_TRY(must_be(item["num_layers"], block.end_layer_index - block.start_layer_index + 1,
                      "the number of its layers"));
    ASSAY_TRY(must_be(item["total_parameters"], parameters_of(scores, block), "the sum over its layers"));
  }
  return {};
}

}  // namespace

Result<std::string> Scores::encode(bool pretty) const {
  ASSAY_TRY(validate());
  Json json;
  json["model_name"] = model_name;
  json["metric_name"] = metric_name;
  json["sparsity_ratio"] = sparsity_ratio;
  json["epsilon"] = epsilon;
  json["mapping_type"] = to_string(mapping_type);
  json["significance_method"] = kMethod;
  json["total_parameters"] = total_parameters();
  json["num_blocks"] = blocks.size();
  json["num_prunable_layers"] = layers.size();
  json["layers_per_block"] = layers.size() / blocks.size();
  json["is_opt_model"] = is_opt_model;
  json["layers"] = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) json["layers"].push_back(layer_json(layers[i], i));
  json["blocks"] = Json::array();
  for (std::size_t i = 0; i < blocks.size(); ++i) json["blocks"].push_back(block_json(*this, i));
  json["metadata"] = summary_json(metadata);
  if (assay) json["assay"] = origin_json(*assay);
  return dump_json(json, pretty ? 2 : -1) + "\n";
}

Result<Scores> Scores::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxBytes));
  const JsonFields fields = ASSAY_TRY(
      json.root().fields({"model_name", "metric_name", "sparsity_ratio", "epsilon", "mapping_type",
                          "significance_method", "total_parameters", "num_blocks", "num_prunable_layers",
                          "layers_per_block", "is_opt_model", "layers", "blocks", "metadata"},
                         {"assay"}));
  Scores scores;
  ASSAY_TRY(read_head(fields, scores));
  const JsonArray layers = ASSAY_TRY(fields["layers"].array(kMaxLayers));
  for (std::size_t i = 0; i < layers.size(); ++i)
    scores.layers.push_back(ASSAY_TRY(read_layer(layers[i], i)));
  const JsonArray blocks = ASSAY_TRY(fields["blocks"].array(kMaxLayers));
  for (std::size_t i = 0; i < blocks.size(); ++i)
    scores.blocks.push_back(ASSAY_TRY(read_block(blocks[i], i)));
  scores.metadata = ASSAY_TRY(read_summary(fields["metadata"]));
  if (fields.has("assay")) scores.assay = ASSAY_TRY(read_origin(fields["assay"]));
  ASSAY_TRY(within(place, scores.validate()));
  ASSAY_TRY(check_derived(fields, scores));
  return scores;
}

Result<Scores> Scores::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status Scores::write(const std::filesystem::path& path, bool pretty) const {
  return write_file(path, ASSAY_TRY(encode(pretty)));
}

}  // namespace assay::layers
