#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "assay/layers_mapping.h"
#include "base/try.h"

namespace assay::layers {
namespace {

Status check_options(const MappingOptions& options) {
  if (!(options.sparsity > 0) || !(options.sparsity < 1))
    return Error{ErrorCode::kOutOfRange, "sparsity",
                 fmt::format("{} does not lie between 0 and 1, neither of them included", options.sparsity)};
  if (!(options.epsilon >= 0) || !(options.epsilon < 1))
    return Error{ErrorCode::kOutOfRange, "epsilon",
                 fmt::format("{} does not lie between 0 and 1, 1 not included", options.epsilon)};
  return {};
}

Status check_layers(std::span<const double> metrics, std::span<const std::uint64_t> sizes,
                    std::span<const std::size_t> blocks) {
  if (metrics.size() != sizes.size())
    return Error{ErrorCode::kMismatch, "metrics",
                 fmt::format("{} metrics, the model has {} layers", metrics.size(), sizes.size())};
  if (sizes.empty()) return Error{ErrorCode::kMismatch, "metrics", "there are no layers"};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0 || sizes[i] > Scores::kMaxParameters)
      return Error{ErrorCode::kOutOfRange, "sizes", fmt::format("layer {} has {} parameters", i, sizes[i])};
    if (!std::isfinite(metrics[i]))
      return Error{ErrorCode::kOutOfRange, "metrics", fmt::format("that of layer {} is not finite", i)};
  }
  std::size_t covered = 0;
  for (const std::size_t block : blocks) {
    if (block == 0 || block > sizes.size() - covered)
      return Error{ErrorCode::kMismatch, "blocks", "they do not cover the layers"};
    covered += block;
  }
  if (covered != sizes.size()) return Error{ErrorCode::kMismatch, "blocks", "they do not cover the layers"};
  return {};
}

std::vector<double> block_means(std::span<const double> metrics, std::span<const std::size_t> blocks) {
  std::vector<double> means;
  means.reserve(metrics.size());
  for (const std::size_t block : blocks) {
    const std::span<const double> own = metrics.subspan(means.size(), block);
    means.insert(means.end(), block,
                 std::accumulate(own.begin(), own.end(), 0.0) / static_cast<double>(block));
  }
  return means;
}

/// Between 1 - epsilon and 1 + epsilon.
Result<std::vector<double>> relative_ratios(std::vector<double> metrics, double epsilon) {
  const auto [least, largest] = std::ranges::minmax(metrics);
  const double width = largest - least;
  if (!std::isfinite(width))
    return Error{ErrorCode::kOutOfRange, "metrics", "they, or their differences, are beyond the doubles"};
  for (double& metric : metrics)
    metric = width > 0 ? 1 - epsilon + (metric - least) / width * (2 * epsilon) : 1;
  return metrics;
}

double total_of(std::span<const std::uint64_t> sizes) {
  return static_cast<double>(std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}));
}

double weighted_sum(std::span<const double> values, std::span<const std::uint64_t> sizes) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * static_cast<double>(sizes[i]);
  return sum;
}

/// The c for which min(1, c r) has the mean `sparsity`: the layers with the largest r are full one after
/// the other, until what is left of the sum makes none of the others full.
double filling_scale(std::span<const double> r, std::span<const std::uint64_t> sizes, double sparsity) {
  std::vector<std::size_t> order(r.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return r[a] > r[b]; });
  double wanted = sparsity * total_of(sizes);
  double left = weighted_sum(r, sizes);
  double scale = wanted / left;
  for (const std::size_t layer : order) {
    if (scale * r[layer] <= 1) break;
    const auto size = static_cast<double>(sizes[layer]);
    wanted -= size;
    left -= size * r[layer];
    scale = wanted / left;
  }
  return scale;
}

}  // namespace

std::string_view to_string(Clip clip) { return clip == Clip::kFill ? "fill" : "seed"; }

std::optional<Clip> clip_from(std::string_view name) {
  if (name == "fill") return Clip::kFill;
  if (name == "seed") return Clip::kSeed;
  return std::nullopt;
}

Result<PruningRatios> pruning_ratios(std::span<const double> metrics, std::span<const std::uint64_t> sizes,
                                     std::span<const std::size_t> blocks, const MappingOptions& options) {
  ASSAY_TRY(check_options(options));
  ASSAY_TRY(check_layers(metrics, sizes, blocks));
  std::vector<double> mapped(metrics.begin(), metrics.end());
  if (options.mapping == Mapping::kBlockWise) mapped = block_means(metrics, blocks);
  PruningRatios out;
  out.ratios = ASSAY_TRY(relative_ratios(std::move(mapped), options.epsilon));
  out.scale = options.clip == Clip::kSeed
                  ? options.sparsity * total_of(sizes) / weighted_sum(out.ratios, sizes)
                  : filling_scale(out.ratios, sizes, options.sparsity);
  for (double& ratio : out.ratios) {
    ratio = std::min(1.0, out.scale * ratio);
    if (ratio == 1) ++out.full;
  }
  return out;
}

}  // namespace assay::layers
