#include "probe_compat.h"

#include <fmt/format.h>

#include "arguments.h"
#include "assay/probe_statement.h"
#include "assay/world.h"
#include "base/file.h"
#include "base/try.h"
#include "probe_inputs.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

std::uint64_t now() { return static_cast<std::uint64_t>(World::system().unix_time()); }

void warn(const Console& console) { console.warn(fmt::format("warning: {}", probe::compat_warning())); }

Result<probe::Attestation> read_attestation(const std::string& path) {
  const HashedText text = ASSAY_TRY(read_hashed(path, probe::kMaxJsonBytes));
  return probe::Attestation::decode(text.text, path);
}

}  // namespace

void add_compat_flags(CLI::App* verb, CompatTrainOptions& options) {
  const auto add = [&](const std::string& usage, auto& value, const std::string& help) {
    add_option(verb, usage, value, help)->capture_default_str()->needs("--compat");
  };
  add("--lr RATE", options.training.learning_rate, "compat: learning rate");
  add("--epochs N", options.training.epochs, "compat: passes over the examples");
  add("--epsilon E", options.training.epsilon, "compat: added to the diagonal where Phi has no factor");
  add("--validation-labels FILE", options.validation_labels, "compat: labels to calibrate on");
  add("--platt-lr RATE", options.training.platt_learning_rate, "compat: learning rate of the calibration");
  add("--platt-epochs N", options.training.platt_epochs, "compat: passes of the calibration");
}

Result<int> compat_train(const CompatTrainInputs& inputs, const CompatTrainOptions& options,
                         const Console& console) {
  const probe::Activations activations = ASSAY_TRY(probe::open_activations(inputs.activations));
  const std::vector<std::uint32_t> layers = ASSAY_TRY(parse_layers(inputs.layer, activations));
  if (layers.size() != 1)
    return Error{ErrorCode::kMismatch, "--layer", "one layer is trained on with --compat"};
  const std::vector<bool> labels = ASSAY_TRY(probe::read_labels(inputs.labels));
  std::optional<std::vector<bool>> validation;
  if (!options.validation_labels.empty())
    validation = ASSAY_TRY(probe::read_labels(options.validation_labels));
  const probe::Unembedding unembedding = ASSAY_TRY(probe::open_unembedding(inputs.unembedding));
  const probe::CompatGeometry geometry =
      ASSAY_TRY(probe::compat_geometry(unembedding, options.training.epsilon));
  probe::ProbeSet set;
  set.layer = layers[0];
  set.probes.push_back(
      ASSAY_TRY(probe::compat_train(inputs.dimension, activations.find(layers[0])->values, labels,
                                    validation ? &*validation : nullptr, geometry, options.training)));
  ASSAY_TRY(set.write(inputs.output));
  warn(console);
  Json json;
  json["out"] = inputs.output;
  json["layer"] = set.layer;
  json["examples"] = labels.size();
  json["regularised"] = geometry.regularised;
  json["compat"] = true;
  return console.report(
      json, {fmt::format("one probe of layer {}, trained on {} examples as the original does", set.layer,
                         labels.size()),
             "written to " + inputs.output});
}

void add_compat_flags(CLI::App* verb, CompatAttestFlags& options) {
  const auto add = [&](const std::string& usage, auto& value, const std::string& help) {
    add_option(verb, usage, value, help)->needs("--compat");
  };
  add_option(verb, "--unembedding FILE", options.unembedding,
             "the .gotue: needed with --compat, and otherwise compared with the set's");
  add("--corpus-version TEXT", options.corpus_version, "compat: as the attestation says it");
  add("--timestamp SECONDS", options.timestamp, "compat: seconds since 1970 (default: now)");
  add("--shards DIR", options.shards, "compat: files that model_hash covers");
  add("--chain-parent FILE", options.chain_parent, "compat: the attestation before");
  add("--geo-ref FILE", options.geo_ref, "compat: a .gotgeo to tell the drift from");
}

Result<int> compat_attest(const CompatAttestInputs& inputs, const CompatAttestFlags& options,
                          const Console& console) {
  if (options.unembedding.empty())
    return Error{ErrorCode::kMismatch, "--unembedding", "is needed with --compat"};
  const probe::Activations activations = ASSAY_TRY(probe::open_activations(inputs.activations));
  const HashedSet set = ASSAY_TRY(read_set(inputs.probes));
  const probe::Unembedding unembedding = ASSAY_TRY(probe::open_unembedding(options.unembedding));
  const probe::CompatGeometry geometry =
      ASSAY_TRY(probe::compat_geometry(unembedding, probe::CompatTraining{}.epsilon));
  probe::CompatAttestOptions how;
  how.model_id = inputs.model_id.empty() ? activations.model_id : inputs.model_id;
  how.corpus_version = options.corpus_version;
  how.timestamp = options.timestamp == 0 ? now() : options.timestamp;
  if (!options.shards.empty()) how.model_hash = ASSAY_TRY(probe::compat_shards_root(options.shards));
  std::optional<probe::Attestation> parent;
  if (!options.chain_parent.empty()) parent = ASSAY_TRY(read_attestation(options.chain_parent));
  how.parent = parent ? &*parent : nullptr;
  std::optional<probe::Checkpoint> reference;
  if (!options.geo_ref.empty()) reference = ASSAY_TRY(probe::Checkpoint::read(options.geo_ref));
  how.reference = reference ? &*reference : nullptr;
  probe::Attestation attestation = ASSAY_TRY(probe::compat_attest(activations, set.set, geometry, how));
  attestation = ASSAY_TRY(probe::sign(std::move(attestation), inputs.key, now()));
  ASSAY_TRY(write_file(inputs.output, attestation.encode()));
  warn(console);
  Json json;
  json["out"] = inputs.output;
  json["attestation_hash"] = to_hex(attestation.hash());
  json["readings"] = attestation.layer_readings[0];
  json["compat"] = true;
  return console.report(
      json, {fmt::format("attested as the original does: {} readings of the first stored position",
                         attestation.confidence.size()),
             "written to " + inputs.output});
}

Result<int> compat_verify(const std::string& path, const std::string& pubkey, const Console& console) {
  const probe::Attestation attestation = ASSAY_TRY(read_attestation(path));
  const auto key = ASSAY_TRY(probe::read_public_key(pubkey));
  const Verdict verdict = probe::verify_attestation(attestation, key);
  warn(console);
  Json json = assay::json_of(verdict);
  json["model_id"] = attestation.model_id;
  json["timestamp"] = attestation.timestamp;
  json["attestation_hash"] = to_hex(attestation.hash());
  return console.report(json, Lines(verdict), exit_code(verdict.outcome()));
}

}  // namespace assay::cli
