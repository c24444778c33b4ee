// The original's attestation: the bytes that are signed, and signatures.
#include "assay/probe_attestation.h"

#include <fmt/format.h>

#include <cmath>

#include "base/signature.h"
#include "base/try.h"
#include "base/wire.h"
#include "probe/keys.h"
#include "probe/sources.h"

namespace assay::probe {
namespace {

constexpr std::uint16_t kSchemaVersion = 1;

/// Writes with -0 as +0.
class Canonical {
 public:
  WireWriter& wire() { return writer_; }
  Canonical& number(float value) { return writer_.f32(value == 0 ? 0.0F : value), *this; }
  Canonical& count(std::size_t count) { return writer_.u32(static_cast<std::uint32_t>(count)), *this; }
  Canonical& flag(bool value) { return writer_.u8(value ? 1 : 0), *this; }
  template <class T, class Write>
  Canonical& optional(const std::optional<T>& value, const Write& write) {
    flag(value.has_value());
    if (value) write(*value);
    return *this;
  }
  Canonical& digest(const std::optional<Digest>& value) {
    return optional(value, [this](const Digest& digest) { writer_.raw(digest); });
  }
  Canonical& optional_number(const std::optional<float>& value) {
    return optional(value, [this](float number) { this->number(number); });
  }

 private:
  WireWriter writer_;
};

void write_core(Canonical& out, const Attestation& a) {
  out.wire().u16(kSchemaVersion).text(a.model_id);
  out.digest(a.model_hash);
  out.wire().u8(static_cast<std::uint8_t>(a.precision)).u8(static_cast<std::uint8_t>(a.inner_product));
  if (a.inner_product == Attestation::InnerProduct::kRegularised) out.number(a.epsilon);
  out.wire().raw(a.input_hash).u64(a.timestamp).text(a.corpus_version).text(a.probe_version);
  out.count(a.layer_readings.size());
  for (const std::vector<float>& layer : a.layer_readings) {
    out.count(layer.size());
    for (const float reading : layer) out.number(reading);
  }
  out.count(a.confidence.size());
  for (const float confidence : a.confidence) out.number(confidence);
  out.count(a.coverage_flags.size());
  for (const bool flag : a.coverage_flags) out.flag(flag);
  out.flag(a.divergence_flag);
}

void write_density(Canonical& out, const Attestation::Density& density) {
  out.count(density.points.size());
  for (const auto& point : density.points) out.number(point.log_density).number(point.dimension);
  out.number(density.mean_dimension).number(density.std_dimension).number(density.mean_log_density);
  out.wire().u32(density.k).u32(density.degenerate);
}

void write_curvature(Canonical& out, const Attestation::Curvature& curvature) {
  out.count(curvature.points.size());
  for (const auto& point : curvature.points) {
    out.number(point.curvature);
    out.wire().u32(point.triangles);
  }
  out.number(curvature.mean).number(curvature.std).optional_number(curvature.correlation);
  out.wire().u32(curvature.k).u32(curvature.degenerate);
}

void write_domain(Canonical& out, const Attestation::Domain& domain) {
  out.wire().text(domain.primary);
  out.count(domain.patterns.size());
  for (const auto& pattern : domain.patterns) out.wire().text(pattern.pattern).u8(pattern.mode);
  out.count(domain.exclusions.size());
  for (const std::string& exclusion : domain.exclusions) out.wire().text(exclusion);
}

/// Looks at each number, text and count of a record, up to the first that is not allowed.
class Limits {
 public:
  void number(std::string_view field, float value) {
    if (!std::isfinite(value)) note(ErrorCode::kOutOfRange, field, "is infinite or NaN");
  }
  void number(std::string_view field, const std::optional<float>& value) { number(field, value.value_or(0)); }
  void text(std::string_view field, std::string_view value) {
    if (value.size() > kMaxText)
      note(ErrorCode::kTooLarge, field,
           fmt::format("{} bytes, at most {} are taken", value.size(), kMaxText));
  }
  void count(std::string_view field, std::size_t count, std::size_t most) {
    if (count > most)
      note(ErrorCode::kTooLarge, field, fmt::format("{} of them, at most {} are taken", count, most));
  }
  void note(ErrorCode code, std::string_view field, std::string reason) {
    if (status_.ok()) status_ = Error{code, std::string(field), std::move(reason)};
  }
  [[nodiscard]] Status get() const { return status_; }

 private:
  Status status_;
};

void check_readings(Limits& limits, const Attestation& a) {
  limits.number("epsilon", a.epsilon);
  limits.count("layer_readings", a.layer_readings.size(), Attestation::kMaxLayers);
  std::size_t readings = 0;
  for (const std::vector<float>& layer : a.layer_readings) {
    readings += layer.size();
    for (const float reading : layer) limits.number("layer_readings", reading);
  }
  limits.count("layer_readings", readings, Attestation::kMaxReadings);
  limits.count("confidence", a.confidence.size(), Attestation::kMaxReadings);
  limits.count("coverage_flags", a.coverage_flags.size(), Attestation::kMaxReadings);
  for (const float confidence : a.confidence) limits.number("confidence", confidence);
}

void check_scores(Limits& limits, const Attestation& a) {
  limits.count("causal_scores", a.causal_scores.size(), Attestation::kMaxItems);
  for (const auto& score : a.causal_scores)
    for (const float value : {score.plus, score.minus, score.consistency})
      limits.number("causal_scores", value);
  limits.number("geometry_drift", a.geometry_drift);
  limits.number("intervention_delta", a.intervention_delta);
  limits.count("directional_drifts", a.directional_drifts.size(), Attestation::kMaxItems);
  for (const auto& drift : a.directional_drifts) {
    limits.text("probe_name", drift.probe);
    limits.number("drift", drift.drift);
  }
}

void check_surroundings(Limits& limits, const Attestation& a) {
  if (a.density) {
    limits.count("density_reading", a.density->points.size(), Attestation::kMaxItems);
    for (const auto& point : a.density->points)
      for (const float value : {point.log_density, point.dimension}) limits.number("density_reading", value);
    for (const float value :
         {a.density->mean_dimension, a.density->std_dimension, a.density->mean_log_density})
      limits.number("density_reading", value);
  }
  if (a.curvature) {
    limits.count("curvature_reading", a.curvature->points.size(), Attestation::kMaxItems);
    for (const auto& point : a.curvature->points) limits.number("curvature_reading", point.curvature);
    for (const float value : {a.curvature->mean, a.curvature->std, a.curvature->correlation.value_or(0)})
      limits.number("curvature_reading", value);
  }
  if (a.domain) {
    limits.text("primary", a.domain->primary);
    limits.count("patterns", a.domain->patterns.size(), Attestation::kMaxItems);
    limits.count("exclusions", a.domain->exclusions.size(), Attestation::kMaxItems);
    for (const auto& pattern : a.domain->patterns) {
      limits.text("pattern", pattern.pattern);
      if (pattern.mode < 1 || pattern.mode > 4)
        limits.note(ErrorCode::kOutOfRange, "mode", fmt::format("{} is none", pattern.mode));
    }
    for (const std::string& exclusion : a.domain->exclusions) limits.text("exclusions", exclusion);
  }
}

}  // namespace

Status Attestation::validate() const {
  Limits limits;
  limits.text("model_id", model_id);
  limits.text("corpus_version", corpus_version);
  limits.text("probe_version", probe_version);
  check_readings(limits, *this);
  check_scores(limits, *this);
  check_surroundings(limits, *this);
  return limits.get();
}

Bytes Attestation::legacy_core() const {
  Canonical out;
  write_core(out, *this);
  return out.wire().take();
}

Bytes Attestation::canonical() const {
  Canonical out;
  write_core(out, *this);
  out.digest(parent_hash).digest(geometry_hash).optional_number(geometry_drift).count(causal_scores.size());
  for (const CausalScore& score : causal_scores)
    out.number(score.plus).number(score.minus).number(score.consistency).flag(score.is_causal);
  out.optional_number(intervention_delta).optional(causal_flag, [&](bool flag) { out.flag(flag); });
  out.wire().u64(sequence_number);
  out.count(directional_drifts.size());
  for (const Drift& drift : directional_drifts) {
    out.wire().text(drift.probe);
    out.number(drift.drift);
  }
  out.digest(probe_commitment);
  out.optional(density, [&](const Density& value) { write_density(out, value); });
  out.optional(curvature, [&](const Curvature& value) { write_curvature(out, value); });
  out.optional(domain, [&](const Domain& value) { write_domain(out, value); });
  return out.wire().take();
}

Digest Attestation::hash() const { return sha256(canonical()); }

Result<Attestation> sign(Attestation attestation, const std::filesystem::path& key_path, std::uint64_t now) {
  ASSAY_TRY(attestation.validate());
  if (attestation.timestamp > now + Attestation::kMaxFuture)
    return Error{ErrorCode::kOutOfRange, "timestamp",
                 fmt::format("{} is more than {} s ahead", attestation.timestamp, Attestation::kMaxFuture)};
  const SigningKey key = ASSAY_TRY(internal::read_secret_key(key_path));
  attestation.signature = key.sign(attestation.canonical());
  return attestation;
}

Verdict verify_attestation(const Attestation& attestation, const std::array<std::uint8_t, 32>& key) {
  const auto decide = [&] {
    if (verify_signature(key, attestation.canonical(), attestation.signature))
      return Verdict::accepted().add_check("signature", Grade::kBound);
    if (verify_signature(key, attestation.legacy_core(), attestation.signature))
      return Verdict::inconclusive("legacy-v1 core only",
                                   "the key signed the old layout, which ends behind divergence_flag: nobody "
                                   "signed the fields behind it");
    return Verdict::rejected("signature", "the key signed neither layout of this record");
  };
  Verdict verdict = decide();
  verdict.add_note(std::string(compat_warning()));
  if (attestation.geometry_hash)
    verdict.add_note("geometry_hash is not comparable: it depends on the order of f32 sums");
  if (!attestation.causal_scores.empty())
    verdict.add_note("causal_scores are taken as they stand: any smooth map has them, for any direction");
  verdict.add_note("activations self-reported");
  return verdict;
}

std::string_view compat_warning() {
  return "the original's way: the first stored position alone is read, and neither probes, tokens, weights, "
         "unembedding nor time of the question are bound";
}

}  // namespace assay::probe
