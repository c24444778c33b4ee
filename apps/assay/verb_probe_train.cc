// `assay probe train` and `assay probe evaluate`.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "assay/probe_geometry.h"
#include "assay/probe_training.h"
#include "base/file.h"
#include "base/try.h"
#include "probe_compat.h"
#include "probe_inputs.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct TrainOptions {
  CorpusPaths corpus;
  std::string unembedding;
  std::string layer;
  std::string dimension;
  std::string output;
  std::uint64_t seed = 1;
  bool uncentred = false;
  std::string gain;
  std::string random_activations;
  bool no_baselines = false;
  std::uint64_t permutations = probe::kPermutations;
  std::string append;
  std::string evaluation;
  bool compat = false;
  CompatTrainOptions original;
};

struct EvaluateOptions {
  CorpusPaths corpus;
  std::string probes;
  std::string part = "test";
  std::string output;
};

struct Chosen {
  std::uint32_t layer = 0;
  probe::Trained trained;
  Json sweep = Json::array();
};

/// The layer of highest AUROC on the calibration part; one layer is trained whole at once.
Result<Chosen> train_best(const TrainOptions& options, const probe::Corpus& corpus,
                          const std::vector<std::uint32_t>& layers, const probe::Factor& factor,
                          const std::optional<probe::Activations>& random) {
  probe::TrainingOptions how;
  how.dimension = options.dimension;
  how.seed = options.seed;
  how.permutations = options.permutations;
  how.rows = corpus.rows ? &*corpus.rows : nullptr;
  Chosen best;
  std::optional<double> reached;
  for (const std::uint32_t layer : layers) {
    how.baselines = layers.size() == 1 && !options.no_baselines;
    const probe::Examples examples =
        ASSAY_TRY(probe::examples_of(corpus.activations, layer, corpus.labels, how.rows));
    if (random) {
      const probe::LayerRows* rows = random->find(layer);
      if (rows == nullptr)
        return Error{ErrorCode::kMismatch, options.random_activations,
                     fmt::format("the activations do not have layer {}", layer)};
      if (how.baselines) how.random_rows = rows->values;
    }
    probe::Trained trained = ASSAY_TRY(probe::train(examples, factor, how));
    best.sweep.push_back({{"layer", layer}, {"calibration_auroc", trained.calibration_auroc}});
    if (reached && trained.calibration_auroc <= *reached) continue;
    reached = trained.calibration_auroc;
    best.layer = layer;
    best.trained = std::move(trained);
  }
  if (layers.size() == 1 || options.no_baselines) return best;
  // The chosen one again, with what it is compared to.
  Chosen again = ASSAY_TRY(train_best(options, corpus, {best.layer}, factor, random));
  again.sweep = std::move(best.sweep);
  return again;
}

probe::SetDetails details_of(const probe::Corpus& corpus, const probe::Unembedding& unembedding,
                             const probe::Geometry& geometry, const probe::Factor& factor,
                             std::span<const float> gain, const TrainOptions& options) {
  probe::SetDetails details;
  details.model_id = corpus.activations.model_id;
  details.precision = corpus.activations.precision;
  details.width = corpus.activations.width;
  details.unembedding = unembedding.sha256;
  details.geometry = {!options.uncentred, std::nullopt, factor.jitter, geometry.trace, geometry.frobenius};
  if (!gain.empty()) details.geometry.gain = probe::gain_digest(gain);
  details.activations = corpus.activations.sha256;
  details.rows = corpus.rows_digest;
  details.labels = corpus.labels_digest;
  details.split_seed = options.seed;
  return details;
}

/// Whether a probe of the one set may stand in the other.
bool belong_together(const probe::ProbeSet& set, const probe::SetDetails& details, std::uint32_t layer) {
  if (!set.details || set.layer != layer) return false;
  const probe::SetDetails& old = *set.details;
  return old.model_id == details.model_id && old.precision == details.precision &&
         old.width == details.width && old.unembedding == details.unembedding &&
         old.geometry == details.geometry && old.activations == details.activations &&
         old.rows == details.rows && old.labels == details.labels && old.split_seed == details.split_seed;
}

probe::OriginalProbe original_of(const std::string& dimension, const probe::Probe& probe) {
  probe::OriginalProbe out;
  out.dimension = dimension;
  for (const double value : probe.vector) out.weights.push_back(static_cast<float>(value));
  out.bias = static_cast<float>(probe.bias);
  out.platt_scale = static_cast<float>(probe.platt_scale);
  out.platt_shift = static_cast<float>(probe.platt_shift);
  return out;
}

Status write_evaluation(const std::string& path, const probe::ProbeSet& set, const Digest& set_digest,
                        const std::string& part, const probe::Corpus& corpus,
                        std::vector<probe::Evaluation> evaluations) {
  const probe::EvaluationFile file{set_digest,
                                   corpus.activations.sha256,
                                   corpus.labels_digest,
                                   corpus.rows_digest,
                                   set.layer,
                                   set.details->split_seed,
                                   part,
                                   std::move(evaluations)};
  return write_file(path, file.encode());
}

Result<int> run_train(const TrainOptions& options, const Console& console) {
  if (options.compat)
    return compat_train({options.corpus.activations, options.corpus.labels, options.unembedding,
                         options.layer, options.dimension, options.output},
                        options.original, console);
  const probe::Corpus corpus = ASSAY_TRY(read_corpus(options.corpus));
  const std::vector<std::uint32_t> layers = ASSAY_TRY(parse_layers(options.layer, corpus.activations));
  const probe::Examples first = ASSAY_TRY(probe::examples_of(corpus.activations, layers.at(0), corpus.labels,
                                                             corpus.rows ? &*corpus.rows : nullptr));
  static_cast<void>(ASSAY_TRY(probe::check_enough(first)));
  std::vector<float> gain;
  if (!options.gain.empty()) gain = ASSAY_TRY(probe::read_gain(options.gain));
  const probe::Unembedding unembedding = ASSAY_TRY(probe::open_unembedding(options.unembedding));
  const probe::Geometry geometry = ASSAY_TRY(probe::geometry_of(unembedding, !options.uncentred, gain));
  const probe::Factor factor = ASSAY_TRY(probe::factor_of(geometry));
  std::optional<probe::Activations> random;
  if (!options.random_activations.empty())
    random = ASSAY_TRY(probe::open_activations(options.random_activations));
  const Stopwatch training;
  Chosen chosen = ASSAY_TRY(train_best(options, corpus, layers, factor, random));
  const double seconds = training.seconds();

  probe::SetDetails details = details_of(corpus, unembedding, geometry, factor, gain, options);
  probe::ProbeSet set;
  set.layer = chosen.layer;
  set.details = details;
  if (!options.append.empty()) {
    probe::ProbeSet before = ASSAY_TRY(read_set(options.append)).set;
    if (!belong_together(before, details, chosen.layer))
      return Error{ErrorCode::kMismatch, options.append,
                   "it is of another layer, corpus, split or geometry than this probe"};
    set = std::move(before);
  }
  set.probes.push_back(original_of(options.dimension, chosen.trained.probe));
  set.details->probes.push_back(chosen.trained.probe);
  ASSAY_TRY(set.write(options.output));
  const HashedSet written = ASSAY_TRY(read_set(options.output));
  if (!options.evaluation.empty())
    ASSAY_TRY(
        write_evaluation(options.evaluation, set, written.sha256, "test", corpus, {chosen.trained.test}));
  for (const std::string& note : chosen.trained.notes) console.note(note);

  Json json;
  json["out"] = options.output;
  json["layer"] = set.layer;
  json["sweep"] = std::move(chosen.sweep);
  json["test"] = json_of(chosen.trained.test);
  json["lambda"] = chosen.trained.probe.lambda;
  json["notes"] = chosen.trained.notes;
  json["probe_set_sha256"] = to_hex(written.sha256);
  json["timing"] = {{"train_time_s", seconds}};
  std::vector<std::string> lines = lines_of(chosen.trained.test);
  lines.push_back(fmt::format("a probe of layer {}, written to {}", set.layer, options.output));
  return console.report(json, lines);
}

Result<int> run_evaluate(const EvaluateOptions& options, const Console& console) {
  if (options.part != "test" && options.part != "all")
    return Error{ErrorCode::kMalformed, "--part", "it is neither test nor all"};
  const HashedSet set = ASSAY_TRY(read_set(options.probes));
  const probe::Corpus corpus = ASSAY_TRY(read_corpus(options.corpus));
  const probe::Examples examples = ASSAY_TRY(probe::examples_of(
      corpus.activations, set.set.layer, corpus.labels, corpus.rows ? &*corpus.rows : nullptr));
  const std::vector<probe::Evaluation> evaluations =
      ASSAY_TRY(probe::evaluate_set(set.set, examples, options.part));
  if (!options.output.empty())
    ASSAY_TRY(write_evaluation(options.output, set.set, set.sha256, options.part, corpus, evaluations));
  Json json;
  json["layer"] = set.set.layer;
  json["part"] = options.part;
  if (!options.output.empty()) json["out"] = options.output;
  json["probes"] = Json::array();
  std::vector<std::string> lines;
  for (const probe::Evaluation& each : evaluations) {
    json["probes"].push_back(json_of(each));
    for (std::string& line : lines_of(each)) lines.push_back(std::move(line));
  }
  return console.report(json, lines);
}

void add_corpus_flags(CLI::App* verb, CorpusPaths& paths) {
  add_option(verb, "--activations FILE", paths.activations, "rows of the residual stream, a .gotact")
      ->required();
  add_option(verb, "--labels FILE", paths.labels, "a label 0 or 1 for each row")->required();
  add_option(verb, "--rows FILE", paths.rows,
             "where each row came from (default: STEM.rows, if it is there)");
}

}  // namespace

void add_probe_train(Program& program) {
  const auto [verb, train] = program.add(
      "probe train", "Train a probe, calibrate it and test it on groups that it did not see",
      "assay probe train --activations a.gotact --labels a.labels --unembedding u.gotue --layer 12 "
      "--dimension tense --output tense.json",
      run_train);
  add_corpus_flags(verb, train.corpus);
  add_option(verb, "--unembedding FILE", train.unembedding, "rows of the output layer, a .gotue")->required();
  add_option(verb, "--layer L", train.layer, "after which block: 12; 4,8,12 or all takes the best of them")
      ->required();
  add_option(verb, "--dimension NAME", train.dimension, "what the probe is called")->required();
  add_option(verb, "--output FILE", train.output, "the set of probes, JSON")->required();
  add_option(verb, "--seed N", train.seed, "of the parts")->capture_default_str();
  verb->add_flag("--uncentred", train.uncentred, "leave the mean row in the geometry");
  add_option(verb, "--gain FILE", train.gain, "gain of the final norm to fold in, an .npy of float32");
  add_option(verb, "--random-activations FILE", train.random_activations,
             "the same rows by the model with random weights");
  add_option(verb, "--permutations N", train.permutations, "refits on permuted labels; 0: none")
      ->capture_default_str();
  verb->add_flag("--no-baselines", train.no_baselines, "compare with nothing");
  add_option(verb, "--append FILE", train.append, "a set of the same layer and corpus that the probe joins");
  writes_file(add_option(verb, "--evaluation FILE", train.evaluation, "figures with raw numbers, JSON"));
  verb->add_flag("--compat", train.compat,
                 "train as the original does: see docs/probe.md for what that is worth");
  add_compat_flags(verb, train.original);
  program.refuse(verb,
                 {"--rows", "--seed", "--uncentred", "--gain", "--random-activations", "--permutations",
                  "--no-baselines", "--append", "--evaluation"},
                 Program::Idle::kBeside, "--compat");
}

void add_probe_evaluate(Program& program) {
  const auto [verb, evaluate] = program.add(
      "probe evaluate", "Measure a set of probes on labelled rows",
      "assay probe evaluate --activations a.gotact --labels a.labels --probes tense.json", run_evaluate);
  add_corpus_flags(verb, evaluate.corpus);
  add_option(verb, "--probes FILE", evaluate.probes, "a set of probes")->required();
  add_option(verb, "--part PART", evaluate.part, "test of its own corpus, or all of another")
      ->capture_default_str();
  add_option(verb, "--output FILE", evaluate.output, "figures with raw numbers, JSON");
}

}  // namespace assay::cli
