// The original's attestation as JSON.
#include <fmt/format.h>

#include <algorithm>

#include "assay/probe_attestation.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "base/within.h"
#include "probe/number_text.h"
#include "probe/sources.h"

namespace assay::probe {
namespace {

using internal::digest_of;
using internal::float_of;
using internal::PrettyJson;

constexpr std::string_view kPrecisions[] = {"Fp32", "Fp16", "Bfloat16", "Int8"};
constexpr std::string_view kModes[] = {"ReadOnly", "Advisory", "Cooperative", "Supervised"};

// ---- Writing

void write_floats(PrettyJson& json, const std::vector<float>& values) {
  json.begin_array();
  for (const float value : values) json.number(value);
  json.end_array();
}

void write_product(PrettyJson& json, const Attestation& a) {
  json.key("inner_product");
  switch (a.inner_product) {
    case Attestation::InnerProduct::kCausal:
      json.text("Causal");
      break;
    case Attestation::InnerProduct::kEuclidean:
      json.text("Euclidean");
      break;
    case Attestation::InnerProduct::kRegularised:
      json.begin_object().key("CausalRegularised").begin_object();
      json.key("epsilon").number(a.epsilon).end_object().end_object();
      break;
  }
}

void write_core(PrettyJson& json, const Attestation& a) {
  json.key("schema_version").number(std::uint64_t{1});
  json.key("model_id").text(a.model_id);
  if (a.model_hash) json.key("model_hash").hex(*a.model_hash);
  json.key("precision").text(kPrecisions[static_cast<std::size_t>(a.precision)]);
  write_product(json, a);
  json.key("input_hash").hex(a.input_hash);
  json.key("timestamp").number(a.timestamp);
  json.key("corpus_version").text(a.corpus_version);
  json.key("probe_version").text(a.probe_version);
  json.key("layer_readings").begin_array();
  for (const std::vector<float>& layer : a.layer_readings) write_floats(json, layer);
  json.end_array().key("confidence");
  write_floats(json, a.confidence);
  json.key("coverage_flags").begin_array();
  for (const bool flag : a.coverage_flags) json.boolean(flag);
  json.end_array().key("divergence_flag").boolean(a.divergence_flag);
}

void write_chain(PrettyJson& json, const Attestation& a) {
  if (a.parent_hash) json.key("parent_attestation_hash").hex(*a.parent_hash);
  if (a.geometry_hash) json.key("geometry_hash").hex(*a.geometry_hash);
  if (a.geometry_drift) json.key("geometry_drift").number(*a.geometry_drift);
  if (!a.causal_scores.empty()) {
    json.key("causal_scores").begin_array();
    for (const auto& score : a.causal_scores) {
      json.begin_object().key("delta_plus").number(score.plus).key("delta_minus").number(score.minus);
      json.key("consistency")
          .number(score.consistency)
          .key("is_causal")
          .boolean(score.is_causal)
          .end_object();
    }
    json.end_array();
  }
  if (a.intervention_delta) json.key("intervention_delta").number(*a.intervention_delta);
  if (a.causal_flag) json.key("causal_flag").boolean(*a.causal_flag);
  json.key("sequence_number").number(a.sequence_number);
  if (!a.directional_drifts.empty()) {
    json.key("directional_drifts").begin_array();
    for (const auto& drift : a.directional_drifts)
      json.begin_object().key("probe_name").text(drift.probe).key("drift").number(drift.drift).end_object();
    json.end_array();
  }
  if (a.probe_commitment) json.key("probe_commitment").hex(*a.probe_commitment);
}

void write_surroundings(PrettyJson& json, const Attestation& a) {
  if (a.density) {
    json.key("density_reading").begin_object().key("points").begin_array();
    for (const auto& point : a.density->points) {
      json.begin_object().key("log_density").number(point.log_density);
      json.key("dimension").number(point.dimension).end_object();
    }
    json.end_array().key("mean_dimension").number(a.density->mean_dimension);
    json.key("std_dimension").number(a.density->std_dimension);
    json.key("mean_log_density").number(a.density->mean_log_density);
    json.key("k").number(std::uint64_t{a.density->k});
    json.key("degenerate").number(std::uint64_t{a.density->degenerate}).end_object();
  }
  if (a.curvature) {
    json.key("curvature_reading").begin_object().key("points").begin_array();
    for (const auto& point : a.curvature->points) {
      json.begin_object().key("curvature").number(point.curvature);
      json.key("triangles").number(std::uint64_t{point.triangles}).end_object();
    }
    json.end_array().key("mean").number(a.curvature->mean).key("std").number(a.curvature->std);
    if (a.curvature->correlation) json.key("correlation").number(*a.curvature->correlation);
    json.key("k").number(std::uint64_t{a.curvature->k});
    json.key("degenerate").number(std::uint64_t{a.curvature->degenerate}).end_object();
  }
  if (a.domain) {
    json.key("domain_scope_declaration").begin_object().key("primary").text(a.domain->primary);
    json.key("patterns").begin_array();
    for (const auto& pattern : a.domain->patterns) {
      json.begin_object().key("pattern").text(pattern.pattern);
      json.key("mode").text(kModes[pattern.mode - 1U]).end_object();
    }
    json.end_array().key("exclusions").begin_array();
    for (const std::string& exclusion : a.domain->exclusions) json.text(exclusion);
    json.end_array().end_object();
  }
}

// ---- Reading

Result<std::vector<float>> floats_of(const JsonValue& value) {
  const JsonArray items = ASSAY_TRY(value.array(Attestation::kMaxItems));
  return items.all([](const JsonValue& item) { return float_of(item); });
}

template <class T, class Read>
Status read_if(const JsonFields& fields, std::string_view name, std::optional<T>& out, const Read& read) {
  if (fields.has(name)) out = ASSAY_TRY(read(fields[name]));
  return {};
}

template <std::size_t N>
Result<std::uint8_t> index_of(const JsonValue& value, const std::string_view (&names)[N]) {
  const std::string name = ASSAY_TRY(value.ascii(16));
  const auto* found = std::ranges::find(names, name);
  if (found == std::end(names)) return value.error(ErrorCode::kMalformed, "it is none that is known here");
  return static_cast<std::uint8_t>(found - std::begin(names));
}

Status read_product(const JsonFields& top, Attestation& a) {
  const JsonValue value = top["inner_product"];
  if (const Result<std::string> name = value.ascii(16); name.ok()) {
    if (*name != "Causal" && *name != "Euclidean")
      return value.error(ErrorCode::kMalformed, "it is none that is known here");
    a.inner_product =
        *name == "Causal" ? Attestation::InnerProduct::kCausal : Attestation::InnerProduct::kEuclidean;
    return {};
  }
  const JsonFields outer = ASSAY_TRY(value.fields({"CausalRegularised"}));
  const JsonFields inner = ASSAY_TRY(outer["CausalRegularised"].fields({"epsilon"}));
  a.inner_product = Attestation::InnerProduct::kRegularised;
  a.epsilon = ASSAY_TRY(float_of(inner["epsilon"]));
  return {};
}

Result<Attestation::CausalScore> score_of(const JsonValue& value) {
  const JsonFields fields =
      ASSAY_TRY(value.fields({"delta_plus", "delta_minus", "consistency", "is_causal"}));
  return Attestation::CausalScore{
      ASSAY_TRY(float_of(fields["delta_plus"])), ASSAY_TRY(float_of(fields["delta_minus"])),
      ASSAY_TRY(float_of(fields["consistency"])), ASSAY_TRY(fields["is_causal"].boolean())};
}

Result<Attestation::Drift> drift_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.fields({"probe_name", "drift"}));
  return Attestation::Drift{ASSAY_TRY(fields["probe_name"].text(kMaxText)),
                            ASSAY_TRY(float_of(fields["drift"]))};
}

Result<Attestation::DensityPoint> density_point_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.fields({"log_density", "dimension"}));
  return Attestation::DensityPoint{ASSAY_TRY(float_of(fields["log_density"])),
                                   ASSAY_TRY(float_of(fields["dimension"]))};
}

Result<Attestation::CurvaturePoint> curvature_point_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.fields({"curvature", "triangles"}));
  return Attestation::CurvaturePoint{ASSAY_TRY(float_of(fields["curvature"])),
                                     ASSAY_TRY(fields["triangles"].integer<std::uint32_t>())};
}

Result<Attestation::Pattern> pattern_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.fields({"pattern", "mode"}));
  const auto mode = static_cast<std::uint8_t>(ASSAY_TRY(index_of(fields["mode"], kModes)) + 1);
  return Attestation::Pattern{ASSAY_TRY(fields["pattern"].text(kMaxText)), mode};
}

Result<Attestation::Density> density_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(
      value.fields({"points", "mean_dimension", "std_dimension", "mean_log_density", "k", "degenerate"}));
  Attestation::Density out;
  const JsonArray points = ASSAY_TRY(fields["points"].array(Attestation::kMaxItems));
  out.points = ASSAY_TRY(points.all(density_point_of));
  out.mean_dimension = ASSAY_TRY(float_of(fields["mean_dimension"]));
  out.std_dimension = ASSAY_TRY(float_of(fields["std_dimension"]));
  out.mean_log_density = ASSAY_TRY(float_of(fields["mean_log_density"]));
  out.k = ASSAY_TRY(fields["k"].integer<std::uint32_t>());
  out.degenerate = ASSAY_TRY(fields["degenerate"].integer<std::uint32_t>());
  return out;
}

Result<Attestation::Curvature> curvature_of(const JsonValue& value) {
  const JsonFields fields =
      ASSAY_TRY(value.fields({"points", "mean", "std", "k", "degenerate"}, {"correlation"}));
  Attestation::Curvature out;
  const JsonArray points = ASSAY_TRY(fields["points"].array(Attestation::kMaxItems));
  out.points = ASSAY_TRY(points.all(curvature_point_of));
  out.mean = ASSAY_TRY(float_of(fields["mean"]));
  out.std = ASSAY_TRY(float_of(fields["std"]));
  ASSAY_TRY(read_if(fields, "correlation", out.correlation, float_of));
  out.k = ASSAY_TRY(fields["k"].integer<std::uint32_t>());
  out.degenerate = ASSAY_TRY(fields["degenerate"].integer<std::uint32_t>());
  return out;
}

Result<Attestation::Domain> domain_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.fields({"primary", "patterns", "exclusions"}));
  Attestation::Domain out;
  out.primary = ASSAY_TRY(fields["primary"].text(kMaxText));
  const JsonArray patterns = ASSAY_TRY(fields["patterns"].array(Attestation::kMaxItems));
  out.patterns = ASSAY_TRY(patterns.all(pattern_of));
  const JsonArray exclusions = ASSAY_TRY(fields["exclusions"].array(Attestation::kMaxItems));
  out.exclusions = ASSAY_TRY(exclusions.all([](const JsonValue& item) { return item.text(kMaxText); }));
  return out;
}

Status read_core(const JsonFields& fields, Attestation& a) {
  const auto version = ASSAY_TRY(fields["schema_version"].integer<std::uint32_t>());
  if (version != 1)
    return fields["schema_version"].error(ErrorCode::kUnsupported,
                                          fmt::format("{}, and 1 is what is read here", version));
  a.model_id = ASSAY_TRY(fields["model_id"].text(kMaxText));
  ASSAY_TRY(read_if(fields, "model_hash", a.model_hash, digest_of));
  a.precision = static_cast<Precision>(ASSAY_TRY(index_of(fields["precision"], kPrecisions)));
  ASSAY_TRY(read_product(fields, a));
  a.input_hash = ASSAY_TRY(digest_of(fields["input_hash"]));
  a.timestamp = ASSAY_TRY(fields["timestamp"].integer<std::uint64_t>());
  a.corpus_version = ASSAY_TRY(fields["corpus_version"].text(kMaxText));
  a.probe_version = ASSAY_TRY(fields["probe_version"].text(kMaxText));
  const JsonArray layers = ASSAY_TRY(fields["layer_readings"].array(Attestation::kMaxLayers));
  a.layer_readings = ASSAY_TRY(layers.all(floats_of));
  a.confidence = ASSAY_TRY(floats_of(fields["confidence"]));
  const JsonArray flags = ASSAY_TRY(fields["coverage_flags"].array(Attestation::kMaxItems));
  a.coverage_flags = ASSAY_TRY(flags.all([](const JsonValue& item) { return item.boolean(); }));
  a.divergence_flag = ASSAY_TRY(fields["divergence_flag"].boolean());
  return {};
}

Status read_rest(const JsonFields& fields, Attestation& a) {
  ASSAY_TRY(read_if(fields, "parent_attestation_hash", a.parent_hash, digest_of));
  ASSAY_TRY(read_if(fields, "geometry_hash", a.geometry_hash, digest_of));
  ASSAY_TRY(read_if(fields, "geometry_drift", a.geometry_drift, float_of));
  if (fields.has("causal_scores")) {
    const JsonArray scores = ASSAY_TRY(fields["causal_scores"].array(Attestation::kMaxItems));
    a.causal_scores = ASSAY_TRY(scores.all(score_of));
  }
  ASSAY_TRY(read_if(fields, "intervention_delta", a.intervention_delta, float_of));
  ASSAY_TRY(
      read_if(fields, "causal_flag", a.causal_flag, [](const JsonValue& value) { return value.boolean(); }));
  a.sequence_number = ASSAY_TRY(fields["sequence_number"].integer<std::uint64_t>());
  if (fields.has("directional_drifts")) {
    const JsonArray drifts = ASSAY_TRY(fields["directional_drifts"].array(Attestation::kMaxItems));
    a.directional_drifts = ASSAY_TRY(drifts.all(drift_of));
  }
  ASSAY_TRY(read_if(fields, "probe_commitment", a.probe_commitment, digest_of));
  ASSAY_TRY(read_if(fields, "density_reading", a.density, density_of));
  ASSAY_TRY(read_if(fields, "curvature_reading", a.curvature, curvature_of));
  ASSAY_TRY(read_if(fields, "domain_scope_declaration", a.domain, domain_of));
  std::ranges::copy(ASSAY_TRY(fields["signature"].hex(a.signature.size())), a.signature.begin());
  return {};
}

}  // namespace

std::string Attestation::encode() const {
  PrettyJson json;
  json.begin_object();
  write_core(json, *this);
  write_chain(json, *this);
  write_surroundings(json, *this);
  json.key("signature").hex(signature).end_object();
  return json.take();
}

Result<Attestation> Attestation::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxJsonBytes));
  const JsonFields fields = ASSAY_TRY(json.root().fields(
      {"schema_version", "model_id", "precision", "inner_product", "input_hash", "timestamp",
       "corpus_version", "probe_version", "layer_readings", "confidence", "coverage_flags", "divergence_flag",
       "sequence_number", "signature"},
      {"model_hash", "parent_attestation_hash", "geometry_hash", "geometry_drift", "causal_scores",
       "intervention_delta", "causal_flag", "directional_drifts", "probe_commitment", "density_reading",
       "curvature_reading", "domain_scope_declaration"}));
  Attestation out;
  ASSAY_TRY(read_core(fields, out));
  ASSAY_TRY(read_rest(fields, out));
  ASSAY_TRY(within(place, out.validate()));
  return out;
}

}  // namespace assay::probe
