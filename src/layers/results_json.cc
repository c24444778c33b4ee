#include <fmt/format.h>

#include "assay/layers_results.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/try.h"

namespace assay::layers {
namespace {

constexpr std::string_view kTag = "assay/selection/v";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxVerifiers = SelectionProblem::kMaxVerifiers;
constexpr std::size_t kMaxText = Scores::kMaxText;
/// No sum of costs is larger; as a double it is exact.
constexpr double kMaxTotal = static_cast<double>(std::uint64_t{1} << 62);

// --- written ---

/// Budgets are floored before anything is selected; those of other programs may have a fraction.
Json budget_json(double budget) {
  if (budget == static_cast<double>(static_cast<std::uint64_t>(budget)))
    return static_cast<std::uint64_t>(budget);
  return budget;
}

Json assignment_json(const Assignment& assignment, std::size_t index) {
  Json json = {{"verifier", index + 1},
               {"start_layer", assignment.start_layer},
               {"end_layer", assignment.end_layer},
               {"budget", budget_json(assignment.budget)},
               {"cost", assignment.cost},
               {"benefit", assignment.benefit}};
  json["layers"] = Json::array();
  for (const Assignment::Layer& layer : assignment.layers)
    json["layers"].push_back(
        {{"index", layer.index}, {"name", layer.name}, {"value", layer.value}, {"cost", layer.cost}});
  return json;
}

Json origin_json(const SelectionOrigin& origin) {
  Json json;
  json["format"] = fmt::format("{}{}", kTag, kVersion);
  json["order"] = to_string(origin.order);
  json["upper_bound"] = origin.upper_bound;
  json["proven_optimal"] = origin.proven_optimal;
  json["fixed_order_value"] = origin.fixed_order_value;
  if (origin.weights) json["weights"] = to_hex(*origin.weights);
  json["blocks"] = origin.blocks;
  json["tensors"] = origin.tensors;
  json["notes"] = origin.notes;
  return json;
}

// --- read ---

/// What read(item) gives for each item of an array.
template <class Read>
auto read_all(const JsonValue& value, std::size_t max_items, const Read& read)
    -> Result<std::vector<std::decay_t<decltype(read(value).value())>>> {
  const JsonArray items = ASSAY_TRY(value.array(max_items));
  return items.all(read);
}

/// A whole number, which other programs write with a fraction of 0.
Result<std::uint64_t> read_whole(const JsonValue& value) {
  const double number = ASSAY_TRY(value.real(0, kMaxTotal));
  const auto whole = static_cast<std::uint64_t>(number);
  if (static_cast<double>(whole) != number)
    return value.error(ErrorCode::kMalformed, "it is not a whole number");
  // From 2^53 on the double may be another number than the digits say.
  if (whole >= std::uint64_t{1} << 53) return value.integer<std::uint64_t>(0, std::uint64_t{1} << 62);
  return whole;
}

/// Floored, a budget below 1 is 0.
Result<double> read_budget(const JsonValue& value) { return value.real(0, kMaxTotal); }

Result<Assignment::Layer> read_layer(const JsonValue& item) {
  const JsonFields fields = ASSAY_TRY(item.fields({"index", "name", "value", "cost"}));
  Assignment::Layer layer;
  layer.index = ASSAY_TRY(fields["index"].integer<std::uint64_t>());
  layer.name = ASSAY_TRY(fields["name"].text(kMaxText));
  layer.value = ASSAY_TRY(fields["value"].real());
  layer.cost = ASSAY_TRY(read_whole(fields["cost"]));
  return layer;
}

Result<Assignment> read_assignment(const JsonValue& item, std::size_t index) {
  const JsonFields fields =
      ASSAY_TRY(item.fields({"verifier", "start_layer", "end_layer", "budget", "cost", "benefit", "layers"}));
  if (ASSAY_TRY(fields["verifier"].integer<std::uint64_t>()) != index + 1)
    return fields["verifier"].error(ErrorCode::kMismatch, "verifiers are counted from 1, in their order");
  Assignment assignment;
  assignment.start_layer = ASSAY_TRY(fields["start_layer"].integer<std::int64_t>());
  assignment.end_layer = ASSAY_TRY(fields["end_layer"].integer<std::int64_t>());
  assignment.budget = ASSAY_TRY(read_budget(fields["budget"]));
  assignment.cost = ASSAY_TRY(read_whole(fields["cost"]));
  assignment.benefit = ASSAY_TRY(fields["benefit"].real());
  assignment.layers = ASSAY_TRY(read_all(fields["layers"], Scores::kMaxLayers, read_layer));
  return assignment;
}

Status read_input(const JsonValue& value, SelectionResult& result) {
  const JsonFields fields =
      ASSAY_TRY(value.fields({"scores_file", "model_name", "num_layers", "budgets", "num_verifiers"}));
  result.scores_file = ASSAY_TRY(fields["scores_file"].text(kMaxText));
  result.model_name = ASSAY_TRY(fields["model_name"].text(kMaxText));
  result.num_layers = ASSAY_TRY(fields["num_layers"].integer<std::uint64_t>(1, Scores::kMaxLayers));
  const auto budgets = ASSAY_TRY(read_all(fields["budgets"], kMaxVerifiers, read_budget));
  const std::size_t verifiers = result.assignments.size();
  if (budgets.size() != verifiers || ASSAY_TRY(fields["num_verifiers"].integer<std::uint64_t>()) != verifiers)
    return fields["num_verifiers"].error(
        ErrorCode::kMismatch,
        fmt::format("there are {} assignments and {} budgets", verifiers, budgets.size()));
  for (std::size_t k = 0; k < verifiers; ++k) {
    if (budgets[k] != result.assignments[k].budget)
      return fields["budgets"].error(
          ErrorCode::kMismatch,
          fmt::format("that of verifier {} is {} in its assignment", k + 1, result.assignments[k].budget));
  }
  return {};
}

Status read_results(const JsonValue& value, SelectionResult& result) {
  const JsonFields fields = ASSAY_TRY(value.fields(
      {"optimal_benefit", "computed_benefit", "is_valid", "total_cost", "total_benefit", "assignments"}));
  result.optimal_benefit = ASSAY_TRY(fields["optimal_benefit"].real());
  result.computed_benefit = ASSAY_TRY(fields["computed_benefit"].real());
  result.is_valid = ASSAY_TRY(fields["is_valid"].boolean());
  result.total_cost = ASSAY_TRY(read_whole(fields["total_cost"]));
  result.total_benefit = ASSAY_TRY(fields["total_benefit"].real());
  const JsonArray items = ASSAY_TRY(fields["assignments"].array(kMaxVerifiers));
  if (items.size() == 0) return fields["assignments"].error(ErrorCode::kOutOfRange, "there are none");
  for (std::size_t k = 0; k < items.size(); ++k)
    result.assignments.push_back(ASSAY_TRY(read_assignment(items[k], k)));
  return {};
}

/// One item for each assignment.
template <class Read>
auto read_each(const JsonValue& value, std::size_t assignments, const Read& read)
    -> decltype(read_all(value, assignments, read)) {
  auto items = ASSAY_TRY(read_all(value, kMaxVerifiers, read));
  if (items.size() != assignments)
    return value.error(ErrorCode::kMismatch,
                       fmt::format("{} entries of {} assignments", items.size(), assignments));
  return items;
}

Result<SelectionOrigin> read_origin(const JsonValue& value, std::size_t assignments) {
  const JsonFields fields = ASSAY_TRY(value.format(
      kTag, kVersion,
      {"order", "upper_bound", "proven_optimal", "fixed_order_value", "blocks", "tensors", "notes"},
      {"weights"}));
  SelectionOrigin origin;
  const auto order = order_from(ASSAY_TRY(fields["order"].text(kMaxText)));
  if (!order) return fields["order"].error(ErrorCode::kMalformed, "must be free, fixed or greedy");
  origin.order = *order;
  origin.upper_bound = ASSAY_TRY(fields["upper_bound"].real());
  origin.proven_optimal = ASSAY_TRY(fields["proven_optimal"].boolean());
  origin.fixed_order_value = ASSAY_TRY(fields["fixed_order_value"].real());
  if (fields.has("weights")) {
    const Bytes bytes = ASSAY_TRY(fields["weights"].hex(sizeof(Digest)));
    std::copy(bytes.begin(), bytes.end(), origin.weights.emplace().begin());
  }
  origin.blocks = ASSAY_TRY(read_each(fields["blocks"], assignments, [](const JsonValue& item) {
    return item.integers<std::uint64_t>(Scores::kMaxLayers);
  }));
  const auto text = [](const JsonValue& item) { return item.text(kMaxText); };
  origin.tensors = ASSAY_TRY(read_each(fields["tensors"], assignments, [&](const JsonValue& item) {
    return read_all(item, Scores::kMaxLayers + 1, text);
  }));
  origin.notes = ASSAY_TRY(read_all(fields["notes"], Scores::kMaxNotes, text));
  return origin;
}

}  // namespace

std::string SelectionResult::encode(bool pretty) const {
  Json json;
  Json budgets = Json::array();
  Json runs = Json::array();
  for (std::size_t k = 0; k < assignments.size(); ++k) {
    budgets.push_back(budget_json(assignments[k].budget));
    runs.push_back(assignment_json(assignments[k], k));
  }
  json["input"] = {{"scores_file", scores_file},
                   {"model_name", model_name},
                   {"num_layers", num_layers},
                   {"budgets", std::move(budgets)},
                   {"num_verifiers", assignments.size()}};
  json["results"] = {{"optimal_benefit", optimal_benefit},
                     {"computed_benefit", computed_benefit},
                     {"is_valid", is_valid},
                     {"total_cost", total_cost},
                     {"total_benefit", total_benefit},
                     {"assignments", std::move(runs)}};
  if (assay) json["assay"] = origin_json(*assay);
  return dump_json(json, pretty ? 2 : -1) + "\n";
}

Result<SelectionResult> SelectionResult::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxBytes));
  const JsonFields fields = ASSAY_TRY(json.root().fields({"input", "results"}, {"assay"}));
  SelectionResult result;
  ASSAY_TRY(read_results(fields["results"], result));
  ASSAY_TRY(read_input(fields["input"], result));
  if (fields.has("assay")) result.assay = ASSAY_TRY(read_origin(fields["assay"], result.assignments.size()));
  return result;
}

Result<SelectionResult> SelectionResult::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status SelectionResult::write(const std::filesystem::path& path, bool pretty) const {
  return write_file(path, encode(pretty));
}

}  // namespace assay::layers
