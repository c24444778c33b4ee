// Training of one probe, and the figures of a set of them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "assay/probe_training.h"
#include "base/threads.h"
#include "base/try.h"
#include "probe/gram_sum.h"
#include "probe/parts.h"

namespace assay::probe {
namespace {

using internal::Coefficients;
using internal::Design;
using internal::RowNumbers;

/// Over the mean squared length of the rows.
constexpr double kLambdas[] = {1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6};
constexpr std::size_t kLambdaCount = std::size(kLambdas);

/// The rows in question, one behind the other.
std::vector<float> gather(const Examples& examples, const RowNumbers& rows) {
  std::vector<float> out;
  out.reserve(rows.size() * examples.width);
  for (const std::uint32_t i : rows) {
    const auto row = examples.rows.subspan(std::size_t{i} * examples.width, examples.width);
    out.insert(out.end(), row.begin(), row.end());
  }
  return out;
}

struct Scored {
  std::vector<double> scores;
  std::vector<bool> labels;
  std::vector<std::uint32_t> groups;
};

/// The readings that whoever has the probe repeats to the last bit.
Result<Scored> score(const Examples& examples, const RowNumbers& rows, const Probe& probe) {
  const Reader reader{probe.covector, probe.bias};
  Scored out{ASSAY_TRY(read_rows(gather(examples, rows), examples.width, {&reader, 1})), {}, {}};
  for (const std::uint32_t i : rows) {
    out.labels.push_back(examples.labels[i]);
    out.groups.push_back(examples.groups[i]);
  }
  return out;
}

double deviation(std::span<const double> values) {
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

Status check_part(const Examples& examples, const RowNumbers& rows, std::string_view name) {
  const auto positive = [&](std::uint32_t i) -> bool { return examples.labels[i]; };
  if (std::ranges::any_of(rows, positive) && !std::ranges::all_of(rows, positive)) return {};
  return Error{ErrorCode::kOutOfRange, "groups",
               fmt::format("the {} part has one class alone: another --seed, or more groups", name)};
}

/// The probe of fitted coefficients: back from z to rows.
Probe probe_of(const Design& design, const Coefficients& fitted, const Factor& factor,
               std::span<const double> center) {
  const std::vector<double> beta = design.beta(fitted);
  Probe probe;
  probe.covector = factor.apply(beta);
  probe.vector = factor.solve_transposed(beta);
  probe.bias = fitted.intercept - internal::dot(probe.covector, center);
  return probe;
}

}  // namespace

std::vector<double> internal::mean_of_rows(std::span<const float> rows, std::uint32_t width,
                                           const RowNumbers& which) {
  std::vector<double> mean(width);
  for (const std::uint32_t i : which)
    for (std::size_t j = 0; j < width; ++j) mean[j] += double{rows[std::size_t{i} * width + j]};
  for (double& value : mean) value /= static_cast<double>(which.size());
  return mean;
}

Result<std::vector<double>> internal::transformed(std::span<const float> rows, std::span<const double> center,
                                                  const Factor& factor) {
  std::vector<double> centred(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) centred[i] = double{rows[i]} - center[i % center.size()];
  return product(centred, factor.lower, factor.width);
}

Result<internal::Searched> internal::search_lambda(const Design& design, const Examples& examples,
                                                   const std::vector<Part>& parts, std::uint64_t seed) {
  const RowNumbers training = rows_in(examples, parts, Part::kTraining);
  const std::vector<std::size_t> folds = folds_of(examples, parts, seed);
  const double unit = design.mean_square(training);
  if (!(unit > 0)) return Error{ErrorCode::kOutOfRange, "training", "all rows are alike"};
  std::vector<Result<double>> losses(kLambdaCount * internal::kFolds, Result<double>(0.0));
  Progress progress("lambda", losses.size());
  // From the largest lambda down: each fit is close to the one before, so that few steps lead from it.
  const auto fit_fold = [&](std::size_t fold) {
    RowNumbers rest;
    RowNumbers held;
    for (const std::uint32_t i : training) (folds[examples.groups[i]] == fold ? held : rest).push_back(i);
    std::optional<Coefficients> before;
    for (std::size_t k = 0; k < kLambdaCount; ++k) {
      Result<Coefficients> fitted = design.fit(rest, examples.labels, kLambdas[k] * unit,
                                               before ? &*before : nullptr, Ending::kToCompare);
      if (!fitted.ok()) {
        losses[k * internal::kFolds + fold] = fitted.error();
        return;
      }
      const std::vector<double> scores = design.scores(*fitted, held);
      double sum = 0;
      for (std::size_t i = 0; i < held.size(); ++i) sum += log_loss(scores[i], examples.labels[held[i]]);
      losses[k * internal::kFolds + fold] = sum;
      before = std::move(fitted).value();
      progress.advance();
    }
  };
  const auto work = [&](std::size_t first, std::size_t last) {
    for (std::size_t fold = first; fold < last; ++fold) fit_fold(fold);
  };
  if (design.in_span()) {
    parallel_for(0, internal::kFolds, 1, work);
  } else {
    work(0, internal::kFolds);
  }
  double best = HUGE_VAL;
  double lambda = 0;
  for (std::size_t k = 0; k < kLambdaCount; ++k) {
    double sum = 0;
    for (std::size_t fold = 0; fold < internal::kFolds; ++fold)
      sum += ASSAY_TRY(losses[k * internal::kFolds + fold]);
    if (sum < best) {
      best = sum;
      lambda = kLambdas[k] * unit;
    }
  }
  return Searched{ASSAY_TRY(design.fit(training, examples.labels, lambda)), lambda};
}

Result<Fit> fit_logistic(std::span<const double> features, std::size_t columns,
                         const std::vector<bool>& labels, double lambda) {
  if (columns == 0 || labels.empty() || features.size() != labels.size() * columns)
    return Error{
        ErrorCode::kMismatch, "training",
        fmt::format("{} values for {} labels and {} columns", features.size(), labels.size(), columns)};
  if (!(lambda > 0 && std::isfinite(lambda)))
    return Error{ErrorCode::kOutOfRange, "lambda", "it is not above 0"};
  RowNumbers rows;
  for (std::uint32_t i = 0; i < labels.size(); ++i) rows.push_back(i);
  const Design design = ASSAY_TRY(Design::make({features.begin(), features.end()}, columns, labels.size()));
  const Coefficients fitted = ASSAY_TRY(design.fit(rows, labels, lambda));
  return Fit{design.beta(fitted), fitted.intercept, fitted.loss};
}

Result<Trained> train(const Examples& examples, const Factor& factor, const TrainingOptions& options) {
  if (factor.width != examples.width)
    return Error{ErrorCode::kMismatch, "unembedding",
                 fmt::format("it is {} wide, the activations are {}", factor.width, examples.width)};
  if (options.random_rows && options.random_rows->size() != examples.rows.size())
    return Error{
        ErrorCode::kMismatch, "random activations",
        fmt::format("{} values, the activations have {}", options.random_rows->size(), examples.rows.size())};
  Trained out;
  out.notes = ASSAY_TRY(check_enough(examples));
  const std::vector<Part> parts = split_groups(examples, options.seed);
  const RowNumbers training = internal::rows_in(examples, parts, Part::kTraining);
  const RowNumbers calibration = internal::rows_in(examples, parts, Part::kCalibration);
  const RowNumbers test = internal::rows_in(examples, parts, Part::kTest);
  ASSAY_TRY(check_part(examples, training, "training"));
  ASSAY_TRY(check_part(examples, calibration, "calibration"));
  ASSAY_TRY(check_part(examples, test, "test"));

  const std::vector<double> center = internal::mean_of_rows(examples.rows, examples.width, training);
  std::vector<double> features = ASSAY_TRY(internal::transformed(examples.rows, center, factor));
  const Design design = ASSAY_TRY(Design::make(std::move(features), examples.width, training.size()));
  const internal::Searched found = ASSAY_TRY(internal::search_lambda(design, examples, parts, options.seed));
  Probe& probe = out.probe;
  probe = probe_of(design, found.fitted, factor, center);
  probe.lambda = found.lambda;
  probe.reading_sd = deviation(ASSAY_TRY(score(examples, training, probe)).scores);

  const Scored calibrating = ASSAY_TRY(score(examples, calibration, probe));
  const PlattScale platt = fit_platt(calibrating.scores, calibrating.labels);
  probe.platt_scale = platt.scale;
  probe.platt_shift = platt.shift;
  out.calibration_auroc = auroc(calibrating.scores, calibrating.labels);

  Scored testing = ASSAY_TRY(score(examples, test, probe));
  out.test = evaluate_scores(options.dimension, std::move(testing.scores), std::move(testing.labels),
                             std::move(testing.groups), platt, options.seed);
  Quality& quality = probe.quality;
  const RowNumbers* const of_part[] = {&training, &calibration, &test};
  for (std::size_t k = 0; k < 3; ++k) {
    quality.examples[k] = static_cast<std::uint32_t>(of_part[k]->size());
    quality.groups[k] = internal::group_count(examples, *of_part[k]);
  }
  quality.auroc = out.test.auroc;
  quality.auroc_low = out.test.auroc_low;
  quality.auroc_high = out.test.auroc_high;
  quality.ece = out.test.ece;
  quality.brier = out.test.brier;
  if (options.baselines)
    out.test.baselines = ASSAY_TRY(internal::baselines_of(examples, factor, parts, design, found.lambda,
                                                          out.test.auroc, options, out.notes));
  return out;
}

Result<std::vector<Evaluation>> evaluate_set(const ProbeSet& set, const Examples& examples,
                                             std::string_view part) {
  if (!set.details)
    return Error{ErrorCode::kMismatch, "probe set",
                 "the original made it: it says neither model nor covectors"};
  if (set.details->model_id != examples.model_id)
    return Error{ErrorCode::kMismatch, "probe set",
                 fmt::format("is of the model '{}', the activations are of '{}'", set.details->model_id,
                             examples.model_id)};
  if (set.details->precision != examples.precision)
    return Error{ErrorCode::kMismatch, "probe set",
                 fmt::format("was trained on {}, the activations are {}", to_string(set.details->precision),
                             to_string(examples.precision))};
  if (set.details->width != examples.width)
    return Error{ErrorCode::kMismatch, "probe set",
                 fmt::format("is {} wide, the activations are {}", set.details->width, examples.width)};
  RowNumbers rows;
  if (part == "test") {
    rows = internal::rows_in(examples, split_groups(examples, set.details->split_seed), Part::kTest);
  } else {
    for (std::uint32_t i = 0; i < examples.size(); ++i) rows.push_back(i);
  }
  ASSAY_TRY(check_part(examples, rows, part));
  std::vector<Evaluation> out;
  for (std::size_t k = 0; k < set.probes.size(); ++k) {
    const Probe& probe = set.details->probes[k];
    Scored scored = ASSAY_TRY(score(examples, rows, probe));
    out.push_back(evaluate_scores(set.probes[k].dimension, std::move(scored.scores), std::move(scored.labels),
                                  std::move(scored.groups), {probe.platt_scale, probe.platt_shift},
                                  set.details->split_seed));
  }
  return out;
}

Result<std::vector<double>> internal::reading_deviations(const ProbeSet& set, const Examples& examples) {
  const RowNumbers training =
      internal::rows_in(examples, split_groups(examples, set.details->split_seed), Part::kTraining);
  std::vector<double> deviations;
  for (const Probe& probe : set.details->probes)
    deviations.push_back(deviation(ASSAY_TRY(score(examples, training, probe)).scores));
  return deviations;
}

}  // namespace assay::probe
