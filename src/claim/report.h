// What is known of headers, places and single openings, as JSON and as lines: the doors and the files of
// results print nothing else of them.
#pragma once

#include <optional>
#include <string>

#include "assay/verifier.h"
#include "base/json.h"

namespace assay::claim {

/// axes, layout, encoding, dtype, capture_mode, counts, scheme, srs_digest.
[[nodiscard]] Json json_of(const Header& header);

[[nodiscard]] Json json_of(const Place& place);

/// A point of the grid as numbers; off the grid as signed decimals; parts as {"axes", "positions"}.
[[nodiscard]] Json json_of(const Query& query);

/// One opening. What is not known is null in JSON, never a match.
struct OpeningReport {
  Query query;
  std::optional<Scalar> value;  ///< none of parts
  std::uint64_t value_count = 1;
  std::optional<std::string> number;  ///< what the value stands for, on the grid
  std::optional<Place> place;
  std::optional<bool> verified;
  std::optional<bool> matched;
};

/// Proof k, read and placed by a header where there is one, with what a verification found of it where there
/// is one.
[[nodiscard]] OpeningReport report_of(const Proofs& proofs, std::size_t k, const Header* header,
                                      const Verification* found);

[[nodiscard]] Json json_of(const OpeningReport& opening);

/// "  0,5,2 = 15247 (0.004364)  layer_3[0, 5, 17]  as captured"; the number where it is not the value itself.
/// "  axes 0 at position 3: 36,864 values".
[[nodiscard]] std::string line_of(const OpeningReport& opening);

}  // namespace assay::claim
