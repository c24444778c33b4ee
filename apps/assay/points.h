// The points that flags ask for.
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
[[nodiscard]] Result<std::vector<claim::Query>> points_of(const PointOptions& options,
                                                          const claim::Commitment& commitment);

}  // namespace assay::cli
