// Bases of a multi-scalar multiplication that do not stand in one place.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "assay/curve.h"

namespace assay::curve {

/// Runs of points, numbered through from the first of the first.
class BaseRuns {
 public:
  explicit BaseRuns(std::vector<std::span<const G1Affine>> runs) : runs_(std::move(runs)) {
    for (const auto& run : runs_) ends_.push_back(size() + run.size());
  }

  [[nodiscard]] std::size_t size() const { return ends_.empty() ? 0 : ends_.back(); }

  /// Calls take(points, before) for the pieces of [first, first + count) in turn, `before` of them taken
  /// already.
  template <class Take>
  void for_each(std::size_t first, std::size_t count, Take&& take) const {
    auto index =
        static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), first) - ends_.begin());
    for (std::size_t before = 0; before < count; ++index) {
      const std::span<const G1Affine> run = runs_[index];
      const std::size_t skipped = first + before - (ends_[index] - run.size());
      const std::size_t taken = std::min(run.size() - skipped, count - before);
      take(run.subspan(skipped, taken), before);
      before += taken;
    }
  }

  [[nodiscard]] BaseRuns part(std::size_t first, std::size_t count) const {
    std::vector<std::span<const G1Affine>> runs;
    for_each(first, count, [&](std::span<const G1Affine> run, std::size_t) { runs.push_back(run); });
    return BaseRuns(std::move(runs));
  }

 private:
  std::vector<std::span<const G1Affine>> runs_;
  std::vector<std::size_t> ends_;
};

}  // namespace assay::curve
