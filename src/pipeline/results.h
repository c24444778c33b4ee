// "commitment_results.json", and what else lies in a directory of commitments.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

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

/// Of one point, in seconds.
struct PointTimes {
  double evaluate = 0;
  double prove = 0;
  double verify = 0;
};

/// What openings cost, in seconds.
struct OpeningTimes {
  double prove = 0;
  double verify = 0;
  std::vector<PointTimes> points = {};  ///< empty where the points were opened together
};

/// The results before anything was opened: what is not known yet is null.
[[nodiscard]] Json results_json(const claim::Commitment& commitment, const Directories& directories,
                                double setup_seconds, double commit_seconds);

/// The results that are in the directory, or new ones where there are none. Errors: kMalformed, those of the
/// reader.
[[nodiscard]] Result<Json> read_results(const Directories& directories, const claim::Commitment& commitment);

/// Fills in verification summary, point results and times. `captured` is what was compared with, or null.
void add_openings(Json& results, const claim::Commitment& commitment, const claim::Proofs& proofs,
                  const claim::Verification& found, const OpeningTimes& times,
                  const claim::Captured* captured);

/// Whether each value was the captured one: true, false, or null where there was nothing to compare with.
[[nodiscard]] Json all_matched(const claim::Verification& found);

/// Writes commitment.assay, commitment.txt and the results. Errors: kIo.
[[nodiscard]] Status write_commitment(const Directories& directories, const claim::Commitment& commitment,
                                      const Json& results);

/// Writes proofs.assay, proofs.json and the results. Errors: kIo.
[[nodiscard]] Status write_openings(const Directories& directories, const claim::Commitment& commitment,
                                    const claim::Proofs& proofs, const Json& results);

// ---- What the original pipeline opens

/// The points that it takes first: the origin, the last corner, the centre and, of two axes or more, the
/// point with all coordinates 1. Each once, and those that the axes have.
[[nodiscard]] std::vector<claim::Query> fixed_points(const Axes& axes);

/// fixed_points(), then real values as claim::Challenge::from_seed draws them: `count` distinct points, or
/// fewer where there are not so many. Errors: those of from_seed.
[[nodiscard]] Result<std::vector<claim::Query>> points_of_seed(const claim::Commitment& commitment,
                                                               std::uint64_t count, std::uint64_t seed);

struct OpenedPoints {
  claim::Proofs proofs;
  claim::Verification found;  ///< of all, compared with the hypercube where there is one
  OpeningTimes times;
};

/// Evaluates, opens and verifies point after point, each for itself, and then all together. The tensor is the
/// one that was committed to. Errors: those of claim::prove and of pst::evaluate.
[[nodiscard]] Result<OpenedPoints> open_one_by_one(const pst::Srs& srs, const claim::Commitment& commitment,
                                                   const PolynomialTensor& tensor,
                                                   std::span<const claim::Query> points,
                                                   const claim::Captured* captured);

}  // namespace assay::pipeline
