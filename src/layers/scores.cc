#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "assay/layers.h"
#include "base/try.h"
#include "base/utf8.h"

namespace assay::layers {
namespace {

Error refused(ErrorCode code, std::string place, std::string reason) {
  return {code, std::move(place), std::move(reason)};
}

Status check_text(const std::string& place, std::string_view text) {
  if (text.size() > Scores::kMaxText)
    return refused(ErrorCode::kTooLarge, place,
                   fmt::format("{} bytes, at most {} are taken", text.size(), Scores::kMaxText));
  if (!is_valid_utf8(text)) return refused(ErrorCode::kOutOfRange, place, "it is not UTF-8");
  return {};
}

Status check_finite(const std::string& place, double value) {
  if (std::isfinite(value)) return {};
  return refused(ErrorCode::kOutOfRange, place, "it is not a finite number");
}

/// The number of elements, or 0 where that is over the cap or the shape is none.
std::uint64_t volume(const std::vector<std::uint64_t>& shape) {
  if (shape.empty() || shape.size() > LayerScore::kMaxSides) return 0;
  std::uint64_t product = 1;
  for (const std::uint64_t side : shape) {
    if (side == 0 || side > Scores::kMaxParameters / product) return 0;
    product *= side;
  }
  return product;
}

Status check_layer(const LayerScore& layer, const std::string& place) {
  ASSAY_TRY(check_text(place + ".name", layer.name));
  if (layer.num_parameters == 0 || layer.num_parameters > Scores::kMaxParameters)
    return refused(ErrorCode::kOutOfRange, place + ".num_parameters",
                   fmt::format("{} is not in 1 to {}", layer.num_parameters, Scores::kMaxParameters));
  if (!(std::isfinite(layer.significance_score) && layer.significance_score >= 0))
    return refused(ErrorCode::kOutOfRange, place + ".significance_score",
                   fmt::format("{} is not a finite number of at least 0", layer.significance_score));
  if (!(layer.pruning_ratio >= 0 && layer.pruning_ratio <= 1))
    return refused(ErrorCode::kOutOfRange, place + ".pruning_ratio",
                   fmt::format("{} is not in 0 to 1", layer.pruning_ratio));
  if (volume(layer.weight_shape) != layer.num_parameters)
    return refused(ErrorCode::kMismatch, place + ".weight_shape",
                   "it is not a shape of 1 to 8 sides whose product is num_parameters");
  return {};
}

Status check_blocks(const Scores& scores) {
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < scores.blocks.size(); ++i) {
    const BlockScore& block = scores.blocks[i];
    const std::string place = fmt::format("blocks[{}]", i);
    if (block.start_layer_index != next || block.end_layer_index < next ||
        block.end_layer_index >= scores.layers.size())
      return refused(ErrorCode::kOutOfRange, place,
                     fmt::format("layers {} to {} do not follow the block before, within {} layers",
                                 block.start_layer_index, block.end_layer_index, scores.layers.size()));
    ASSAY_TRY(check_finite(place + ".avg_significance", block.avg_significance));
    ASSAY_TRY(check_finite(place + ".avg_pruning_ratio", block.avg_pruning_ratio));
    next = block.end_layer_index + 1;
  }
  if (next != scores.layers.size())
    return refused(ErrorCode::kMismatch, "blocks",
                   fmt::format("they cover {} of {} layers", next, scores.layers.size()));
  return {};
}

Status check_summary(const ScoreSummary& summary) {
  for (const auto& [field, value] : {std::pair("raw_metrics_min", summary.raw_metrics_min),
                                     {"raw_metrics_max", summary.raw_metrics_max},
                                     {"raw_metrics_mean", summary.raw_metrics_mean},
                                     {"pruning_ratios_min", summary.pruning_ratios_min},
                                     {"pruning_ratios_max", summary.pruning_ratios_max},
                                     {"significance_scores_min", summary.significance_scores_min},
                                     {"significance_scores_max", summary.significance_scores_max},
                                     {"significance_scores_mean", summary.significance_scores_mean}}) {
    ASSAY_TRY(check_finite(fmt::format("metadata.{}", field), value));
  }
  return {};
}

Status check_parameters(const ScoreOrigin& origin) {
  for (std::size_t i = 0; i < origin.parameters.size(); ++i) {
    const auto& [name, value] = origin.parameters[i];
    const std::string place = "assay.parameters." + name;
    ASSAY_TRY(check_text("assay.parameters", name));
    for (std::size_t j = 0; j < i; ++j) {
      if (origin.parameters[j].first == name)
        return refused(ErrorCode::kMismatch, place, "a parameter of this name is there already");
    }
    if (const auto* text = std::get_if<std::string>(&value)) ASSAY_TRY(check_text(place, *text));
    if (const auto* number = std::get_if<double>(&value)) ASSAY_TRY(check_finite(place, *number));
  }
  return {};
}

Status check_origin(const ScoreOrigin& origin, std::size_t layers) {
  if (origin.notes.size() > Scores::kMaxNotes)
    return refused(ErrorCode::kTooLarge, "assay.notes", fmt::format("more than {}", Scores::kMaxNotes));
  if (origin.parameters.size() > Scores::kMaxOriginParameters)
    return refused(ErrorCode::kTooLarge, "assay.parameters",
                   fmt::format("more than {}", Scores::kMaxOriginParameters));
  ASSAY_TRY(check_parameters(origin));
  if (!origin.metrics.empty() && origin.metrics.size() != layers)
    return refused(ErrorCode::kMismatch, "assay.metrics",
                   fmt::format("{} metrics of {} layers", origin.metrics.size(), layers));
  for (std::size_t i = 0; i < origin.metrics.size(); ++i)
    ASSAY_TRY(check_finite(fmt::format("assay.metrics[{}]", i), origin.metrics[i]));
  for (std::size_t i = 0; i < origin.notes.size(); ++i)
    ASSAY_TRY(check_text(fmt::format("assay.notes[{}]", i), origin.notes[i]));
  return {};
}

/// The least, the largest and the mean of value(i), i < n.
struct Range {
  double min, max, mean;

  template <class Value>
  static Range of(std::size_t n, const Value& value) {
    Range range{value(0), value(0), 0};
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      range.min = std::min(range.min, value(i));
      range.max = std::max(range.max, value(i));
      sum += value(i);
    }
    range.mean = sum / static_cast<double>(n);
    return range;
  }
};

}  // namespace

std::string_view to_string(Mapping mapping) {
  return mapping == Mapping::kBlockWise ? "block_wise" : "layer_wise";
}

std::optional<Mapping> mapping_from(std::string_view name) {
  for (const Mapping mapping : {Mapping::kBlockWise, Mapping::kLayerWise})
    if (name == to_string(mapping)) return mapping;
  return std::nullopt;
}

std::uint64_t Scores::total_parameters() const {
  std::uint64_t total = 0;
  for (const LayerScore& layer : layers) total += layer.num_parameters;
  return total;
}

Status Scores::summarise(std::span<const double> metrics) {
  if (layers.empty()) return refused(ErrorCode::kOutOfRange, "layers", "there are none");
  if (metrics.size() != layers.size())
    return refused(ErrorCode::kMismatch, "metrics",
                   fmt::format("{} metrics of {} layers", metrics.size(), layers.size()));
  ASSAY_TRY(check_blocks(*this));
  for (BlockScore& block : blocks) {
    const std::size_t first = block.start_layer_index;
    const std::size_t count = block.end_layer_index - first + 1;
    block.avg_significance =
        Range::of(count, [&](std::size_t i) { return layers[first + i].significance_score; }).mean;
    block.avg_pruning_ratio =
        Range::of(count, [&](std::size_t i) { return layers[first + i].pruning_ratio; }).mean;
  }
  const Range raw = Range::of(metrics.size(), [&](std::size_t i) { return metrics[i]; });
  const Range ratios = Range::of(layers.size(), [&](std::size_t i) { return layers[i].pruning_ratio; });
  const Range scores = Range::of(layers.size(), [&](std::size_t i) { return layers[i].significance_score; });
  metadata = {raw.min, raw.max, raw.mean, ratios.min, ratios.max, scores.min, scores.max, scores.mean};
  return {};
}

Status Scores::validate() const {
  ASSAY_TRY(check_text("model_name", model_name));
  ASSAY_TRY(check_text("metric_name", metric_name));
  if (!(sparsity_ratio > 0 && sparsity_ratio < 1))
    return refused(ErrorCode::kOutOfRange, "sparsity_ratio",
                   fmt::format("{} is not between 0 and 1", sparsity_ratio));
  if (!(epsilon >= 0 && epsilon < 1))
    return refused(ErrorCode::kOutOfRange, "epsilon", fmt::format("{} is not from 0 to below 1", epsilon));
  if (layers.empty() || layers.size() > kMaxLayers)
    return refused(ErrorCode::kOutOfRange, "layers",
                   fmt::format("there are {}, and 1 to {} are taken", layers.size(), kMaxLayers));
  for (std::size_t i = 0; i < layers.size(); ++i)
    ASSAY_TRY(check_layer(layers[i], fmt::format("layers[{}]", i)));
  ASSAY_TRY(check_blocks(*this));
  ASSAY_TRY(check_summary(metadata));
  if (assay) ASSAY_TRY(check_origin(*assay, layers.size()));
  return {};
}

}  // namespace assay::layers
