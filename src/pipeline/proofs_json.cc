#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "assay/pipeline.h"
#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "claim/repeated.h"
#include "claim/statement.h"

namespace assay::pipeline {
namespace {

Error malformed(std::string place, std::string reason) {
  return {ErrorCode::kMalformed, std::move(place), std::move(reason)};
}

/// An object with the required fields and no other than those allowed.
Status check_fields(const Json& object, std::initializer_list<std::string_view> required,
                    std::initializer_list<std::string_view> optional, std::string_view place) {
  if (!object.is_object()) return malformed(std::string(place), "an object is expected here");
  for (const std::string_view name : required)
    if (!object.contains(name))
      return malformed(std::string(place), fmt::format("the field \"{}\" is missing", name));
  for (const auto& [name, value] : object.items()) {
    const auto is_name = [&key = name](std::string_view known) { return known == key; };
    if (!std::ranges::any_of(required, is_name) && !std::ranges::any_of(optional, is_name))
      return malformed(std::string(place), fmt::format("no field \"{}\" belongs here", name));
  }
  return {};
}

Result<const Json::array_t*> array_field(const Json& value, std::string_view place) {
  if (!value.is_array()) return malformed(std::string(place), "an array is expected here");
  return &value.get_ref<const Json::array_t&>();
}

/// An integer from 1 to `max`.
Result<std::uint32_t> number_field(const Json& value, std::uint64_t max, const std::string& place) {
  const std::string digits = ASSAY_TRY(json_decimal(value, place));
  const Result<Scalar> number = Scalar::from_decimal(digits, place);
  if (!number || number->bit_width() > 63 || number->words[0] == 0 || number->words[0] > max)
    return Error{ErrorCode::kOutOfRange, place, fmt::format("an integer from 1 to {} is expected here", max)};
  return static_cast<std::uint32_t>(number->words[0]);
}

/// 32 bytes as hexadecimal digits.
Result<Bytes> hex_field(const Json& value, const std::string& place) {
  if (!value.is_string()) return malformed(place, "a text of 64 hexadecimal digits is expected here");
  const Bytes bytes = ASSAY_TRY(from_hex(value.get_ref<const std::string&>(), place));
  if (bytes.size() != 32) return malformed(place, "64 hexadecimal digits are expected here");
  return bytes;
}

/// A point of G1, compressed as arkworks does.
Result<G1Affine> point_field(const Json& value, const std::string& place) {
  const Bytes bytes = ASSAY_TRY(hex_field(value, place));
  return curve::decode_g1(bytes, place);
}

/// The residue of an integer between -r and r.
Result<Fr> residue_field(const Json& value, const std::string& place) {
  const std::string digits = ASSAY_TRY(json_decimal(value, place));
  if (!digits.starts_with('-')) return Fr::from_scalar(ASSAY_TRY(Scalar::from_decimal(digits, place)));
  return -Fr::from_scalar(ASSAY_TRY(Scalar::from_decimal(std::string_view(digits).substr(1), place)));
}

/// On the grid where every coordinate is below the degree bound: a file without axes can tell no more.
claim::Point point_below(std::vector<Fr> coordinates, std::uint32_t degree_bound) {
  claim::Point point;
  for (const Fr& coordinate : coordinates) {
    const Scalar scalar = coordinate.to_scalar();
    if (scalar.bit_width() > 32 || scalar.words[0] >= degree_bound) return {{}, std::move(coordinates)};
    point.grid.push_back(static_cast<std::uint32_t>(scalar.words[0]));
  }
  return point;
}

Result<claim::Proof> parse_proof(const Json& object, std::uint32_t num_variables, std::uint32_t degree_bound,
                                 const std::string& place) {
  ASSAY_TRY(check_fields(object, {"point", "evaluation", "proof_hex"}, {}, place));
  const Json::array_t& point = *ASSAY_TRY(array_field(object["point"], place + ".point"));
  const Json::array_t& quotients = *ASSAY_TRY(array_field(object["proof_hex"], place + ".proof_hex"));
  if (point.size() != num_variables || quotients.size() != num_variables)
    return Error{ErrorCode::kMismatch, place,
                 fmt::format("{} coordinates and {} proof points for {} variables", point.size(),
                             quotients.size(), num_variables)};
  claim::Proof proof;
  std::vector<Fr> coordinates;
  for (std::size_t i = 0; i < num_variables; ++i) {
    coordinates.push_back(ASSAY_TRY(residue_field(point[i], fmt::format("{}.point[{}]", place, i))));
    proof.opening.quotients.push_back(
        ASSAY_TRY(point_field(quotients[i], fmt::format("{}.proof_hex[{}]", place, i))));
  }
  proof.point = point_below(std::move(coordinates), degree_bound);
  proof.opening.value = ASSAY_TRY(residue_field(object["evaluation"], place + ".evaluation"));
  return proof;
}

Verdict check_seed_axes(const ProofsJson& proofs, const Axes& axes) {
  const std::uint32_t largest = *std::ranges::max_element(axes.sizes());
  if (proofs.num_variables != axes.count() || proofs.degree_bound != largest)
    return Verdict::rejected("axes",
                             fmt::format("{} variables of degree bound {}, the SRS has {} axes of at most {} "
                                         "nodes",
                                         proofs.num_variables, proofs.degree_bound, axes.count(), largest));
  return Verdict::accepted();
}

Json json_residue(const Fr& value) { return json_integer(value.to_scalar().to_decimal()); }

}  // namespace

Result<ProofsJson> ProofsJson::parse(std::string_view json, std::string_view place) {
  if (json.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", json.size(), kMaxBytes)};
  const Json root = ASSAY_TRY(parse_json(json, place));
  ASSAY_TRY(check_fields(root, {"commitment_hex", "num_variables", "degree_bound", "proofs"},
                         {"commitment_digest"}, place));
  const auto at = [&](std::string_view field) { return fmt::format("{}: {}", place, field); };
  ProofsJson out;
  out.commitment = ASSAY_TRY(point_field(root["commitment_hex"], at("commitment_hex")));
  out.num_variables = ASSAY_TRY(number_field(root["num_variables"], Axes::kMaxCount, at("num_variables")));
  out.degree_bound = ASSAY_TRY(number_field(root["degree_bound"], Axes::kMaxSize, at("degree_bound")));
  if (root.contains("commitment_digest")) {
    const Bytes digest = ASSAY_TRY(hex_field(root["commitment_digest"], at("commitment_digest")));
    std::ranges::copy(digest, out.commitment_digest.emplace().begin());
  }
  const Json::array_t& proofs = *ASSAY_TRY(array_field(root["proofs"], at("proofs")));
  if (proofs.size() > kMaxCount)
    return Error{ErrorCode::kTooLarge, at("proofs"),
                 fmt::format("{}, at most {} are read", proofs.size(), kMaxCount)};
  for (std::size_t k = 0; k < proofs.size(); ++k)
    out.proofs.push_back(ASSAY_TRY(
        parse_proof(proofs[k], out.num_variables, out.degree_bound, at(fmt::format("proofs[{}]", k)))));
  return out;
}

Result<ProofsJson> ProofsJson::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Verdict verify(const ProofsJson& proofs, const pst::Verifier& verifier, const claim::TrustList& trusted) {
  Verdict verdict = Verdict::inconclusive("no proofs", "there is nothing to check");
  if (!proofs.proofs.empty()) verdict = check_seed_axes(proofs, verifier.key().axes);
  if (verdict.ok())
    verdict = verifier.check_all(claim::internal::statements_of(proofs.commitment, proofs.proofs));
  claim::internal::name_point(verdict, proofs.proofs);
  verdict.add_note("header unbound: nothing in the file binds what the numbers are, or bounds them");
  verdict.add_note(claim::describe_srs(verifier.key(), trusted));
  verdict.add_figure("proofs", proofs.proofs.size());
  verdict.add_figure("distinct points", claim::internal::count_distinct(proofs.proofs));
  return verdict;
}

std::string proofs_json(const claim::Commitment& commitment, const claim::Proofs& proofs) {
  const Axes& axes = commitment.header.layout.axes;
  Json list = Json::array();
  for (const claim::Proof& proof : proofs.proofs) {
    Json point = Json::array();
    for (const Fr& coordinate : proof.point.coordinates()) point.push_back(json_residue(coordinate));
    Json quotients = Json::array();
    for (const G1Affine& quotient : proof.opening.quotients)
      quotients.push_back(to_hex(curve::encode(quotient)));
    Json object = Json::object();
    object["point"] = std::move(point);
    object["evaluation"] = json_residue(proof.opening.value);
    object["proof_hex"] = std::move(quotients);
    list.push_back(std::move(object));
  }
  Json root = Json::object();
  root["commitment_hex"] = to_hex(curve::encode(commitment.point));
  root["num_variables"] = axes.count();
  root["degree_bound"] = *std::ranges::max_element(axes.sizes());
  root["commitment_digest"] = to_hex(commitment.digest());
  root["proofs"] = std::move(list);
  return dump_json(root) + "\n";
}

}  // namespace assay::pipeline
