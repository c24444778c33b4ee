// Training of probes, and what they are worth on groups that they were not trained on.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/probe.h"
#include "assay/probe_geometry.h"
#include "assay/probe_rows.h"
#include "assay/probe_set.h"

namespace assay::probe {

inline constexpr std::size_t kMinExamples = 50;      ///< of a class
inline constexpr std::size_t kMinGroups = 10;        ///< of a class
inline constexpr std::size_t kWantedExamples = 200;  ///< of a class; fewer are noted
inline constexpr std::size_t kPermutations = 200;
inline constexpr std::size_t kResamples = 2000;
inline constexpr double kInterval = 0.95;

enum class Part : std::uint8_t { kTraining, kCalibration, kTest };

/// Rows with labels and groups; `groups[i]` numbers the group of row i from 0, without gaps.
struct Examples {
  std::uint32_t width = 0;
  std::span<const float> rows;
  std::vector<bool> labels;
  std::vector<std::uint32_t> groups;
  std::vector<std::string> group_names;
  std::string model_id;
  Precision precision = Precision::kFp32;

  [[nodiscard]] std::size_t size() const { return labels.size(); }
};

/// The rows of a layer with their labels; without a file of rows all are of one group. Errors: kMismatch (no
/// such layer; counts that differ; labels that the file of rows has otherwise).
[[nodiscard]] Result<Examples> examples_of(const Activations& activations, std::uint32_t layer,
                                           const std::vector<bool>& labels, const RowsFile* rows);

/// Whether there is enough to train on. Errors: kMismatch (one class: "the labels are the stub of extract"),
/// kOutOfRange (too few examples or groups). Gives what is to be noted.
[[nodiscard]] Result<std::vector<std::string>> check_enough(const Examples& examples);

/// The part of each group. docs/probe.md, Training.
[[nodiscard]] std::vector<Part> split_groups(const Examples& examples, std::uint64_t seed);

/// Pairs of one of each label in which the 1 has the higher score, ties as half, over their number. 0.5
/// without pairs.
[[nodiscard]] double auroc(std::span<const double> scores, const std::vector<bool>& labels);

/// The least of mean log-loss + (lambda / 2) |beta|^2 over `columns` features, row by row; the intercept is
/// free.
struct Fit {
  std::vector<double> beta;
  double intercept = 0;
  double loss = 0;  ///< with the penalty
};
/// Newton; in the span of the rows where they are fewer than the columns (Rasmussen and Williams 2006,
/// algorithm 3.1). Errors: kOutOfRange (no step reduces the loss), kMismatch, kTooLarge.
[[nodiscard]] Result<Fit> fit_logistic(std::span<const double> features, std::size_t columns,
                                       const std::vector<bool>& labels, double lambda);

struct PlattScale {
  double scale = 1;
  double shift = 0;
};
/// Lin, Lin and Weng 2007.
[[nodiscard]] PlattScale fit_platt(std::span<const double> scores, const std::vector<bool>& labels);

/// One probe's figures, with the raw numbers.
struct Evaluation {
  std::string dimension;
  std::uint32_t examples = 0;
  std::uint32_t positives = 0;
  std::uint32_t groups = 0;
  double auroc = 0;
  double auroc_low = 0;
  double auroc_high = 0;
  double ece = 0;
  double brier = 0;
  std::map<std::string, double> baselines;  ///< AUROC by name, and permutation_p
  std::vector<double> scores;
  std::vector<bool> labels;
  std::vector<std::uint32_t> group_of;
};

/// AUROC with its interval, ECE and Brier of scores that Platt's numbers turn into probabilities.
[[nodiscard]] Evaluation evaluate_scores(std::string dimension, std::vector<double> scores,
                                         std::vector<bool> labels, std::vector<std::uint32_t> group_of,
                                         PlattScale platt, std::uint64_t seed);

struct TrainingOptions {
  std::string dimension;
  std::uint64_t seed = 1;
  bool baselines = true;
  std::size_t permutations = kPermutations;
  const RowsFile* rows = nullptr;  ///< whose tokens the bag is of
  std::optional<std::span<const float>>
      random_rows;  ///< of the same examples, by a model with random weights
};

struct Trained {
  Probe probe;
  Evaluation test;
  double calibration_auroc = 0;
  std::vector<std::string> notes;
};

/// Trains, calibrates and tests one probe. Errors: those of check_enough; kOutOfRange (a part without one of
/// the classes), kMismatch (widths).
[[nodiscard]] Result<Trained> train(const Examples& examples, const Factor& factor,
                                    const TrainingOptions& options);

/// The file of an evaluation.
struct EvaluationFile {
  Digest probe_set{};
  Digest activations{};
  Digest labels{};
  std::optional<Digest> rows;
  std::uint32_t layer = 0;
  std::uint64_t split_seed = 0;
  std::string part;  ///< "test" or "all"
  std::vector<Evaluation> probes;

  [[nodiscard]] std::string encode() const;
  /// Errors: kMalformed, kOutOfRange, kTooLarge, kUnsupported.
  [[nodiscard]] static Result<EvaluationFile> decode(std::string_view text, std::string_view place);
};

/// The probes of a set on the test part of their own corpus (`part` "test"), or on all of another ("all").
/// Errors: kMismatch (model, precision, width), those of examples_of.
[[nodiscard]] Result<std::vector<Evaluation>> evaluate_set(const ProbeSet& set, const Examples& examples,
                                                           std::string_view part);

}  // namespace assay::probe
