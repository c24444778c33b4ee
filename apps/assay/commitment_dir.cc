#include "commitment_dir.h"

#include <algorithm>

namespace assay::cli {
namespace {

Json point_result(const ProofReport& proof) {
  Json json = json_of(proof);
  json["evaluation"] = json_integer(proof.value.to_signed_decimal());
  return json;
}

}  // namespace

Json all_of(const std::vector<ProofReport>& proofs, std::optional<bool> ProofReport::*what) {
  const bool known = !proofs.empty() && std::ranges::all_of(proofs, [what](const ProofReport& proof) {
    return (proof.*what).has_value();
  });
  if (!known) return nullptr;
  return std::ranges::all_of(proofs, [what](const ProofReport& proof) { return *(proof.*what); });
}

Json results_json(const claim::Commitment& commitment, const pipeline::Directories& dirs,
                  double setup_seconds, double commit_seconds) {
  const Axes& axes = commitment.header.layout.axes;
  Json json;
  json["commitment_hex"] = to_hex(curve::encode(commitment.point));
  json["commitment_bytes"] = 32;
  json["digest"] = to_hex(commitment.digest());
  json["polynomial"] = {{"num_variables", axes.count()},
                        {"degree_bound", *std::ranges::max_element(axes.sizes())},
                        {"num_coefficients", axes.volume()},
                        {"source_dir", dirs.polynomial.string()}};
  json["hypercube_dir"] = dirs.hypercube.empty() ? Json(nullptr) : Json(dirs.hypercube.string());
  json["header"] = json_of(commitment.header);
  json["verification_summary"] = {
      {"num_queries", 0}, {"all_proofs_verified", nullptr}, {"all_ground_truth_matched", nullptr}};
  json["timing"] = {{"setup_time_s", setup_seconds}, {"commit_time_s", commit_seconds},
                    {"avg_prove_time_s", nullptr},   {"avg_verify_time_s", nullptr},
                    {"total_prove_time_s", nullptr}, {"total_verify_time_s", nullptr}};
  json["point_results"] = Json::array();
  return json;
}

void add_figures(Json& results, const ProvingFigures& figures) {
  const double count = static_cast<double>(std::max<std::size_t>(figures.proofs.size(), 1));
  results["verification_summary"] = {
      {"num_queries", figures.proofs.size()},
      {"all_proofs_verified", all_of(figures.proofs, &ProofReport::verified)},
      {"all_ground_truth_matched", all_of(figures.proofs, &ProofReport::matched)}};
  results["timing"]["avg_prove_time_s"] = figures.prove_seconds / count;
  results["timing"]["avg_verify_time_s"] = figures.verify_seconds / count;
  results["timing"]["total_prove_time_s"] = figures.prove_seconds;
  results["timing"]["total_verify_time_s"] = figures.verify_seconds;
  results["point_results"] = Json::array();
  for (const ProofReport& proof : figures.proofs) results["point_results"].push_back(point_result(proof));
}

}  // namespace assay::cli
