#include <fmt/format.h>

#include <algorithm>

#include "assay/claim.h"
#include "base/file.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "claim/repeated.h"
#include "claim/statement.h"

namespace assay::claim {
namespace {

/// A point of G1, compressed as arkworks does.
Result<G1Affine> read_point(const JsonValue& value) {
  const Bytes bytes = ASSAY_TRY(value.hex(32));
  return value.located(curve::decode_g1(bytes, {}));
}

/// The residue of an integer between -r and r.
Result<Fr> read_residue(const JsonValue& value) {
  const std::string digits = ASSAY_TRY(value.decimal());
  const bool negative = digits.starts_with('-');
  const Scalar scalar =
      ASSAY_TRY(value.located(Scalar::from_decimal(std::string_view(digits).substr(negative ? 1 : 0), {})));
  return negative ? -Fr::from_scalar(scalar) : Fr::from_scalar(scalar);
}

/// On the grid where every coordinate is below the degree bound: a file without axes can tell no more.
Point point_below(std::vector<Fr> coordinates, std::uint32_t degree_bound) {
  Point point;
  for (const Fr& coordinate : coordinates) {
    const Scalar scalar = coordinate.to_scalar();
    if (scalar.bit_width() > 32 || scalar.words[0] >= degree_bound) return {{}, std::move(coordinates)};
    point.grid.push_back(static_cast<std::uint32_t>(scalar.words[0]));
  }
  return point;
}

Result<Proof> parse_proof(const JsonValue& object, std::uint32_t num_variables, std::uint32_t degree_bound) {
  const JsonFields fields = ASSAY_TRY(object.fields({"point", "evaluation", "proof_hex"}));
  const JsonArray point = ASSAY_TRY(fields["point"].array(Axes::kMaxCount));
  const JsonArray quotients = ASSAY_TRY(fields["proof_hex"].array(Axes::kMaxCount));
  if (point.size() != num_variables || quotients.size() != num_variables)
    return object.error(ErrorCode::kMismatch,
                        fmt::format("{} coordinates and {} proof points for {} variables", point.size(),
                                    quotients.size(), num_variables));
  Proof proof;
  proof.point = point_below(ASSAY_TRY(point.all(read_residue)), degree_bound);
  proof.opening.quotients = ASSAY_TRY(quotients.all(read_point));
  proof.opening.value = ASSAY_TRY(read_residue(fields["evaluation"]));
  return proof;
}

Verdict check_seed_axes(const SeedProofs& proofs, const Axes& axes) {
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

Result<SeedProofs> SeedProofs::parse(std::string_view json, std::string_view place) {
  const JsonText text = ASSAY_TRY(JsonText::parse(json, place, kMaxBytes));
  const JsonFields root = ASSAY_TRY(text.root().fields(
      {"commitment_hex", "num_variables", "degree_bound", "proofs"}, {"commitment_digest"}));
  SeedProofs out;
  out.commitment = ASSAY_TRY(read_point(root["commitment_hex"]));
  out.num_variables = ASSAY_TRY(root["num_variables"].integer<std::uint32_t>(1, Axes::kMaxCount));
  out.degree_bound = ASSAY_TRY(root["degree_bound"].integer<std::uint32_t>(1, Axes::kMaxSize));
  if (root.has("commitment_digest")) {
    const Bytes digest = ASSAY_TRY(root["commitment_digest"].hex(32));
    std::ranges::copy(digest, out.commitment_digest.emplace().begin());
  }
  const JsonArray proofs = ASSAY_TRY(root["proofs"].array(kMaxCount));
  out.proofs = ASSAY_TRY(proofs.all(
      [&](const JsonValue& proof) { return parse_proof(proof, out.num_variables, out.degree_bound); }));
  return out;
}

Result<SeedProofs> SeedProofs::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Verdict verify_seed(const SeedProofs& proofs, const pst::Verifier& verifier, const TrustList& trusted) {
  Verdict verdict = Verdict::inconclusive("no proofs", "there is nothing to check");
  if (!proofs.proofs.empty()) verdict = check_seed_axes(proofs, verifier.key().axes);
  if (verdict.ok()) verdict = verifier.check_all(internal::statements_of(proofs.commitment, proofs.proofs));
  internal::name_point(verdict, proofs.proofs);
  verdict.add_note("header unbound: nothing in the file binds what the numbers are, or bounds them");
  verdict.add_note(describe_srs(verifier.key(), trusted));
  verdict.add_figure("proofs", fmt::format("{}", proofs.proofs.size()));
  verdict.add_figure("distinct points", fmt::format("{}", internal::count_distinct(proofs.proofs)));
  return verdict;
}

std::string seed_proofs_json(const Commitment& commitment, const Proofs& proofs) {
  const Axes& axes = commitment.header.layout.axes;
  Json list = Json::array();
  for (const Proof& proof : proofs.proofs) {
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

}  // namespace assay::claim
