// The statement about rows: what is read, and what is bound.
#include <fmt/format.h>

#include "assay/probe_statement.h"
#include "base/try.h"

namespace assay::probe {
namespace {

Error mismatch(std::string_view what, std::string reason) {
  return {ErrorCode::kMismatch, std::string(what), std::move(reason)};
}

Status check_together(const Activations& activations, const ProbeSet& set, const RowsFile* rows) {
  if (!set.details)
    return mismatch("probe set",
                    "the original made it: it says neither model nor covectors; --compat "
                    "attests as the original does");
  const SetDetails& details = *set.details;
  if (activations.model_id != details.model_id)
    return mismatch("model", fmt::format("the activations are of '{}', the probes of '{}'",
                                         activations.model_id, details.model_id));
  if (activations.precision != details.precision)
    return mismatch("precision", fmt::format("the activations are {}, the probes were trained on {}",
                                             to_string(activations.precision), to_string(details.precision)));
  if (activations.width != details.width)
    return mismatch("width",
                    fmt::format("rows of {} values for probes of {}", activations.width, details.width));
  if (activations.find(set.layer) == nullptr)
    return mismatch("layer", fmt::format("the activations do not have layer {}", set.layer));
  if (rows != nullptr && rows->row_count() != activations.positions.size())
    return mismatch("file of rows", fmt::format("is about {} rows, the activations have {}",
                                                rows->row_count(), activations.positions.size()));
  if (rows != nullptr && rows->model_id != activations.model_id)
    return mismatch("file of rows", fmt::format("is of model '{}', the activations of '{}'", rows->model_id,
                                                activations.model_id));
  return {};
}

StatedProbe stated(const OriginalProbe& named, const Probe& probe) {
  const Quality& quality = probe.quality;
  return {named.dimension, probe.digest(),    probe.platt_scale,  probe.platt_shift, quality.examples,
          quality.auroc,   quality.auroc_low, quality.auroc_high, quality.ece,       quality.brier};
}

std::vector<Reader> readers_of(const SetDetails& details) {
  std::vector<Reader> readers;
  for (const Probe& probe : details.probes) readers.push_back({probe.covector, probe.bias});
  return readers;
}

}  // namespace

Result<Attested> attest(const Activations& activations, const ProbeSet& set, const Digest& set_digest,
                        const RowsFile* rows, const std::optional<Digest>& rows_digest,
                        const TokensFile* tokens, const AttestOptions& options) {
  ASSAY_TRY(check_together(activations, set, rows));
  const SetDetails& details = *set.details;
  Attested out;
  Statement& statement = out.statement;
  statement.model_id = activations.model_id;
  statement.precision = activations.precision;
  statement.weights_root = rows != nullptr ? rows->weights_root : options.weights_root;
  if (rows != nullptr) {
    statement.tokenizer = rows->tokenizer;
    statement.chat_template = rows->chat_template;
    statement.position_rule = rows->rule;
    statement.rows = rows_digest;
  }
  if (options.weights_root && statement.weights_root != options.weights_root)
    return mismatch("weights", "the file of rows names another root than is given");
  if (tokens != nullptr) statement.tokens = tokens->digest();
  statement.activations = activations.sha256;
  statement.unembedding = details.unembedding;
  statement.geometry = details.geometry;
  statement.probe_set = set_digest;
  statement.layer = set.layer;
  statement.row_rule = options.row_rule;
  for (std::size_t i = 0; i < set.probes.size(); ++i)
    statement.probes.push_back(stated(set.probes[i], details.probes[i]));
  statement.corpus = details.activations;
  statement.split_seed = details.split_seed;
  statement.evaluation = options.evaluation;
  statement.causal = options.causal;
  statement.engine = !options.engine.empty() ? options.engine : rows != nullptr ? rows->engine : "not said";
  statement.nonce = options.nonce;
  statement.issued_at = options.issued_at;
  statement.expires_at = options.issued_at + options.lifetime;
  statement.previous = options.previous;

  const std::span<const float> values = activations.find(set.layer)->values;
  const std::vector<Reader> readers = readers_of(details);
  const auto chosen = ASSAY_TRY(rows_of_rule(options.row_rule, activations.positions.size()));
  std::vector<float> gathered;
  for (const std::uint32_t i : chosen) {
    const auto row = values.subspan(std::size_t{i} * activations.width, activations.width);
    gathered.insert(gathered.end(), row.begin(), row.end());
    if (options.row_rule != "mean") statement.positions.push_back(activations.positions[i]);
  }
  if (options.row_rule == "mean") statement.positions = {kMeanPosition};
  statement.readings =
      ASSAY_TRY(options.row_rule == "mean" ? read_mean(gathered, activations.width, readers)
                                           : read_rows(gathered, activations.width, readers));
  ASSAY_TRY(statement.validate());

  const auto unbound = [&](bool bound, std::string_view what) {
    if (!bound) out.notes.push_back(fmt::format("{} not bound", what));
  };
  unbound(statement.weights_root.has_value(), "the weights are");
  unbound(statement.tokens.has_value(), "the token ids are");
  unbound(statement.tokenizer.has_value(), "the tokenizer is");
  unbound(statement.nonce.has_value(), "no verifier's nonce: the time of issue is");
  unbound(statement.evaluation.has_value(), "no evaluation is");
  unbound(statement.causal.has_value(), "no causal check is");
  return out;
}

}  // namespace assay::probe
