// "commitment_results.json", and what else lies in a directory of commitments.
#pragma once

#include <filesystem>
#include <string_view>

#include "assay/pipeline.h"
#include "base/json.h"
#include "claim/report.h"

namespace assay::pipeline {

inline constexpr std::string_view kCommitmentText = "commitment.txt";
inline constexpr std::string_view kResultsJson = "commitment_results.json";
inline constexpr std::string_view kProofsJson = "proofs.json";
inline constexpr std::string_view kCommitmentFile = "commitment.assay";
inline constexpr std::string_view kProofsFile = "proofs.assay";
inline constexpr std::string_view kDevSrs = "dev.srs";

/// The results before anything was opened: what is not known yet is null.
[[nodiscard]] Json results_json(const claim::Commitment& commitment, const Directories& directories,
                                double setup_seconds, double commit_seconds);

/// The results that are in the directory, or new ones where there are none. Errors: kMalformed, those of the
/// reader.
[[nodiscard]] Result<Json> read_results(const Directories& directories, const claim::Commitment& commitment);

/// Fills in verification summary, point results and times.
void add_openings(Json& results, const claim::Commitment& commitment, const claim::Proofs& proofs,
                  const claim::Verification& found, double prove_seconds, double verify_seconds);

/// Whether each value was the captured one: true, false, or null where there was nothing to compare with.
[[nodiscard]] Json all_matched(const claim::Verification& found);

}  // namespace assay::pipeline
