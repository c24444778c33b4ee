// From the metrics of a model's layers to the part of each that pruning would take, and to what checking it
// is worth (Lu et al., "AlphaPruning", NeurIPS 2024, section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/layers.h"

namespace assay::layers {

/// What is done about ratios over 1.
enum class Clip : std::uint8_t {
  kFill,  ///< the others rise until the whole comes to the sparsity that was asked for
  kSeed,  ///< they are cut off, as the original pipeline does, and the whole stays below it
};

/// "fill", "seed".
[[nodiscard]] std::string_view to_string(Clip clip);
[[nodiscard]] std::optional<Clip> clip_from(std::string_view name);

struct MappingOptions {
  Mapping mapping = Mapping::kBlockWise;
  double sparsity = 0.7;  ///< S, the part of all parameters, 0 < S < 1
  double epsilon = 0.3;   ///< ratios lie between c (1 - epsilon) and c (1 + epsilon), 0 <= epsilon < 1
  Clip clip = Clip::kFill;
};

/// What pruning would take of each layer.
struct PruningRatios {
  std::vector<double> ratios;  ///< of each layer, in (0, 1]
  double scale = 0;            ///< c
  std::size_t full = 0;        ///< layers whose ratio is 1
};

/// ratio_l = min(1, c r_l), where r_l = 1 - epsilon + 2 epsilon (q_l - min q) / (max q - min q) for the
/// metric q_l, or for kBlockWise its mean over the layers of the block; all r_l are 1 where all q_l are
/// equal. c is such that the ratios, weighted by the layers' parameters, have the mean S: with kFill after
/// the cut at 1, with kSeed before. What a layer is worth is 1 - ratio_l, whatever the metric. `sizes` are
/// the parameters of each layer, `blocks` the number of layers of each block, in their order. Errors:
/// kOutOfRange at "sparsity", "epsilon", "metrics" (not finite), "sizes" (0, over 2^45); kMismatch at
/// "metrics" (another number of metrics than of layers), "blocks" (that do not cover the layers).
[[nodiscard]] Result<PruningRatios> pruning_ratios(std::span<const double> metrics,
                                                   std::span<const std::uint64_t> sizes,
                                                   std::span<const std::size_t> blocks,
                                                   const MappingOptions& options);

}  // namespace assay::layers
