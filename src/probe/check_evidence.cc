// Levels 4 and 5: rows that the verifier recomputed, and what the probes are worth.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/try.h"
#include "probe/levels.h"
#include "probe/parts.h"

namespace assay::probe {
namespace {

constexpr double kSameFigure = 1e-9;

/// a / b, and the largest number where that would be none.
double ratio(double a, double b) {
  if (a == 0) return 0;
  return std::min(a / b, std::numeric_limits<double>::max());
}

/// |own - theirs| / |own| of a row.
double distance_of(std::span<const float> own, std::span<const float> theirs) {
  double apart = 0;
  double length = 0;
  for (std::size_t j = 0; j < own.size(); ++j) {
    const double difference = double{theirs[j]} - double{own[j]};
    apart += difference * difference;
    length += double{own[j]} * double{own[j]};
  }
  return ratio(std::sqrt(apart), std::sqrt(length));
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

Verdict self_reported(std::string reason) { return Verdict::inconclusive("own rows", std::move(reason)); }

Verdict judge_rows(const RowDistance& distance, const Profile& profile) {
  if (!(distance.row_error <= profile.row_error))
    return Verdict::rejected(
               "rows differ",
               fmt::format("row {} is {:.4g} of its length away from the verifier's "
                           "own, '{}' allows {:.4g}",
                           distance.row, distance.row_error, profile.title(), profile.row_error))
        .at_item(distance.row);
  if (!(distance.reading_error <= profile.reading_error))
    return Verdict::rejected(
               "readings differ",
               fmt::format("a reading of row {} is {:.4g} standard deviations away from that of the "
                           "verifier's own row, '{}' allows {:.4g}",
                           distance.reading_row, distance.reading_error, profile.title(),
                           profile.reading_error))
        .at_item(distance.reading_row);
  return Verdict::accepted()
      .add_check("rows differ", Grade::kStatistical)
      .add_check("readings differ", Grade::kStatistical);
}

bool close(double a, double b) { return std::fabs(a - b) <= kSameFigure; }

std::optional<std::string> other_figures(const StatedProbe& stated, const Evaluation& found) {
  for (const auto& [what, own, said] : {std::tuple("AUROC", found.auroc, stated.auroc),
                                        {"AUROC's lower bound", found.auroc_low, stated.auroc_low},
                                        {"AUROC's upper bound", found.auroc_high, stated.auroc_high},
                                        {"ECE", found.ece, stated.ece},
                                        {"Brier", found.brier, stated.brier}})
    if (!close(own, said))
      return fmt::format("of '{}' the {} is {}, and {} is stated", stated.name, what, own, said);
  if (found.examples != stated.examples[2])
    return fmt::format("'{}' has {} examples to be tested on, and {} are stated", stated.name, found.examples,
                       stated.examples[2]);
  return std::nullopt;
}

/// Whether the corpus is the one that the set was trained on.
bool is_corpus(const Statement& statement, const SetDetails& details, const Corpus& corpus) {
  return corpus.activations.sha256 == statement.corpus && corpus.labels_digest == details.labels &&
         corpus.rows_digest == details.rows;
}

Result<Verdict> check_corpus(const Statement& statement, const Evidence& evidence) {
  if (!evidence.corpus || !evidence.set || !evidence.set->details)
    return Verdict::inconclusive("statistics", "corpus and set of probes are needed to repeat the figures");
  const Corpus& corpus = *evidence.corpus;
  if (!is_corpus(statement, *evidence.set->details, corpus))
    return Verdict::rejected("statistics", "the corpus given is not the one that the probes were trained on");
  if (corpus.activations.model_id != statement.model_id ||
      corpus.activations.precision != statement.precision)
    return Verdict::rejected("statistics",
                             fmt::format("the corpus is of the model '{}' in {}, the statement of '{}' in {}",
                                         corpus.activations.model_id, to_string(corpus.activations.precision),
                                         statement.model_id, to_string(statement.precision)));
  const Examples examples = ASSAY_TRY(
      examples_of(corpus.activations, statement.layer, corpus.labels, corpus.rows ? &*corpus.rows : nullptr));
  const std::vector<Evaluation> found = ASSAY_TRY(evaluate_set(*evidence.set, examples, "test"));
  if (found.size() != statement.probes.size())
    return Verdict::rejected("statistics", "the set has another number of probes than the statement");
  // Level 4 measures readings in units of it: a set that says too much would hide rows that were moved.
  const std::vector<double> deviations = ASSAY_TRY(internal::reading_deviations(*evidence.set, examples));
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double stated = evidence.set->details->probes[i].reading_sd;
    if (!(std::fabs(stated - deviations[i]) <= kSameFigure * deviations[i]))
      return Verdict::rejected("statistics",
                               fmt::format("readings of '{}' deviate by {:.9g}, and the set says {:.9g}",
                                           found[i].dimension, deviations[i], stated))
          .at_item(i);
    if (std::optional<std::string> other = other_figures(statement.probes[i], found[i]))
      return Verdict::rejected("statistics", *std::move(other)).at_item(i);
    if (!(found[i].auroc_low > 0.5))
      return Verdict::rejected("chance",
                               fmt::format("the interval of the AUROC of '{}', {:.3f} to {:.3f}, holds "
                                           "that of chance",
                                           found[i].dimension, found[i].auroc_low, found[i].auroc_high))
          .at_item(i);
  }
  Verdict out = Verdict::accepted();
  out.add_check("statistics", Grade::kRecomputed).add_check("chance", Grade::kStatistical);
  for (const Evaluation& each : found) out.add_figure("AUROC of " + each.dimension, each.auroc);
  return out;
}

Verdict check_causal(const Statement& statement, const Evidence& evidence) {
  if (!evidence.causal)
    return Verdict::inconclusive("causal effect", "the causal results that are bound were not given");
  const CausalResults& results = *evidence.causal;
  if (results.sha256 != statement.causal || results.probe_set != statement.probe_set ||
      results.model_id != statement.model_id || results.layer != statement.layer ||
      std::ranges::find(statement.probes, results.dimension, &StatedProbe::name) == statement.probes.end())
    return Verdict::rejected("causal results", "they are about another statement's probes");
  if (evidence.plan)
    if (const Status planned = check_plan(results, *evidence.plan); !planned.ok())
      return Verdict::rejected("causal results", planned.error().reason);
  if (evidence.remeasured && !(evidence.remeasured->difference <= evidence.remeasured->tolerance))
    return Verdict::rejected(
        "remeasured",
        fmt::format("of {} numbers that were measured again one is {:.4g} nats away, {:.4g} are "
                    "allowed",
                    evidence.remeasured->numbers, evidence.remeasured->difference,
                    evidence.remeasured->tolerance));
  Verdict verdict = causal_verdict(results);
  // Shifts and the bound on side effects are the plan's: without it they are whatever the results say.
  if (verdict.ok() && !evidence.plan)
    return Verdict::inconclusive("causal results", "the plan that they were measured by was not given");
  if (evidence.remeasured) {
    verdict.add_check("remeasured", Grade::kStatistical);
    verdict.add_figure("numbers measured again", evidence.remeasured->numbers);
    verdict.add_figure({"largest difference", evidence.remeasured->difference,
                        Bound{Bound::Kind::kAtMost, evidence.remeasured->tolerance}, "nats"});
  }
  return verdict;
}

}  // namespace

Result<RowDistance> compare_rows(std::span<const float> own, std::span<const float> theirs,
                                 std::uint32_t width, std::span<const Probe> probes) {
  if (own.size() != theirs.size() || own.empty())
    return Error{ErrorCode::kMismatch, "own rows",
                 fmt::format("{} values against {}", own.size(), theirs.size())};
  std::vector<Reader> readers;
  for (const Probe& probe : probes) readers.push_back({probe.covector, probe.bias});
  const std::vector<double> own_readings = ASSAY_TRY(read_rows(own, width, readers));
  const std::vector<double> their_readings = ASSAY_TRY(read_rows(theirs, width, readers));
  RowDistance out;
  out.same_bits = same_bits(own, theirs);
  for (std::size_t i = 0; i < own.size() / width; ++i) {
    const double apart = distance_of(own.subspan(i * width, width), theirs.subspan(i * width, width));
    if (apart > out.row_error) {
      out.row_error = apart;
      out.row = i;
    }
    for (std::size_t k = 0; k < probes.size(); ++k) {
      const double difference =
          std::fabs(own_readings[i * probes.size() + k] - their_readings[i * probes.size() + k]);
      const double error = ratio(difference, probes[k].reading_sd);
      if (error > out.reading_error) {
        out.reading_error = error;
        out.reading_row = i;
      }
    }
  }
  return out;
}

Result<Verdict> internal::check_activations(const Statement& statement, const Evidence& evidence) {
  if (!evidence.own_rows) return self_reported("the verifier recomputed no rows");
  if (!evidence.activations || !evidence.set || !evidence.set->details)
    return self_reported("activations and set of probes are needed to compare rows with");
  const Result<std::vector<float>> theirs = rows_of_statement(statement, *evidence.activations);
  if (!theirs.ok() || theirs->size() != evidence.own_rows->size())
    return Verdict::rejected("own rows", "the verifier's own are not as many as those that were read");
  const RowDistance distance = ASSAY_TRY(
      compare_rows(*evidence.own_rows, *theirs, evidence.activations->width, evidence.set->details->probes));
  if (distance.same_bits)
    return Verdict::accepted()
        .add_check("rows differ", Grade::kRecomputed)
        .add_check("readings differ", Grade::kRecomputed);
  if (!evidence.profile)
    return Verdict::inconclusive("profile",
                                 "rows differ from the verifier's own, and without a profile only equal "
                                 "bits count")
        .add_figure("row error", distance.row_error)
        .add_figure("reading error", distance.reading_error);
  const Profile& profile = *evidence.profile;
  Verdict verdict = judge_rows(distance, profile);
  verdict.add_figure({"row error", distance.row_error, Bound{Bound::Kind::kAtMost, profile.row_error}});
  verdict.add_figure(
      {"reading error", distance.reading_error, Bound{Bound::Kind::kAtMost, profile.reading_error}, "sd"});
  profile::add_basis(verdict, profile, evidence.conditions,
                     fmt::format("{} honest runs", profile.honest_runs));
  verdict.add_assumption(
      "readings vary as the set of probes says, which its corpus shows where that is given (statistics)");
  return verdict;
}

Result<Verdict> internal::check_statistics(const Statement& statement, const Evidence& evidence) {
  Verdict corpus = ASSAY_TRY(check_corpus(statement, evidence));
  if (corpus.outcome() == Outcome::kRejected) return corpus;
  if (!statement.causal) {
    corpus.add_check("causal effect", Grade::kMissing);
    corpus.add_note("no causal check is bound: the direction may be read and not used");
    return corpus;
  }
  Verdict causal = check_causal(statement, evidence);
  if (causal.outcome() == Outcome::kRejected || corpus.ok()) {
    for (const Verdict::Check& check : corpus.checks()) causal.add_check(check.step, check.grade);
    for (const Figure& figure : corpus.figures()) causal.add_figure(figure);
    return causal;
  }
  return corpus;
}

}  // namespace assay::probe
