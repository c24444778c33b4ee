// The directory of commitments that the seeds' pipeline ends in, with our files beside the seeds'.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "assay/claim.h"
#include "assay/pipeline.h"
#include "base/json.h"
#include "report.h"

namespace assay::cli {

inline constexpr std::string_view kCommitmentText = "commitment.txt";
inline constexpr std::string_view kResultsJson = "commitment_results.json";
inline constexpr std::string_view kProofsJson = "proofs.json";
inline constexpr std::string_view kCommitmentFile = "commitment.assay";
inline constexpr std::string_view kProofsFile = "proofs.assay";
inline constexpr std::string_view kDevSrs = "dev.srs";

/// What a step of the pipeline adds to the results.
struct ProvingFigures {
  std::vector<ProofReport> proofs;
  double prove_seconds = 0;
  double verify_seconds = 0;
};

/// The seeds' "commitment_results.json" before anything was opened: what is not known yet is null.
[[nodiscard]] Json results_json(const claim::Commitment& commitment, const pipeline::Directories& dirs,
                                double setup_seconds, double commit_seconds);

/// Fills in verification summary, point results and times.
void add_figures(Json& results, const ProvingFigures& figures);

/// all_ground_truth_matched: true, false, or null where there was nothing to compare with.
[[nodiscard]] Json all_of(const std::vector<ProofReport>& proofs, std::optional<bool> ProofReport::*what);

}  // namespace assay::cli
