// A set of probes as the original's JSON, with our object in it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "assay/probe_set.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"
#include "base/within.h"
#include "probe/number_text.h"
#include "probe/sources.h"

namespace assay::probe {
namespace {

using internal::digest_of;
using internal::float_of;
using internal::optional_digest_of;
using internal::PrettyJson;

constexpr std::string_view kProbeSetFormat = "assay/probe/set/v";
constexpr std::uint32_t kProbeSetVersion = 1;

// ---- Writing

template <class Numbers>
void write_numbers(PrettyJson& json, const Numbers& numbers) {
  json.begin_array();
  for (const auto number : numbers) json.number(number);
  json.end_array();
}

template <class T>
void write_optional(PrettyJson& json, std::string_view name, const std::optional<T>& value) {
  json.key(name);
  if (!value) {
    json.null();
  } else if constexpr (std::is_same_v<T, Digest>) {
    json.hex(*value);
  } else {
    json.number(*value);
  }
}

std::string doubles_text(std::span<const double> values) {
  return to_base64({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
}

void write_original(PrettyJson& json, const OriginalProbe& probe) {
  json.begin_object();
  json.key("dimension_name").text(probe.dimension);
  json.key("weights");
  write_numbers(json, probe.weights);
  json.key("bias").number(probe.bias);
  json.key("platt_scale").number(probe.platt_scale);
  json.key("platt_shift").number(probe.platt_shift);
  json.key("reliability_threshold").number(probe.reliability_threshold);
  json.end_object();
}

void write_counts(PrettyJson& json, std::string_view name, const std::array<std::uint32_t, 3>& counts) {
  json.key(name).begin_array();
  for (const std::uint32_t count : counts) json.number(std::uint64_t{count});
  json.end_array();
}

void write_probe(PrettyJson& json, const Probe& probe) {
  json.begin_object();
  json.key("covector").text(doubles_text(probe.covector));
  json.key("vector").text(doubles_text(probe.vector));
  json.key("bias").number(probe.bias);
  json.key("platt_scale").number(probe.platt_scale);
  json.key("platt_shift").number(probe.platt_shift);
  json.key("lambda").number(probe.lambda);
  json.key("reading_sd").number(probe.reading_sd);
  write_counts(json, "examples", probe.quality.examples);
  write_counts(json, "groups", probe.quality.groups);
  json.key("auroc").number(probe.quality.auroc);
  json.key("auroc_low").number(probe.quality.auroc_low);
  json.key("auroc_high").number(probe.quality.auroc_high);
  json.key("ece").number(probe.quality.ece);
  json.key("brier").number(probe.quality.brier);
  json.end_object();
}

void write_details(PrettyJson& json, const SetDetails& details) {
  json.key("assay").begin_object();
  json.key("format").text(fmt::format("{}{}", kProbeSetFormat, kProbeSetVersion));
  json.key("model_id").text(details.model_id);
  json.key("precision").text(to_string(details.precision));
  json.key("hidden_dim").number(std::uint64_t{details.width});
  json.key("unembedding_sha256").hex(details.unembedding);
  json.key("centred").boolean(details.geometry.centred);
  write_optional(json, "gain_sha256", details.geometry.gain);
  json.key("jitter").number(details.geometry.jitter);
  json.key("phi_trace").number(details.geometry.trace);
  json.key("phi_frobenius").number(details.geometry.frobenius);
  json.key("activations_sha256").hex(details.activations);
  write_optional(json, "rows_sha256", details.rows);
  json.key("labels_sha256").hex(details.labels);
  json.key("split_seed").number(details.split_seed);
  json.key("probes").begin_array();
  for (const Probe& probe : details.probes) write_probe(json, probe);
  json.end_array();
  json.end_object();
}

// ---- Reading

Result<std::vector<double>> doubles_of(const JsonValue& value) {
  const Bytes bytes = ASSAY_TRY(value.base64(std::size_t{kMaxWidth} * sizeof(double)));
  if (bytes.empty() || bytes.size() % sizeof(double) != 0)
    return value.error(ErrorCode::kMalformed,
                       fmt::format("{} bytes are not a whole number of float64", bytes.size()));
  std::vector<double> numbers(bytes.size() / sizeof(double));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

Result<OriginalProbe> original_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.fields(
      {"dimension_name", "weights", "bias", "platt_scale", "platt_shift", "reliability_threshold"}));
  OriginalProbe probe;
  probe.dimension = ASSAY_TRY(fields["dimension_name"].text(kMaxText));
  const JsonArray weights = ASSAY_TRY(fields["weights"].array(kMaxWidth));
  probe.weights = ASSAY_TRY(weights.all([](const JsonValue& item) { return float_of(item); }));
  probe.bias = ASSAY_TRY(float_of(fields["bias"]));
  probe.platt_scale = ASSAY_TRY(float_of(fields["platt_scale"]));
  probe.platt_shift = ASSAY_TRY(float_of(fields["platt_shift"]));
  probe.reliability_threshold = ASSAY_TRY(float_of(fields["reliability_threshold"]));
  return probe;
}

Result<std::array<std::uint32_t, 3>> counts_of(const JsonValue& value) {
  const std::vector<std::uint32_t> counts = ASSAY_TRY(value.integers<std::uint32_t>(3));
  if (counts.size() != 3) return value.error(ErrorCode::kMalformed, "three counts are expected");
  return std::array<std::uint32_t, 3>{counts[0], counts[1], counts[2]};
}

Result<Probe> probe_of(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(
      value.fields({"covector", "vector", "bias", "platt_scale", "platt_shift", "lambda", "reading_sd",
                    "examples", "groups", "auroc", "auroc_low", "auroc_high", "ece", "brier"}));
  Probe probe;
  probe.covector = ASSAY_TRY(doubles_of(fields["covector"]));
  probe.vector = ASSAY_TRY(doubles_of(fields["vector"]));
  probe.bias = ASSAY_TRY(fields["bias"].real());
  probe.platt_scale = ASSAY_TRY(fields["platt_scale"].real());
  probe.platt_shift = ASSAY_TRY(fields["platt_shift"].real());
  probe.lambda = ASSAY_TRY(fields["lambda"].real(0));
  probe.reading_sd = ASSAY_TRY(fields["reading_sd"].real(0));
  probe.quality.examples = ASSAY_TRY(counts_of(fields["examples"]));
  probe.quality.groups = ASSAY_TRY(counts_of(fields["groups"]));
  probe.quality.auroc = ASSAY_TRY(fields["auroc"].real(0, 1));
  probe.quality.auroc_low = ASSAY_TRY(fields["auroc_low"].real(0, 1));
  probe.quality.auroc_high = ASSAY_TRY(fields["auroc_high"].real(0, 1));
  probe.quality.ece = ASSAY_TRY(fields["ece"].real(0, 1));
  probe.quality.brier = ASSAY_TRY(fields["brier"].real(0, 1));
  return probe;
}

Result<SetDetails> details_of(const JsonValue& value) {
  const JsonFields fields =
      ASSAY_TRY(value.format(kProbeSetFormat, kProbeSetVersion,
                             {"model_id", "precision", "hidden_dim", "unembedding_sha256", "centred",
                              "gain_sha256", "jitter", "phi_trace", "phi_frobenius", "activations_sha256",
                              "rows_sha256", "labels_sha256", "split_seed", "probes"}));
  SetDetails details;
  details.model_id = ASSAY_TRY(fields["model_id"].text(kMaxText));
  const std::string precision = ASSAY_TRY(fields["precision"].ascii(8));
  const std::optional<Precision> known = precision_from(precision);
  if (!known) return fields["precision"].error(ErrorCode::kMalformed, "it is none that is known here");
  details.precision = *known;
  details.width = ASSAY_TRY(fields["hidden_dim"].integer<std::uint32_t>(1, kMaxWidth));
  details.unembedding = ASSAY_TRY(digest_of(fields["unembedding_sha256"]));
  details.geometry.centred = ASSAY_TRY(fields["centred"].boolean());
  details.geometry.gain = ASSAY_TRY(optional_digest_of(fields["gain_sha256"]));
  details.geometry.jitter = ASSAY_TRY(fields["jitter"].real(0));
  details.geometry.trace = ASSAY_TRY(fields["phi_trace"].real(0));
  details.geometry.frobenius = ASSAY_TRY(fields["phi_frobenius"].real(0));
  details.activations = ASSAY_TRY(digest_of(fields["activations_sha256"]));
  details.rows = ASSAY_TRY(optional_digest_of(fields["rows_sha256"]));
  details.labels = ASSAY_TRY(digest_of(fields["labels_sha256"]));
  details.split_seed = ASSAY_TRY(fields["split_seed"].integer<std::uint64_t>());
  const JsonArray probes = ASSAY_TRY(fields["probes"].array(kMaxProbes));
  details.probes = ASSAY_TRY(probes.all(probe_of));
  return details;
}

Result<std::optional<Digest>> hash_of_integers(const JsonValue& value) {
  if (value.is_null()) return std::optional<Digest>();
  const std::vector<std::uint8_t> bytes = ASSAY_TRY(value.integers<std::uint8_t>(32));
  Digest digest{};
  if (bytes.size() != digest.size())
    return value.error(ErrorCode::kMalformed, fmt::format("{} bytes, a hash has 32", bytes.size()));
  std::ranges::copy(bytes, digest.begin());
  return std::optional(digest);
}

Result<std::optional<float>> optional_float_of(const JsonValue& value) {
  if (value.is_null()) return std::optional<float>();
  return std::optional(ASSAY_TRY(float_of(value)));
}

bool all_finite(std::span<const double> values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

Status check_probe(const Probe& probe, const SetDetails& details, const std::string& place) {
  if (probe.covector.size() != details.width || probe.vector.size() != details.width)
    return Error{ErrorCode::kMismatch, place,
                 fmt::format("covector and vector are {} and {} wide, hidden_dim is {}",
                             probe.covector.size(), probe.vector.size(), details.width)};
  const Quality& quality = probe.quality;
  const std::array<double, 10> numbers = {
      probe.bias,    probe.platt_scale, probe.platt_shift,  probe.lambda, probe.reading_sd,
      quality.auroc, quality.auroc_low, quality.auroc_high, quality.ece,  quality.brier};
  if (!all_finite(probe.covector) || !all_finite(probe.vector) || !all_finite(numbers))
    return Error{ErrorCode::kOutOfRange, place, "holds an infinity or NaN"};
  return {};
}

Status check_original(const OriginalProbe& probe, const std::string& place) {
  const auto finite = [](float value) { return std::isfinite(value); };
  if (std::ranges::all_of(probe.weights, finite) && finite(probe.bias) && finite(probe.platt_scale) &&
      finite(probe.platt_shift) && finite(probe.reliability_threshold))
    return {};
  return Error{ErrorCode::kOutOfRange, place, "holds a number beyond the floats"};
}

}  // namespace

Digest Probe::digest() const {
  WireWriter writer;
  for (const double value : covector) writer.f64(value);
  return sha256(writer.f64(bias).bytes());
}

double Probe::probability(double reading) const {
  return 1 / (1 + std::exp(-(platt_scale * reading + platt_shift)));
}

double Probe::confidence(double reading) const {
  const double p = probability(reading);
  return std::max(p, 1 - p);
}

std::uint32_t ProbeSet::width() const {
  return probes.empty() ? 0 : static_cast<std::uint32_t>(probes[0].weights.size());
}

Status ProbeSet::validate() const {
  if (probes.empty() || probes.size() > kMaxProbes)
    return Error{ErrorCode::kTooLarge, "probes",
                 fmt::format("{} of them, 1 to {} are taken", probes.size(), kMaxProbes)};
  if (width() == 0 || width() > kMaxWidth)
    return Error{ErrorCode::kTooLarge, "weights",
                 fmt::format("{} of them, 1 to {} are taken", width(), kMaxWidth)};
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const std::string place = fmt::format("probes[{}]", i);
    ASSAY_TRY(internal::check_text(probes[i].dimension, kMaxText, place + ".dimension_name"));
    if (probes[i].weights.size() != width())
      return Error{ErrorCode::kMismatch, place,
                   fmt::format("{} weights, the first probe has {}", probes[i].weights.size(), width())};
    ASSAY_TRY(check_original(probes[i], place));
  }
  if (!details) return {};
  ASSAY_TRY(internal::check_text(details->model_id, kMaxText, "assay.model_id"));
  if (details->width != width() || details->probes.size() != probes.size())
    return Error{ErrorCode::kMismatch, "assay",
                 fmt::format("{} probes of {} values beside {} of {}", details->probes.size(), details->width,
                             probes.size(), width())};
  const std::array<double, 3> geometry = {details->geometry.jitter, details->geometry.trace,
                                          details->geometry.frobenius};
  if (!all_finite(geometry)) return Error{ErrorCode::kOutOfRange, "assay", "its geometry is not finite"};
  for (std::size_t i = 0; i < probes.size(); ++i)
    ASSAY_TRY(check_probe(details->probes[i], *details, fmt::format("assay.probes[{}]", i)));
  return {};
}

std::string ProbeSet::encode() const {
  PrettyJson json;
  json.begin_object();
  json.key("probes").begin_array();
  for (const OriginalProbe& probe : probes) write_original(json, probe);
  json.end_array();
  json.key("version").text(version);
  json.key("corpus_version").text(corpus_version);
  json.key("layer").number(std::uint64_t{layer});
  json.key("geometry_hash");
  if (geometry_hash) {
    json.begin_array();
    for (const std::uint8_t byte : *geometry_hash) json.number(std::uint64_t{byte});
    json.end_array();
  } else {
    json.null();
  }
  write_optional(json, "max_drift", max_drift);
  write_optional(json, "max_directional_drift", max_directional_drift);
  if (details) write_details(json, *details);
  json.end_object();
  return json.take();
}

Result<ProbeSet> ProbeSet::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxJsonBytes));
  const JsonFields fields = ASSAY_TRY(json.root().fields(
      {"probes", "version", "corpus_version", "layer", "geometry_hash", "max_drift", "max_directional_drift"},
      {"assay"}));
  ProbeSet set;
  const JsonArray probes = ASSAY_TRY(fields["probes"].array(kMaxProbes));
  set.probes = ASSAY_TRY(probes.all(original_of));
  set.version = ASSAY_TRY(fields["version"].text(kMaxText));
  set.corpus_version = ASSAY_TRY(fields["corpus_version"].text(kMaxText));
  set.layer = ASSAY_TRY(fields["layer"].integer<std::uint32_t>());
  set.geometry_hash = ASSAY_TRY(hash_of_integers(fields["geometry_hash"]));
  set.max_drift = ASSAY_TRY(optional_float_of(fields["max_drift"]));
  set.max_directional_drift = ASSAY_TRY(optional_float_of(fields["max_directional_drift"]));
  if (fields.has("assay")) set.details = ASSAY_TRY(details_of(fields["assay"]));
  if (const Status valid = set.validate(); !valid.ok()) return within(place, valid.error());
  return set;
}

Result<ProbeSet> ProbeSet::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxJsonBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status ProbeSet::write(const std::filesystem::path& path) const {
  ASSAY_TRY(validate());
  return write_file(path, encode());
}

}  // namespace assay::probe
