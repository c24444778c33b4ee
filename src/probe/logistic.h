// L2-logistic regression on chosen rows of one matrix of features: the same features serve folds, the final
// fit and permutations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/base.h"

namespace assay::probe::internal {

using RowNumbers = std::vector<std::uint32_t>;

/// Coefficients of the columns, or, in the span of the rows, of `rows`.
struct Coefficients {
  RowNumbers rows;
  std::vector<double> values;
  double intercept = 0;
  double loss = 0;
};

/// How near to the least a fit must come: as near as doubles go, or near enough to compare penalties by.
enum class Ending : std::uint8_t { kExact, kToCompare };

class Design {
 public:
  /// Of features row by row. In the span of the rows where those that are trained on, `training` at most, are
  /// fewer than the columns. Errors: kTooLarge, kOutOfRange (not finite).
  [[nodiscard]] static Result<Design> make(std::vector<double> features, std::size_t columns,
                                           std::size_t training);

  [[nodiscard]] bool in_span() const { return in_span_; }

  /// The least of mean log-loss over `rows` + (lambda / 2) |beta|^2. `labels` are of all rows. The search
  /// begins at 0, or at `start`: what the same rows gave with another lambda. Errors: kOutOfRange (one class
  /// alone; no step reduces the loss), kTooLarge.
  [[nodiscard]] Result<Coefficients> fit(const RowNumbers& rows, const std::vector<bool>& labels,
                                         double lambda, const Coefficients* start = nullptr,
                                         Ending ending = Ending::kExact) const;
  [[nodiscard]] std::vector<double> scores(const Coefficients& fitted, const RowNumbers& rows) const;
  /// Of the columns.
  [[nodiscard]] std::vector<double> beta(const Coefficients& fitted) const;
  /// Mean of the rows' squared lengths.
  [[nodiscard]] double mean_square(const RowNumbers& rows) const;

 private:
  Design() = default;
  [[nodiscard]] std::span<const double> row(std::size_t i) const {
    return std::span(features_).subspan(i * columns_, columns_);
  }

  std::size_t columns_ = 0;
  std::size_t count_ = 0;
  bool in_span_ = false;
  std::vector<double> features_;
  std::vector<double> kernel_;  // of all rows with all, where in_span_
};

/// log(1 + e^f) - y f.
[[nodiscard]] double log_loss(double score, bool label);

}  // namespace assay::probe::internal
