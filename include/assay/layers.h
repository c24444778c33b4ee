// Which layers of a model matter most: the scores of its linear layers, as a file that selection reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "assay/base.h"

namespace assay::layers {

/// One linear layer. Its index is its place among the layers, in the order of the model's modules.
struct LayerScore {
  static constexpr std::size_t kMaxSides = 8;
  std::string name;                         ///< "<block>.<module path>"
  std::uint64_t num_parameters = 0;         ///< what checking it costs: the product of weight_shape
  double significance_score = 0;            ///< what checking it is worth, at least 0
  double pruning_ratio = 0;                 ///< in [0, 1]
  std::vector<std::uint64_t> weight_shape;  ///< 1 to kMaxSides
  friend bool operator==(const LayerScore&, const LayerScore&) = default;
};

/// The layers of one transformer block, which follow each other. Blocks cover all layers, in their order.
struct BlockScore {
  std::uint64_t start_layer_index = 0;
  std::uint64_t end_layer_index = 0;  ///< of the last layer, inclusive
  double avg_significance = 0;
  double avg_pruning_ratio = 0;
  friend bool operator==(const BlockScore&, const BlockScore&) = default;
};

/// Over all layers.
struct ScoreSummary {
  double raw_metrics_min = 0, raw_metrics_max = 0, raw_metrics_mean = 0;
  double pruning_ratios_min = 0, pruning_ratios_max = 0;
  double significance_scores_min = 0, significance_scores_max = 0, significance_scores_mean = 0;
  friend bool operator==(const ScoreSummary&, const ScoreSummary&) = default;
};

enum class Mapping : std::uint8_t { kBlockWise, kLayerWise };

/// "block_wise" or "layer_wise".
[[nodiscard]] std::string_view to_string(Mapping mapping);
[[nodiscard]] std::optional<Mapping> mapping_from(std::string_view name);

/// What the original pipeline's file does not say: the object "assay" of the file.
struct ScoreOrigin {
  using Parameter = std::variant<std::uint64_t, double, std::string>;

  std::optional<Digest> weights;  ///< the root of the manifest of the weights; none where scores are unbound
  std::vector<std::pair<std::string, Parameter>> parameters;  ///< of metric and mapping, by name
  std::vector<double> metrics;                                ///< the raw metric of each layer, or none
  std::vector<std::string> notes;
  friend bool operator==(const ScoreOrigin&, const ScoreOrigin&) = default;
};

/// The scores of one model: the JSON file of the original pipeline, with one more object.
///
/// Fields of the file that follow from others (counts, indices, totals) are no members; a reader checks them.
struct Scores {
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{64} << 20;
  static constexpr std::size_t kMaxLayers = 1 << 16;
  static constexpr std::uint64_t kMaxParameters = std::uint64_t{1} << 45;  ///< of one layer
  static constexpr std::size_t kMaxText = 4096;                            ///< bytes of each text
  static constexpr std::size_t kMaxNotes = 4096;
  static constexpr std::size_t kMaxOriginParameters = 64;

  std::string model_name;
  std::string metric_name;
  double sparsity_ratio = 0.7;  ///< 0 < S < 1
  double epsilon = 0.3;         ///< in [0, 1)
  Mapping mapping_type = Mapping::kBlockWise;
  bool is_opt_model = false;
  std::vector<LayerScore> layers;
  std::vector<BlockScore> blocks;
  ScoreSummary metadata;
  std::optional<ScoreOrigin> assay;

  [[nodiscard]] std::uint64_t total_parameters() const;

  /// Sets what follows from the layers: the averages of the blocks, whose indices are set, and `metadata`.
  /// `metrics` has the raw metric of each layer. Errors: kMismatch (another number of metrics), kOutOfRange
  /// (no layers, or blocks that do not cover them).
  [[nodiscard]] Status summarise(std::span<const double> metrics);

  /// What every file satisfies: the ranges above, texts in UTF-8, numbers that are finite, blocks that cover
  /// the layers. Errors, with the place of the field: kOutOfRange, kMismatch, kTooLarge.
  [[nodiscard]] Status validate() const;

  /// The JSON text, indented where `pretty`; each number is written so that reading it gives the same double.
  /// Errors: those of validate().
  [[nodiscard]] Result<std::string> encode(bool pretty = true) const;
  /// Every field once, and no other; the object "assay" may be missing, as in files of the original
  /// pipeline. Errors: kMalformed, kOutOfRange, kMismatch, kTooLarge, kUnsupported (another version of
  /// "assay", another significance_method).
  static Result<Scores> decode(std::string_view text, std::string_view place);
  static Result<Scores> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path, bool pretty = true) const;

  friend bool operator==(const Scores&, const Scores&) = default;
};

}  // namespace assay::layers
