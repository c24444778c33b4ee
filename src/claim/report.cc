#include "claim/report.h"

#include <fmt/format.h>

namespace assay::claim {
namespace {

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

Json json_of(const Header& header) {
  Json json;
  json["scheme"] = to_string(header.scheme);
  json["axes"] = header.layout.axes.sizes();
  json["layout"] = encode::to_string(header.layout.kind);
  json["encoding"] = header.encoding.to_string();
  json["dtype"] = header.dtype ? Json(tensor::torch_name(*header.dtype)) : Json(nullptr);
  json["capture_mode"] = to_string(header.capture_mode);
  json["num_layers"] = header.layout.layer_map.size();
  json["first_token"] = header.first_token;
  json["real_elements"] = header.layout.real_count;
  json["padding_elements"] = header.layout.padding();
  json["srs_digest"] = header.setup_digest ? Json(to_hex(*header.setup_digest)) : Json(nullptr);
  return json;
}

Json json_of(const Place& place) {
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

Json json_of(const Query& query) {
  if (query.is_on_grid()) return query.grid;
  if (query.is_of_parts()) return {{"axes", query.parts.fixed}, {"positions", query.parts.positions}};
  Json json = Json::array();
  for (const Fr& coordinate : query.field) json.push_back(coordinate.to_scalar().to_signed_decimal());
  return json;
}

OpeningReport report_of(const Proofs& proofs, std::size_t k, const Header* header,
                        const Verification* found) {
  OpeningReport report{proofs.query(k), {}, proofs.value_count(k), {}, {}, {}, {}};
  if (!report.query.is_of_parts()) report.value = proofs.value(k).to_scalar();
  if (header != nullptr && report.query.is_on_grid()) {
    const Result<Place> place = place_of(header->layout, report.query.grid);
    if (place.ok()) report.place = *place;
    const Result<std::string> number = encode::number_of(header->encoding, header->dtype, *report.value);
    if (number.ok()) report.number = *number;
  }
  if (found == nullptr) return report;
  report.verified = found->verified(k);
  if (k < found->matches.size()) report.matched = found->matches[k];
  return report;
}

Json json_of(const OpeningReport& opening) {
  Json json;
  json["point"] = json_of(opening.query);
  json["value"] = opening.value ? Json(opening.value->to_signed_decimal()) : Json(nullptr);
  if (!opening.value) json["num_values"] = opening.value_count;
  json["number"] = or_null(opening.number);
  json["place"] = opening.place ? Json(opening.place->to_string()) : Json(nullptr);
  json["padding"] = opening.place ? Json(opening.place->is_padding) : Json(nullptr);
  json["verified"] = or_null(opening.verified);
  json["ground_truth"] = {{"matched", or_null(opening.matched)}};
  return json;
}

std::string line_of(const OpeningReport& opening) {
  const std::string value = opening.value ? opening.value->to_signed_decimal() : "";
  std::string line = opening.value
                         ? fmt::format("  {} = {}", opening.query.to_string(), value)
                         : fmt::format("  {}: {} values", opening.query.to_string(), opening.value_count);
  if (opening.number && *opening.number != value) line += fmt::format(" ({})", *opening.number);
  if (opening.place) line += "  " + opening.place->to_string();
  if (opening.verified && !*opening.verified) line += "  does not verify";
  if (opening.matched) line += *opening.matched ? "  as captured" : "  not the captured value";
  return line;
}

}  // namespace assay::claim
