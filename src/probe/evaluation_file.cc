// The file of an evaluation.
#include <fmt/format.h>

#include "assay/probe_training.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "probe/number_text.h"
#include "probe/sources.h"

namespace assay::probe {
namespace {

constexpr std::string_view kFormat = "assay/probe/evaluation/v";
constexpr std::uint32_t kEvaluationVersion = 1;
constexpr std::size_t kMaxBaselines = 16;

void write(internal::PrettyJson& json, const Evaluation& each) {
  json.begin_object();
  json.key("dimension").text(each.dimension);
  json.key("examples").number(std::uint64_t{each.examples});
  json.key("groups").number(std::uint64_t{each.groups});
  json.key("positives").number(std::uint64_t{each.positives});
  json.key("auroc").number(each.auroc);
  json.key("auroc_low").number(each.auroc_low);
  json.key("auroc_high").number(each.auroc_high);
  json.key("ece").number(each.ece);
  json.key("brier").number(each.brier);
  json.key("baselines").begin_object();
  for (const auto& [name, value] : each.baselines) json.key(name).number(value);
  json.end_object();
  json.key("scores").begin_array();
  for (const double score : each.scores) json.number(score);
  json.end_array().key("labels").begin_array();
  for (const bool label : each.labels) json.number(std::uint64_t{label ? 1U : 0U});
  json.end_array().key("group_of").begin_array();
  for (const std::uint32_t group : each.group_of) json.number(std::uint64_t{group});
  json.end_array().end_object();
}

Result<Evaluation> read(const JsonValue& value) {
  const JsonFields fields =
      ASSAY_TRY(value.fields({"dimension", "examples", "groups", "positives", "auroc", "auroc_low",
                              "auroc_high", "ece", "brier", "baselines", "scores", "labels", "group_of"}));
  Evaluation out;
  out.dimension = ASSAY_TRY(fields["dimension"].text(kMaxText));
  out.examples = ASSAY_TRY(fields["examples"].integer<std::uint32_t>());
  out.groups = ASSAY_TRY(fields["groups"].integer<std::uint32_t>());
  out.positives = ASSAY_TRY(fields["positives"].integer<std::uint32_t>());
  out.auroc = ASSAY_TRY(fields["auroc"].real(0, 1));
  out.auroc_low = ASSAY_TRY(fields["auroc_low"].real(0, 1));
  out.auroc_high = ASSAY_TRY(fields["auroc_high"].real(0, 1));
  out.ece = ASSAY_TRY(fields["ece"].real(0, 1));
  out.brier = ASSAY_TRY(fields["brier"].real(0, 1));
  const JsonFields baselines = ASSAY_TRY(fields["baselines"].open_fields());
  if (baselines.size() > kMaxBaselines)
    return fields["baselines"].error(ErrorCode::kTooLarge, fmt::format("over {} of them", kMaxBaselines));
  for (std::size_t i = 0; i < baselines.size(); ++i)
    out.baselines[baselines.name(i)] = ASSAY_TRY(baselines.value(i).real(0, 1));
  const JsonArray scores = ASSAY_TRY(fields["scores"].array(kMaxJsonValues));
  out.scores = ASSAY_TRY(scores.all([](const JsonValue& item) { return item.real(); }));
  for (const std::uint32_t label : ASSAY_TRY(fields["labels"].integers<std::uint32_t>(kMaxJsonValues, 0, 1)))
    out.labels.push_back(label == 1);
  out.group_of = ASSAY_TRY(fields["group_of"].integers<std::uint32_t>(kMaxJsonValues));
  if (out.labels.size() != out.examples || out.scores.size() != out.examples ||
      out.group_of.size() != out.examples)
    return value.error(ErrorCode::kMismatch, "scores, labels and group_of are not as many as examples");
  return out;
}

}  // namespace

std::string EvaluationFile::encode() const {
  internal::PrettyJson json;
  json.begin_object();
  json.key("format").text(fmt::format("{}{}", kFormat, kEvaluationVersion));
  json.key("probe_set_sha256").hex(probe_set);
  json.key("activations_sha256").hex(activations);
  json.key("labels_sha256").hex(labels);
  json.key("rows_sha256");
  if (rows) {
    json.hex(*rows);
  } else {
    json.null();
  }
  json.key("layer").number(std::uint64_t{layer});
  json.key("split_seed").number(split_seed);
  json.key("part").text(part);
  json.key("probes").begin_array();
  for (const Evaluation& each : probes) write(json, each);
  json.end_array().end_object();
  return json.take() + "\n";
}

Result<EvaluationFile> EvaluationFile::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxJsonBytes));
  const JsonFields fields =
      ASSAY_TRY(json.root().format(kFormat, kEvaluationVersion,
                                   {"probe_set_sha256", "activations_sha256", "labels_sha256", "rows_sha256",
                                    "layer", "split_seed", "part", "probes"}));
  EvaluationFile out;
  out.probe_set = ASSAY_TRY(internal::digest_of(fields["probe_set_sha256"]));
  out.activations = ASSAY_TRY(internal::digest_of(fields["activations_sha256"]));
  out.labels = ASSAY_TRY(internal::digest_of(fields["labels_sha256"]));
  out.rows = ASSAY_TRY(internal::optional_digest_of(fields["rows_sha256"]));
  out.layer = ASSAY_TRY(fields["layer"].integer<std::uint32_t>());
  out.split_seed = ASSAY_TRY(fields["split_seed"].integer<std::uint64_t>());
  out.part = ASSAY_TRY(fields["part"].ascii(8));
  if (out.part != "test" && out.part != "all")
    return fields["part"].error(ErrorCode::kMalformed, "it is neither test nor all");
  const JsonArray probes = ASSAY_TRY(fields["probes"].array(kMaxProbes));
  out.probes = ASSAY_TRY(probes.all(read));
  if (out.encode() != text)
    return Error{ErrorCode::kNonCanonical, std::string(place),
                 "it is laid out otherwise than this program writes it"};
  return out;
}

}  // namespace assay::probe
