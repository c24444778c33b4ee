// Openings as the verbs make them: the points that the flags ask for, proofs, and a check of one's own
// proofs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assay/claim.h"

namespace assay::cli {

struct PointOptions {
  std::vector<std::string> at;
  std::vector<std::string> entries;
  std::vector<std::string> at_field;
  std::string challenge;
  std::optional<std::uint64_t> random;
  std::optional<std::uint64_t> seed;
};

/// The points in the order of the flags: a challenge alone, or all others, each once. Errors: those of the
/// readers; kMalformed (none asked for, a challenge with others); kOutOfRange, kMismatch (a point that the
/// axes do not have).
[[nodiscard]] Result<std::vector<claim::Point>> points_of(const PointOptions& options,
                                                          const claim::Commitment& commitment);

struct Proven {
  claim::Proofs proofs;
  double prove_seconds = 0;
  double verify_seconds = 0;
};

/// Opens the points and, where `check`, verifies what came out: a proof that does not verify is an error that
/// names its point, for the values are then not the committed ones. `tensor_name` and `srs_name` are for
/// errors. `kept`, where there is one, is taken from and added to.
[[nodiscard]] Result<Proven> prove_points(const pst::Srs& srs, const claim::Commitment& commitment,
                                          const IntegerView& values, const std::vector<claim::Point>& points,
                                          bool check, const std::string& tensor_name,
                                          const std::string& srs_name, pst::KeptQuotients* kept = nullptr);

/// Whether each opening gives the captured value.
[[nodiscard]] std::vector<bool> match_captured(const claim::Commitment& commitment,
                                               const claim::Proofs& proofs, const IntegerView& captured);

}  // namespace assay::cli
