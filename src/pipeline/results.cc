#include "pipeline/results.h"

#include <algorithm>

#include "base/try.h"

namespace assay::pipeline {
namespace {

namespace fs = std::filesystem;

Json all_verified(const claim::Proofs& proofs, const claim::Verification& found) {
  bool all = true;
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    const std::optional<bool> one = found.verified(k);
    if (!one) return nullptr;
    all = all && *one;
  }
  return proofs.empty() ? Json(nullptr) : Json(all);
}

}  // namespace

Json all_matched(const claim::Verification& found) {
  bool all = true;
  for (const std::optional<bool>& one : found.matches) {
    if (!one) return nullptr;
    all = all && *one;
  }
  return found.matches.empty() ? Json(nullptr) : Json(all);
}

Json results_json(const claim::Commitment& commitment, const Directories& directories, double setup_seconds,
                  double commit_seconds) {
  const Axes& axes = commitment.header.layout.axes;
  const fs::path& hypercube = directories.hypercube;
  Json json;
  json["commitment_hex"] = to_hex(commitment.value);
  json["commitment_bytes"] = commitment.value.size();
  json["digest"] = to_hex(commitment.digest());
  json["polynomial"] = {{"num_variables", axes.count()},
                        {"degree_bound", *std::ranges::max_element(axes.sizes())},
                        {"num_coefficients", axes.volume()},
                        {"source_dir", directories.polynomial.string()}};
  json["hypercube_dir"] = hypercube.empty() ? Json(nullptr) : Json(hypercube.string());
  json["header"] = claim::json_of(commitment.header);
  json["verification_summary"] = {
      {"num_queries", 0}, {"all_proofs_verified", nullptr}, {"all_ground_truth_matched", nullptr}};
  json["timing"] = {{"setup_time_s", setup_seconds}, {"commit_time_s", commit_seconds},
                    {"avg_prove_time_s", nullptr},   {"avg_verify_time_s", nullptr},
                    {"total_prove_time_s", nullptr}, {"total_verify_time_s", nullptr}};
  json["point_results"] = Json::array();
  return json;
}

Result<Json> read_results(const Directories& directories, const claim::Commitment& commitment) {
  const fs::path path = directories.output / kResultsJson;
  std::error_code failure;
  if (!fs::exists(path, failure)) return results_json(commitment, directories, 0, 0);
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 28;
  // The openings of an earlier run may be a million, and go.
  Json json = ASSAY_TRY(read_json_file(path, kMaxBytes, "point_results"));
  if (!json.is_object() || !json.contains("timing") || !json["timing"].is_object())
    return Error{ErrorCode::kMalformed, path.string(), "not the results of commit: remove it"};
  return json;
}

void add_openings(Json& results, const claim::Commitment& commitment, const claim::Proofs& proofs,
                  const claim::Verification& found, double prove_seconds, double verify_seconds) {
  const double count = static_cast<double>(std::max<std::size_t>(proofs.size(), 1));
  results["verification_summary"] = {{"num_queries", proofs.size()},
                                     {"all_proofs_verified", all_verified(proofs, found)},
                                     {"all_ground_truth_matched", all_matched(found)}};
  results["timing"]["avg_prove_time_s"] = prove_seconds / count;
  results["timing"]["avg_verify_time_s"] = verify_seconds / count;
  results["timing"]["total_prove_time_s"] = prove_seconds;
  results["timing"]["total_verify_time_s"] = verify_seconds;
  results["point_results"] = Json::array();
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    const claim::OpeningReport opening = claim::report_of(proofs, k, &commitment.header, &found);
    Json json = claim::json_of(opening);
    json["evaluation"] = json_integer(opening.value.to_signed_decimal());
    results["point_results"].push_back(std::move(json));
  }
}

}  // namespace assay::pipeline
