#include "probe_inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "arguments.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::cli {
Result<HashedText> read_hashed(const std::string& path, std::uint64_t max_bytes) {
  const Bytes bytes = ASSAY_TRY(read_file(path, max_bytes));
  return HashedText{std::string(bytes.begin(), bytes.end()), sha256(bytes)};
}

Result<HashedSet> read_set(const std::string& path) {
  const HashedText text = ASSAY_TRY(read_hashed(path, probe::kMaxJsonBytes));
  return HashedSet{ASSAY_TRY(probe::ProbeSet::decode(text.text, path)), text.sha256};
}

std::string rows_of(const std::string& activations, const std::string& given) {
  return given.empty() ? probe::rows_beside(activations).string() : given;
}

Result<probe::Corpus> read_corpus(const CorpusPaths& paths) {
  return probe::read_corpus(paths.activations, paths.labels, rows_of(paths.activations, paths.rows));
}

Result<std::vector<std::uint32_t>> parse_layers(const std::string& text,
                                                const probe::Activations& activations) {
  if (text == "all") {
    std::vector<std::uint32_t> layers;
    for (const probe::LayerRows& layer : activations.layers) layers.push_back(layer.layer);
    return layers;
  }
  std::vector<std::uint32_t> layers = ASSAY_TRY(parse_coordinates(text, "--layer"));
  for (const std::uint32_t layer : layers)
    if (activations.find(layer) == nullptr)
      return Error{ErrorCode::kMismatch, "--layer",
                   fmt::format("the activations do not have layer {}", layer)};
  return layers;
}

std::vector<std::string> lines_of(const probe::Evaluation& evaluation) {
  std::vector<std::string> lines = {
      fmt::format("{}: AUROC {:.3f} (95 % {:.3f} to {:.3f}) on {} examples of {} groups",
                  evaluation.dimension, evaluation.auroc, evaluation.auroc_low, evaluation.auroc_high,
                  evaluation.examples, evaluation.groups),
      fmt::format("  ECE {:.3f}, Brier {:.3f}", evaluation.ece, evaluation.brier)};
  for (const auto& [name, value] : evaluation.baselines)
    lines.push_back(fmt::format("  {} {:.3f}", name, value));
  return lines;
}

}  // namespace assay::cli
