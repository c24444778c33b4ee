// What tests of this room and of those above share: small scores.
#pragma once

#include <string>
#include <vector>

#include "assay/layers.h"

namespace assay::layers::test {

/// `blocks` blocks of three layers each: sound, with numbers that no other layer has.
inline Scores small_scores(std::size_t blocks = 2) {
  Scores scores;
  scores.model_name = "tests/small";
  scores.metric_name = "alpha_peak";
  std::vector<double> metrics;
  for (std::size_t b = 0; b < blocks; ++b) {
    for (const std::uint64_t rows : {2, 3, 5}) {
      const double ratio = 0.25 + 0.01 * static_cast<double>(metrics.size());
      scores.layers.push_back(
          {std::to_string(b) + ".proj_" + std::to_string(rows), rows * 7, 1 - ratio, ratio, {rows, 7}});
      metrics.push_back(2 + 0.1 * static_cast<double>(metrics.size()));
    }
    scores.blocks.push_back({3 * b, 3 * b + 2, 0, 0});
  }
  ScoreOrigin origin;
  origin.metrics = metrics;
  scores.assay = origin;
  scores.summarise(metrics).value();
  return scores;
}

}  // namespace assay::layers::test
