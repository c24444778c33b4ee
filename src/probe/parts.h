// Parts, folds and permutations: always of whole groups.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "assay/probe_training.h"
#include "base/random.h"
#include "probe/logistic.h"

namespace assay::probe::internal {

[[nodiscard]] RowNumbers rows_in(const Examples& examples, const std::vector<Part>& parts, Part part);
[[nodiscard]] std::uint32_t group_count(const Examples& examples, const RowNumbers& rows);

inline constexpr std::size_t kFolds = 5;

/// Of each group of the training part its fold, below kFolds; of others kFolds.
[[nodiscard]] std::vector<std::size_t> folds_of(const Examples& examples, const std::vector<Part>& parts,
                                                std::uint64_t seed);

/// The labels, those of `rows` permuted within groups that have both, and among groups that have one.
[[nodiscard]] std::vector<bool> permuted_labels(const Examples& examples, const RowNumbers& rows,
                                                ChaCha20Stream& stream);

/// Features of all examples, trained on the training part with the lambda of least loss in the folds.
struct Searched {
  Coefficients fitted;
  double lambda = 0;
};
[[nodiscard]] Result<Searched> search_lambda(const Design& design, const Examples& examples,
                                             const std::vector<Part>& parts, std::uint64_t seed);

/// Of each probe of a set with details, the standard deviation of its readings of the training part.
/// Errors: those of read_rows.
[[nodiscard]] Result<std::vector<double>> reading_deviations(const ProbeSet& set, const Examples& examples);

/// (rows - center) L, row by row.
[[nodiscard]] Result<std::vector<double>> transformed(std::span<const float> rows,
                                                      std::span<const double> center, const Factor& factor);
/// The mean of some rows.
[[nodiscard]] std::vector<double> mean_of_rows(std::span<const float> rows, std::uint32_t width,
                                               const RowNumbers& which);

/// AUROCs on the test part by name. `design` and `lambda` are the probe's own; `reached` is its AUROC.
[[nodiscard]] Result<std::map<std::string, double>> baselines_of(
    const Examples& examples, const Factor& factor, const std::vector<Part>& parts, const Design& design,
    double lambda, double reached, const TrainingOptions& options, std::vector<std::string>& notes);

}  // namespace assay::probe::internal
