#include "pipeline/results.h"

#include <algorithm>

#include "base/file.h"
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

Json seconds_or_null(bool known, double seconds) { return known ? Json(seconds) : Json(nullptr); }

/// The captured values at the points, where they lie on the grid and were captured.
std::vector<std::optional<Scalar>> captured_at(const claim::Commitment& commitment,
                                               const claim::Proofs& proofs, const claim::Captured* captured) {
  std::vector<std::optional<Scalar>> values(proofs.size());
  if (captured == nullptr || !captured->fault.empty()) return values;
  const encode::Layout& layout = commitment.header.layout;
  std::vector<std::size_t> on_grid;
  std::vector<std::uint64_t> indices;
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    const claim::Query query = proofs.query(k);
    if (!query.is_on_grid()) continue;
    const Result<std::uint64_t> index = layout.axes.index_of(query.grid);
    if (!index.ok()) continue;
    on_grid.push_back(k);
    indices.push_back(*index);
  }
  const std::vector<std::optional<Scalar>> found = captured->at(layout, indices);
  for (std::size_t i = 0; i < on_grid.size(); ++i) values[on_grid[i]] = found[i];
  return values;
}

/// The original pipeline's fields, and behind them ours.
Json point_json(const claim::OpeningReport& opening, ByteSpan evidence, const std::optional<Scalar>& captured,
                const PointTimes* times) {
  Json quotients = Json::array();
  for (std::size_t at = 0; at < evidence.size(); at += 32)
    quotients.push_back(to_hex(evidence.subspan(at, 32)));
  const Json ours = claim::json_of(opening);
  Json json;
  json["point"] = ours["point"];
  json["evaluation"] = opening.value ? json_integer(opening.value->to_decimal()) : Json(nullptr);
  json["proof_hex"] = std::move(quotients);
  json["proof_bytes"] = evidence.size();
  json["verified"] = ours["verified"];
  json["ground_truth_int"] = captured ? json_integer(captured->to_signed_decimal()) : Json(nullptr);
  json["ground_truth_match"] = opening.matched ? Json(*opening.matched) : Json(nullptr);
  json["eval_time_s"] = times != nullptr ? Json(times->evaluate) : Json(nullptr);
  json["prove_time_s"] = times != nullptr ? Json(times->prove) : Json(nullptr);
  json["verify_time_s"] = times != nullptr ? Json(times->verify) : Json(nullptr);
  for (const char* const name : {"value", "number", "place", "padding"}) json[name] = ours[name];
  return json;
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
  json["hypercube_source"] = hypercube.empty() ? Json(nullptr) : Json(hypercube.string());
  json["header"] = claim::json_of(commitment.header);
  json["verification_summary"] = {
      {"num_queries", 0}, {"all_proofs_verified", nullptr}, {"all_ground_truth_matched", nullptr}};
  json["timing"] = {{"setup_time_s", setup_seconds},  {"commit_time_s", commit_seconds},
                    {"total_eval_time_s", nullptr},   {"total_prove_time_s", nullptr},
                    {"total_verify_time_s", nullptr}, {"avg_prove_time_s", nullptr},
                    {"avg_verify_time_s", nullptr}};
  json["proof_stats"] = {{"avg_proof_bytes", nullptr}, {"proof_elements_per_query", axes.count()}};
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
                  const claim::Verification& found, const OpeningTimes& times,
                  const claim::Captured* captured) {
  const double count = static_cast<double>(std::max<std::size_t>(proofs.size(), 1));
  results["verification_summary"] = {{"num_queries", proofs.size()},
                                     {"all_proofs_verified", all_verified(proofs, found)},
                                     {"all_ground_truth_matched", all_matched(found)}};
  double evaluate_seconds = 0;
  for (const PointTimes& point : times.points) evaluate_seconds += point.evaluate;
  Json& timing = results["timing"];
  timing["total_eval_time_s"] = seconds_or_null(!times.points.empty(), evaluate_seconds);
  timing["total_prove_time_s"] = times.prove;
  timing["total_verify_time_s"] = times.verify;
  timing["avg_prove_time_s"] = times.prove / count;
  timing["avg_verify_time_s"] = times.verify / count;
  const std::vector<std::optional<Scalar>> ground_truth = captured_at(commitment, proofs, captured);
  std::size_t proof_bytes = 0;
  results["point_results"] = Json::array();
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    const claim::OpeningReport opening = claim::report_of(proofs, k, &commitment.header, &found);
    const ByteSpan evidence = proofs.evidence(k);
    proof_bytes += evidence.size();
    results["point_results"].push_back(
        point_json(opening, evidence, ground_truth[k], times.points.empty() ? nullptr : &times.points[k]));
  }
  results["proof_stats"] = {{"avg_proof_bytes", static_cast<double>(proof_bytes) / count},
                            {"proof_elements_per_query", commitment.header.layout.axes.count()}};
}

Status write_commitment(const Directories& directories, const claim::Commitment& commitment,
                        const Json& results) {
  ASSAY_TRY(commitment.write(directories.output / kCommitmentFile));
  ASSAY_TRY(write_file(directories.output / kCommitmentText, to_hex(commitment.value) + "\n"));
  return write_file(directories.output / kResultsJson, dump_json(results) + "\n");
}

Status write_openings(const Directories& directories, const claim::Commitment& commitment,
                      const claim::Proofs& proofs, const Json& results) {
  ASSAY_TRY(proofs.write(directories.output / kProofsFile));
  ASSAY_TRY(write_file(directories.output / kProofsJson, proofs_json(commitment, proofs)));
  return write_file(directories.output / kResultsJson, dump_json(results) + "\n");
}

}  // namespace assay::pipeline
