// `assay layers score`: how heavy the tails of the spectra of a model's layers are, from its files.
#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>

#include "assay/layers_scoring.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct ScoreFlags {
  std::string weights;
  std::string stack;
  std::string model_name;
  std::string metric = "alpha_peak";
  std::string peak_lower = "compat";
  std::string eigen = "auto";
  std::string mapping = "block_wise";
  std::string clip = "fill";
  double sparsity = 0.7;
  double epsilon = 0.3;
  std::uint64_t seed = 0;
  std::string out;
  std::string spectra;
};

/// The value that a name of a flag stands for.
template <class T>
Result<T> named(std::optional<T> value, std::string_view flag, const std::string& name,
                std::string_view choices) {
  if (value) return *value;
  return Error{ErrorCode::kMalformed, std::string(flag), fmt::format("'{}' is none of {}", name, choices)};
}

std::string metric_names() {
  std::string names;
  for (const layers::Metric metric : layers::all_metrics()) {
    if (!names.empty()) names += ", ";
    names += layers::to_string(metric);
  }
  return names;
}

Result<layers::ScoreOptions> options_of(const ScoreFlags& flags) {
  layers::ScoreOptions options;
  options.metric =
      ASSAY_TRY(named(layers::metric_from(flags.metric), "--metric", flags.metric, metric_names()));
  options.peak_lower = ASSAY_TRY(
      named(layers::peak_lower_from(flags.peak_lower), "--peak-lower", flags.peak_lower, "compat, exact"));
  options.method =
      ASSAY_TRY(named(layers::eigen_method_from(flags.eigen), "--eigen", flags.eigen, "auto, gram, svd"));
  options.mapping.mapping = ASSAY_TRY(
      named(layers::mapping_from(flags.mapping), "--mapping", flags.mapping, "block_wise, layer_wise"));
  options.mapping.clip = ASSAY_TRY(named(layers::clip_from(flags.clip), "--clip", flags.clip, "fill, seed"));
  options.mapping.sparsity = flags.sparsity;
  options.mapping.epsilon = flags.epsilon;
  options.shuffle_seed = flags.seed;
  return options;
}

/// The last part of the folder's path, also of "models/one/" and of ".".
std::string name_of(const std::filesystem::path& folder) {
  std::error_code failure;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(folder, failure);
  const std::filesystem::path& path = failure ? folder : whole;
  return path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
}

Result<int> run_score(const ScoreFlags& flags, const Console& console) {
  const layers::ScoreOptions options = ASSAY_TRY(options_of(flags));
  const weights::Folder folder = ASSAY_TRY(weights::Folder::open(flags.weights));
  const weights::Stack stack = ASSAY_TRY(folder.stack(flags.stack));
  const std::string kept_path = flags.spectra.empty() ? flags.out + ".spectra" : flags.spectra;
  layers::SpectraFile kept = ASSAY_TRY(layers::SpectraFile::open(kept_path));
  if (kept.dropped_bytes() > 0)
    console.note(fmt::format("{}: ended within a spectrum, which is computed again", kept_path));
  const layers::ModelLabel model{flags.model_name.empty() ? name_of(flags.weights) : flags.model_name,
                                 folder.config().model_type};
  const Stopwatch scoring;
  const layers::Scoring found = ASSAY_TRY(layers::score(stack, folder.tensors(), model, options, &kept));
  const double seconds = scoring.seconds();
  ASSAY_TRY(found.scores.write(flags.out));

  const layers::Scores& scores = found.scores;
  Json json;
  json["out"] = flags.out;
  json["spectra"] = kept_path;
  json["metric"] = scores.metric_name;
  json["layers"] = scores.layers.size();
  json["blocks"] = scores.blocks.size();
  json["matrices"] = found.matrices;
  json["taken_over"] = found.taken_over;
  json["notes"] = scores.assay->notes;
  json["timing"] = {{"score_time_s", seconds}};
  std::vector<std::string> lines{
      fmt::format("{} of {} layers in {} blocks, from {:.4g} to {:.4g}", scores.metric_name,
                  grouped(scores.layers.size()), grouped(scores.blocks.size()),
                  scores.metadata.raw_metrics_min, scores.metadata.raw_metrics_max),
      fmt::format("{} of {} spectra were taken over from {}", grouped(found.taken_over),
                  grouped(found.matrices), kept_path)};
  for (const std::string& note : scores.assay->notes) lines.push_back("note: " + note);
  lines.push_back("written to " + flags.out);
  return console.report(json, lines);
}

}  // namespace

void add_layers_score(Program& program) {
  const auto [verb, flags] =
      program.add("layers score", "Score a model's layers by the spectra of their weights",
                  "assay layers score --weights SmolLM2-135M --out smollm2.scores.json", run_score);
  add_weights(verb, flags.weights)->required();
  add_option(verb, "--stack NAME", flags.stack,
             "which stack of blocks, such as model.layers (default: the language model's)");
  add_option(verb, "--model-name NAME", flags.model_name,
             "what the scores call the model (default: the folder's name)");
  add_option(verb, "--metric NAME", flags.metric, metric_names())->capture_default_str();
  add_option(verb, "--peak-lower RULE", flags.peak_lower,
             "where alpha_peak's window starts: compat (as published numbers) or exact")
      ->capture_default_str();
  add_option(verb, "--eigen METHOD", flags.eigen,
             "gram, svd, or auto: singular values where a matrix is nearly singular")
      ->capture_default_str();
  add_option(verb, "--mapping KIND", flags.mapping, "block_wise (the mean of each block) or layer_wise")
      ->capture_default_str();
  add_option(verb, "--sparsity S", flags.sparsity,
             "the part of all parameters that the ratios come to, between 0 and 1")
      ->capture_default_str();
  add_option(verb, "--epsilon E", flags.epsilon, "how far ratios lie apart, from 0 to below 1")
      ->capture_default_str();
  add_option(verb, "--clip RULE", flags.clip,
             "of ratios over 1: fill (the others rise) or seed (they are cut off, as in the original)")
      ->capture_default_str();
  add_option(verb, "--seed N", flags.seed, "of the shuffle of random_distance")->capture_default_str();
  add_option(verb, "--spectra FILE", flags.spectra,
             "where spectra are kept and looked for (default: beside the scores, FILE.spectra)");
  add_option(verb, "--out FILE", flags.out, "the scores, as JSON")->required();
}

}  // namespace assay::cli
