#include "tensor/comparison_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace assay::tensor {
namespace {

/// What all rows of a layer come to.
struct Summary {
  std::uint64_t different = 0;  ///< rows
  std::uint64_t unequal = 0;    ///< values
  std::size_t worst = 0;        ///< the row with the largest error
  double least_cosine = 1;
  double least_overlap = 1;
};

Summary summary_of(const LayerDifference& layer, std::optional<double> tolerance) {
  Summary all;
  for (std::size_t i = 0; i < layer.rows.size(); ++i) {
    const RowDifference& row = layer.rows[i];
    all.different += Comparison::differs(row, tolerance) ? 1 : 0;
    all.unequal += row.unequal;
    if (row.relative_error > layer.rows[all.worst].relative_error) all.worst = i;
    all.least_cosine = std::min(all.least_cosine, row.cosine);
    all.least_overlap = std::min(all.least_overlap, row.overlap);
  }
  return all;
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json json_of(const LayerDifference& layer, std::uint64_t first_row, std::optional<double> tolerance) {
  const Summary all = summary_of(layer, tolerance);
  Json unequal = Json::array();
  Json errors = Json::array();
  Json cosines = Json::array();
  Json overlaps = Json::array();
  for (const RowDifference& row : layer.rows) {
    unequal.push_back(row.unequal);
    errors.push_back(number(row.relative_error));
    cosines.push_back(row.cosine);
    overlaps.push_back(row.overlap);
  }
  Json json = {{"name", layer.name}, {"other_name", layer.other_name}};
  json["dtypes"] = {short_name(layer.dtype), short_name(layer.other_dtype)};
  json["width"] = layer.width;
  json["tokens"] = layer.rows.size();
  json["different_tokens"] = all.different;
  json["unequal_values"] = all.unequal;
  json["largest_error"] = layer.rows.empty() ? Json(0.0) : number(layer.rows[all.worst].relative_error);
  json["largest_error_at"] = first_row + all.worst;
  json["least_cosine"] = all.least_cosine;
  json["least_overlap"] = all.least_overlap;
  json["by_token"] = {{"unequal", std::move(unequal)},
                      {"relative_error", std::move(errors)},
                      {"cosine", std::move(cosines)},
                      {"overlap", std::move(overlaps)}};
  return json;
}

Json json_of(const Comparison& comparison, const std::optional<Comparison::Place>& place) {
  if (!place) return nullptr;
  return {{"layer", comparison.layers()[place->layer].name}, {"token", place->row}};
}

const RowDifference& row_at(const Comparison& comparison, const Comparison::Place& place) {
  return comparison.layers()[place.layer].rows[place.row - comparison.first_row()];
}

std::string line_of(const Comparison& comparison, std::string_view what, const Comparison::Place& place) {
  const RowDifference& row = row_at(comparison, place);
  const LayerDifference& layer = comparison.layers()[place.layer];
  return fmt::format("{} {} at token {}: {} of {} values, relative error {:.3g}, cosine {:.6f}", what,
                     layer.name, place.row, row.unequal, layer.width, row.relative_error, row.cosine);
}

void add_table(const Comparison& comparison, std::optional<double> tolerance,
               std::vector<std::string>& lines) {
  std::size_t width = 5;
  for (const LayerDifference& layer : comparison.layers()) width = std::max(width, layer.name.size());
  lines.push_back(fmt::format("{:{}}  {:>17}  {:>13}  {:>8}  {:>12}  {:>13}", "layer", width,
                              "different tokens", "largest error", "at token", "least cosine",
                              "least overlap"));
  for (const LayerDifference& layer : comparison.layers()) {
    const Summary all = summary_of(layer, tolerance);
    const std::string share = fmt::format("{} of {}", all.different, layer.rows.size());
    if (all.unequal == 0) {
      lines.push_back(fmt::format("{:{}}  {:>17}  {:>13}", layer.name, width, share, "equal"));
      continue;
    }
    lines.push_back(fmt::format("{:{}}  {:>17}  {:>13.3g}  {:>8}  {:>12.6f}  {:>13.3f}", layer.name, width,
                                share, layer.rows[all.worst].relative_error,
                                comparison.first_row() + all.worst, all.least_cosine, all.least_overlap));
  }
}

}  // namespace

Json json_of(const Comparison& comparison, std::optional<double> tolerance) {
  const std::optional<Comparison::Place> first = comparison.first(tolerance);
  Json layers = Json::array();
  for (const LayerDifference& layer : comparison.layers())
    layers.push_back(json_of(layer, comparison.first_row(), tolerance));
  Json json;
  json["within"] = !first.has_value();
  json["tolerance"] = tolerance ? Json(*tolerance) : Json(nullptr);
  json["first"] = json_of(comparison, first);
  json["first_token"] = json_of(comparison, comparison.first_token(tolerance));
  json["first_row"] = comparison.first_row();
  json["only_in_a"] = comparison.only_in_a();
  json["only_in_b"] = comparison.only_in_b();
  json["layers"] = std::move(layers);
  return json;
}

std::string Comparison::to_json(std::optional<double> tolerance) const {
  return dump_json(json_of(*this, tolerance), -1);
}

std::vector<std::string> Comparison::to_lines(std::optional<double> tolerance) const {
  std::vector<std::string> lines;
  const std::optional<Place> place = first(tolerance);
  if (!place) {
    lines.emplace_back(tolerance ? fmt::format("no token differs by more than {:g}", *tolerance)
                                 : "no value differs");
  } else {
    lines.push_back(line_of(*this, "first difference:", *place));
    const std::optional<Place> token = first_token(tolerance);
    if (token != place) lines.push_back(line_of(*this, "first token:", *token));
  }
  const auto note = [&](const std::vector<std::string>& names, std::string_view which) {
    if (!names.empty()) lines.push_back(fmt::format("only in {}: {}", which, fmt::join(names, ", ")));
  };
  note(only_in_a_, "the first file");
  note(only_in_b_, "the second file");
  add_table(*this, tolerance, lines);
  return lines;
}

}  // namespace assay::tensor
