// Level 2: does every file that the verifier has bear the digest that was signed, and do they say the same?
#include <fmt/format.h>

#include <utility>

#include "assay/probe_geometry.h"
#include "base/try.h"
#include "probe/levels.h"

namespace assay::probe::internal {
namespace {

/// Adds checks to a verdict that is accepted as long as nothing is found.
class Bindings {
 public:
  void passed(std::string_view step, Grade grade) { checks_.push_back({std::string(step), grade}); }

  /// What was signed against what the verifier has. Whether they agree.
  bool agree(std::string_view step, const std::optional<Digest>& stated, const std::optional<Digest>& own) {
    if (!own) {
      if (stated) passed(step, Grade::kMissing);
      return true;
    }
    if (stated == own) passed(step, Grade::kBound);
    return stated == own;
  }

  [[nodiscard]] Verdict finish(Verdict verdict) const {
    for (const Verdict::Check& check : checks_) verdict.add_check(check.step, check.grade);
    return verdict;
  }

 private:
  std::vector<Verdict::Check> checks_;
};

std::string other(std::string_view what, const std::optional<Digest>& stated) {
  if (!stated) return fmt::format("the statement does not bind {}", what);
  return fmt::format("the statement is about {} of SHA-256 {}", what, to_hex(*stated));
}

bool same_probe(const StatedProbe& stated, const OriginalProbe& named, const Probe& probe) {
  const Quality& quality = probe.quality;
  return stated == StatedProbe{named.dimension,  probe.digest(), probe.platt_scale, probe.platt_shift,
                               quality.examples, quality.auroc,  quality.auroc_low, quality.auroc_high,
                               quality.ece,      quality.brier};
}

/// What the set says otherwise than the statement; the unembedding apart.
std::optional<std::string> other_probes(const Statement& statement, const ProbeSet& set) {
  const SetDetails& details = *set.details;
  if (statement.probes.size() != set.probes.size())
    return fmt::format("{} probes, the set has {}", statement.probes.size(), set.probes.size());
  for (std::size_t i = 0; i < set.probes.size(); ++i)
    if (!same_probe(statement.probes[i], set.probes[i], details.probes[i]))
      return fmt::format("of probe {} the statement says otherwise than the set", i);
  if (statement.corpus != details.activations || statement.split_seed != details.split_seed)
    return "the set was trained on another corpus or split";
  return std::nullopt;
}

std::optional<Verdict> wrong_activations(const Statement& statement, const Activations& activations,
                                         Bindings& bindings) {
  if (activations.sha256 != statement.activations)
    return Verdict::rejected("activations", other("activations", statement.activations));
  bindings.passed("activations", Grade::kBound);
  if (activations.model_id != statement.model_id)
    return Verdict::rejected("model", fmt::format("the activations are of '{}', the statement of '{}'",
                                                  activations.model_id, statement.model_id));
  if (activations.precision != statement.precision)
    return Verdict::rejected("precision",
                             fmt::format("the activations are {}, the statement says {}",
                                         to_string(activations.precision), to_string(statement.precision)));
  if (activations.find(statement.layer) == nullptr)
    return Verdict::rejected("layer", fmt::format("the activations do not have layer {}", statement.layer));
  return std::nullopt;
}

std::optional<Verdict> wrong_set(const Statement& statement, const Evidence& evidence, Bindings& bindings) {
  const ProbeSet& set = *evidence.set;
  if (evidence.set_digest != statement.probe_set)
    return Verdict::rejected("probe set", other("a set", statement.probe_set));
  bindings.passed("probe set", Grade::kBound);
  if (!set.details) return Verdict::rejected("probes", "the set is the original's: it has no covectors");
  if (set.details->model_id != statement.model_id)
    return Verdict::rejected("model", fmt::format("the probes are of '{}', the statement of '{}'",
                                                  set.details->model_id, statement.model_id));
  if (set.details->precision != statement.precision)
    return Verdict::rejected("precision",
                             fmt::format("the probes are of {}, the statement of {}",
                                         to_string(set.details->precision), to_string(statement.precision)));
  if (set.layer != statement.layer)
    return Verdict::rejected(
        "layer", fmt::format("the probes are of layer {}, the statement of {}", set.layer, statement.layer));
  if (std::optional<std::string> found = other_probes(statement, set))
    return Verdict::rejected("probes", *std::move(found));
  bindings.passed("probes", Grade::kBound);
  if (set.details->unembedding != statement.unembedding)
    return Verdict::rejected("unembedding", "the set was trained under another than the statement says");
  if (set.details->geometry != statement.geometry)
    return Verdict::rejected("geometry", "the set says another geometry than the statement");
  return std::nullopt;
}

/// Phi recomputed, where the verifier has all that it is made of.
Result<std::optional<Verdict>> wrong_geometry(const Statement& statement, const Evidence& evidence,
                                              Bindings& bindings) {
  using Found = std::optional<Verdict>;
  if (!evidence.unembedding) {
    bindings.passed("unembedding", Grade::kMissing);
    return Found();
  }
  if (evidence.unembedding->sha256 != statement.unembedding)
    return Found(Verdict::rejected("unembedding", other("an unembedding", statement.unembedding)));
  bindings.passed("unembedding", Grade::kBound);
  const bool needs_gain = statement.geometry.gain.has_value();
  if (evidence.gain && (!needs_gain || gain_digest(*evidence.gain) != *statement.geometry.gain))
    return Found(Verdict::rejected("geometry", other("a gain", statement.geometry.gain)));
  if (!evidence.set || !evidence.set->details || (needs_gain && !evidence.gain)) {
    bindings.passed("geometry", Grade::kMissing);
    return Found();
  }
  const std::span<const float> gain =
      needs_gain ? std::span<const float>(*evidence.gain) : std::span<const float>();
  const Geometry geometry = ASSAY_TRY(geometry_of(*evidence.unembedding, statement.geometry.centred, gain));
  if (std::optional<std::string> found = geometry_mismatch(geometry, *evidence.set->details))
    return Found(Verdict::rejected("geometry", *std::move(found)));
  bindings.passed("geometry", Grade::kRecomputed);
  return Found();
}

Verdict without(std::string_view step, Bindings& bindings) {
  if (step == "activations")
    return bindings.finish(Verdict::inconclusive("activations", "no file of activations was given"));
  return bindings.finish(Verdict::inconclusive("probe set", "no set of probes was given"));
}

}  // namespace

Result<Verdict> check_bindings(const Statement& statement, const Evidence& evidence) {
  Bindings bindings;
  if (evidence.activations)
    if (auto wrong = wrong_activations(statement, *evidence.activations, bindings))
      return bindings.finish(*std::move(wrong));
  if (evidence.set)
    if (auto wrong = wrong_set(statement, evidence, bindings)) return bindings.finish(*std::move(wrong));
  if (auto wrong = ASSAY_TRY(wrong_geometry(statement, evidence, bindings)))
    return bindings.finish(*std::move(wrong));
  const std::optional<Digest> tokens =
      evidence.tokens ? std::optional(evidence.tokens->digest()) : std::nullopt;
  if (!bindings.agree("tokens", statement.tokens, tokens))
    return bindings.finish(Verdict::rejected("tokens", other("token ids", statement.tokens)));
  if (!bindings.agree("rows", statement.rows, evidence.rows_digest))
    return bindings.finish(Verdict::rejected("rows", other("a file of rows", statement.rows)));
  if (!bindings.agree("weights", statement.weights_root, evidence.weights_root))
    return bindings.finish(Verdict::rejected(
        "weights", statement.weights_root ? fmt::format("the statement is about weights of root {}",
                                                        to_hex(*statement.weights_root))
                                          : "the statement binds no weights"));
  if (!bindings.agree("evaluation", statement.evaluation, evidence.evaluation_digest))
    return bindings.finish(Verdict::rejected("evaluation", other("an evaluation", statement.evaluation)));
  const std::optional<Digest> causal =
      evidence.causal ? std::optional(evidence.causal->sha256) : std::nullopt;
  if (!bindings.agree("causal results", statement.causal, causal))
    return bindings.finish(Verdict::rejected("causal results", other("causal results", statement.causal)));
  if (!evidence.activations) return without("activations", bindings);
  if (!evidence.set) return without("probe set", bindings);
  Verdict accepted = bindings.finish(Verdict::accepted());
  if (!statement.weights_root) accepted.add_note("the statement does not bind the weights");
  if (!statement.tokens) accepted.add_note("the statement does not bind the tokens");
  return accepted;
}

}  // namespace assay::probe::internal
