#include "probe/kinds.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assay/probe_attestation.h"
#include "assay/probe_causal.h"
#include "assay/probe_rows.h"
#include "assay/probe_set.h"
#include "assay/probe_statement.h"
#include "assay/probe_training.h"
#include "assay/world.h"
#include "base/file.h"
#include "base/try.h"
#include "base/verdict_json.h"
#include "probe/report.h"

namespace assay::probe {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

constexpr std::uint64_t kMaxKindFile = std::uint64_t{1} << 30;

Json hex_or_null(const std::optional<Digest>& digest) {
  return digest ? Json(to_hex(*digest)) : Json(nullptr);
}

Json fields_of(const Activations& file) {
  Json layers = Json::array();
  for (const LayerRows& layer : file.layers) layers.push_back(layer.layer);
  return {{"model_id", file.model_id},
          {"precision", std::string(to_string(file.precision))},
          {"hidden_dim", file.width},
          {"layers", layers},
          {"positions", file.positions.size()},
          {"first_position", file.positions.front()},
          {"last_position", file.positions.back()},
          {"sha256", to_hex(file.sha256)}};
}

Json fields_of(const Unembedding& file) {
  return {{"vocab_size", file.tokens}, {"hidden_dim", file.width}, {"sha256", to_hex(file.sha256)}};
}

Json fields_of(const Checkpoint& file) {
  return {{"hidden_dim", file.width}, {"epsilon", file.epsilon}, {"geometry_hash", to_hex(file.hash())}};
}

Json fields_of(const ProbeSet& set) {
  Json names = Json::array();
  for (const OriginalProbe& probe : set.probes) names.push_back(probe.dimension);
  Json fields = {{"layer", set.layer},
                 {"hidden_dim", set.width()},
                 {"dimensions", names},
                 {"made_by", set.details ? "assay" : "the original"}};
  if (set.details) {
    fields["model_id"] = set.details->model_id;
    fields["precision"] = std::string(to_string(set.details->precision));
    fields["split_seed"] = set.details->split_seed;
    fields["auroc"] = Json::array();
    for (const Probe& probe : set.details->probes) fields["auroc"].push_back(probe.quality.auroc);
  }
  return fields;
}

Json fields_of(const Statement& statement) {
  Json probes = Json::array();
  for (const StatedProbe& probe : statement.probes)
    probes.push_back({{"name", probe.name},
                      {"auroc", probe.auroc},
                      {"auroc_interval", {probe.auroc_low, probe.auroc_high}}});
  return {{"model_id", statement.model_id},
          {"precision", std::string(to_string(statement.precision))},
          {"layer", statement.layer},
          {"position_rule", statement.position_rule},
          {"row_rule", statement.row_rule},
          {"rows", statement.positions.size()},
          {"probes", probes},
          {"readings", statement.readings},
          {"weights_root", hex_or_null(statement.weights_root)},
          {"tokens", hex_or_null(statement.tokens)},
          {"nonce", hex_or_null(statement.nonce)},
          {"issued", utc_text(static_cast<std::int64_t>(statement.issued_at))},
          {"expires", utc_text(static_cast<std::int64_t>(statement.expires_at))},
          {"previous", hex_or_null(statement.previous)},
          {"engine", statement.engine},
          {"key_id", to_hex(statement.key_id)}};
}

Json fields_of(const Attestation& attestation) {
  return {{"model_id", attestation.model_id},
          {"timestamp", attestation.timestamp},
          {"layer_readings", attestation.layer_readings},
          {"confidence", attestation.confidence},
          {"sequence_number", attestation.sequence_number},
          {"attestation_hash", to_hex(attestation.hash())}};
}

Json fields_of(const RowsFile& rows) {
  std::vector<std::string> groups;
  for (const TextRows& text : rows.texts) groups.push_back(text.group);
  std::ranges::sort(groups);
  const auto different = std::unique(groups.begin(), groups.end()) - groups.begin();
  return {{"model_id", rows.model_id},
          {"rule", rows.rule},
          {"engine", rows.engine},
          {"texts", rows.texts.size()},
          {"rows", rows.row_count()},
          {"groups", different},
          {"weights_root", hex_or_null(rows.weights_root)}};
}

Json fields_of(const TokensFile& tokens) {
  return {{"texts", tokens.texts.size()}, {"digest", to_hex(tokens.digest())}};
}

Json fields_of(const EvaluationFile& file) {
  Json probes = Json::array();
  for (const Evaluation& each : file.probes) probes.push_back(json_of(each));
  return {{"layer", file.layer}, {"part", file.part}, {"probes", probes}};
}

Json fields_of(const CausalPlan& plan) {
  return {{"dimension", plan.dimension},    {"prompts", plan.prompts.size()},
          {"neutral", plan.neutral.size()}, {"alphas", plan.alphas},
          {"kl_bound", plan.kl_bound},      {"random_directions", plan.random_directions},
          {"sha256", to_hex(plan.sha256)}};
}

Json fields_of(const CausalResults& results) {
  return {{"dimension", results.dimension},
          {"layer", results.layer},
          {"model_id", results.model_id},
          {"verdict", json_of(causal_verdict(results))},
          {"sha256", to_hex(results.sha256)}};
}

/// What a decoder of texts makes of a file.
template <class Decode>
Result<Json> read_text(const fs::path& path, const Decode& decode) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxKindFile));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return fields_of(ASSAY_TRY(decode(text, path.string())));
}

Result<Json> read_activations(const fs::path& path) { return fields_of(ASSAY_TRY(open_activations(path))); }
Result<Json> read_unembedding(const fs::path& path) { return fields_of(ASSAY_TRY(open_unembedding(path))); }
Result<Json> read_checkpoint(const fs::path& path) { return fields_of(ASSAY_TRY(Checkpoint::read(path))); }
Result<Json> read_set(const fs::path& path) { return read_text(path, ProbeSet::decode); }
Result<Json> read_statement(const fs::path& path) { return read_text(path, open_statement); }
Result<Json> read_attestation(const fs::path& path) { return read_text(path, Attestation::decode); }
Result<Json> show_rows(const fs::path& path) { return read_text(path, RowsFile::decode); }
Result<Json> read_tokens(const fs::path& path) { return read_text(path, TokensFile::decode); }
Result<Json> read_evaluation(const fs::path& path) { return read_text(path, EvaluationFile::decode); }
Result<Json> read_plan(const fs::path& path) { return read_text(path, CausalPlan::decode); }
Result<Json> read_results(const fs::path& path) { return read_text(path, CausalResults::decode); }

Result<Json> read_profile(const fs::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxKindFile));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return parse_json(ASSAY_TRY(Profile::from_json(text, path.string())).to_json(), path.string());
}

Result<Json> read_label_file(const fs::path& path) {
  const std::vector<bool> labels = ASSAY_TRY(read_labels(path));
  return Json{{"rows", labels.size()}, {"ones", std::ranges::count(labels, true)}};
}

// The original's JSON is a list of rows.
bool is_list_of_rows(const Glance& glance) {
  return glance.head.starts_with('[') && glance.head.find("\"token_position\"") != std::string::npos;
}

// The first line is a label.
bool is_labels(const Glance& glance) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = glance.head.find_first_not_of(kBlank);
  if (glance.is_folder || first == std::string::npos) return false;
  const std::string_view rest = std::string_view(glance.head).substr(first);
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
  return word == "1" || word == "0" || word == "true" || word == "false";
}

constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "GOTA", "activations", read_activations},
    FileKind{Mark::kBytes, "GOTU", "unembedding", read_unembedding},
    FileKind{Mark::kBytes, "GOTG", "checkpoint", read_checkpoint},
    FileKind{Mark::kOther, "a JSON list of rows", "activations", read_activations, is_list_of_rows},
    FileKind{Mark::kFields, "vocab_size hidden_dim", "unembedding", read_unembedding},
    FileKind{Mark::kFields, "probes layer", "set of probes", read_set},
    FileKind{Mark::kStatement, "application/vnd.assay.probe.statement", "statement", read_statement},
    FileKind{Mark::kFields, "schema_version layer_readings", "attestation of the original", read_attestation},
    FileKind{Mark::kFormat, "assay/probe/rows/v", "file of rows", show_rows},
    FileKind{Mark::kFormat, "assay/probe/tokens/v", "token ids", read_tokens},
    FileKind{Mark::kFormat, "assay/probe/evaluation/v", "evaluation", read_evaluation},
    FileKind{Mark::kFormat, "assay/probe/causal-plan/v", "causal plan", read_plan},
    FileKind{Mark::kFormat, "assay/probe/causal/v", "causal results", read_results},
    FileKind{Mark::kFormat, "assay/probe/profile/v", "profile", read_profile},
    FileKind{Mark::kOther, "lines of 1 or 0", "labels", read_label_file, is_labels},
};

}  // namespace

Json json_of(const Evaluation& evaluation) {
  Json json;
  json["dimension"] = evaluation.dimension;
  json["examples"] = evaluation.examples;
  json["positives"] = evaluation.positives;
  json["groups"] = evaluation.groups;
  json["auroc"] = evaluation.auroc;
  json["auroc_interval"] = {evaluation.auroc_low, evaluation.auroc_high};
  json["ece"] = evaluation.ece;
  json["brier"] = evaluation.brier;
  json["baselines"] = Json::object();
  for (const auto& [name, value] : evaluation.baselines) json["baselines"][name] = value;
  return json;
}

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::probe
