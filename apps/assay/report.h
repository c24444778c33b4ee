// Verdicts, places and headers, for people and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assay/claim.h"
#include "base/verdict_json.h"
#include "console.h"

namespace assay::cli {

/// to_lines(), printable, the outcome in its colour.
[[nodiscard]] std::vector<std::string> lines_of(const Verdict& verdict);

/// What a header says: axes, layout, encoding, dtype, capture_mode, counts, srs_digest.
[[nodiscard]] Json json_of(const claim::Header& header);

[[nodiscard]] Json json_of(const claim::Place& place);

/// A point of the grid as numbers; off the grid as signed decimals.
[[nodiscard]] Json json_of(const claim::Point& point);

/// What is known of one opening. Nothing known is null in JSON, never a match.
struct ProofReport {
  claim::Point point;
  Scalar value;
  std::optional<claim::Place> place;
  std::optional<bool> verified;
  std::optional<bool> matched;
};
[[nodiscard]] Json json_of(const ProofReport& proof);

/// Openings with their places; `verified` is given to all.
[[nodiscard]] std::vector<ProofReport> describe_proofs(const std::vector<claim::Proof>& proofs,
                                                       const encode::Layout* layout,
                                                       std::optional<bool> verified);

/// One line for an opening: place, coordinates, value.
[[nodiscard]] std::string line_of(const ProofReport& proof);

/// "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

/// The second verdict with the notes of the first, which came before it.
[[nodiscard]] Verdict with_notes_of(const Verdict& first, Verdict second);

}  // namespace assay::cli
