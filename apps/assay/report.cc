#include "report.h"

#include <fmt/format.h>

#include <algorithm>

namespace assay::cli {
namespace {

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::vector<std::string> lines_of(const Verdict& verdict) {
  std::vector<std::string> lines = to_lines(verdict);
  for (std::string& line : lines) line = printable(line);
  const std::string_view outcome = to_string(verdict.outcome());
  const Colour colour = verdict.ok()                                  ? Colour::kGreen
                        : verdict.outcome() == Outcome::kInconclusive ? Colour::kYellow
                                                                      : Colour::kRed;
  lines.front().replace(0, outcome.size(), coloured(outcome, colour));
  return lines;
}

Json json_of(const claim::Header& header) {
  Json json;
  json["axes"] = header.layout.axes.sizes();
  json["layout"] = encode::to_string(header.layout.kind);
  json["encoding"] = header.encoding.to_string();
  json["dtype"] = header.dtype ? Json(tensor::torch_name(*header.dtype)) : Json(nullptr);
  json["capture_mode"] = claim::to_string(header.capture_mode);
  json["num_layers"] = header.layout.layer_map.size();
  json["real_elements"] = header.layout.real_count;
  json["padding_elements"] = header.layout.padding();
  json["srs_digest"] = to_hex(header.srs_digest);
  return json;
}

Json json_of(const claim::Place& place) {
  Json json;
  json["coordinates"] = place.coordinates;
  json["flat_index"] = place.flat_index;
  json["padding"] = place.is_padding;
  json["layer"] = place.is_padding ? Json(nullptr) : Json(place.layer);
  json["position"] = place.is_padding ? Json(nullptr) : Json(place.position);
  json["layer_coordinates"] = place.is_padding ? Json(nullptr) : Json(place.layer_coordinates);
  json["tap"] = place.tap.empty() ? Json(nullptr) : Json(place.tap);
  json["place"] = place.to_string();
  return json;
}

Json json_of(const claim::Point& point) {
  if (point.is_on_grid()) return point.grid;
  Json json = Json::array();
  for (const Fr& coordinate : point.field) json.push_back(coordinate.to_scalar().to_signed_decimal());
  return json;
}

Json json_of(const ProofReport& proof) {
  Json json;
  json["point"] = json_of(proof.point);
  json["value"] = proof.value.to_signed_decimal();
  json["place"] = proof.place ? Json(proof.place->to_string()) : Json(nullptr);
  json["padding"] = proof.place ? Json(proof.place->is_padding) : Json(nullptr);
  json["verified"] = or_null(proof.verified);
  json["ground_truth"] = {{"matched", or_null(proof.matched)}};
  return json;
}

std::vector<ProofReport> describe_proofs(const std::vector<claim::Proof>& proofs,
                                         const encode::Layout* layout, std::optional<bool> verified) {
  std::vector<ProofReport> reports;
  for (const claim::Proof& proof : proofs) {
    ProofReport report{proof.point, proof.opening.value.to_scalar(), {}, verified, {}};
    if (layout != nullptr && proof.point.is_on_grid()) {
      const Result<claim::Place> place = claim::place_of(*layout, proof.point.grid);
      if (place.ok()) report.place = *place;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::string line_of(const ProofReport& proof) {
  std::string line = fmt::format("  {} = {}", proof.point.to_string(), proof.value.to_signed_decimal());
  if (proof.place) line += "  " + proof.place->to_string();
  if (proof.verified && !*proof.verified) line += "  does not verify";
  if (proof.matched) line += *proof.matched ? "  as captured" : "  not the captured value";
  return printable(line);
}

std::string grouped(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

Verdict with_notes_of(const Verdict& first, Verdict second) {
  for (const std::string& note : first.notes()) second.add_note(note);
  for (const Figure& figure : first.figures()) second.add_figure(figure);
  return second;
}

}  // namespace assay::cli
