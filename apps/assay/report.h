// Verdicts, for people in colour, and numbers.
#pragma once

#include <string>
#include <vector>

#include "assay/base.h"
#include "base/verdict_json.h"
#include "claim/report.h"
#include "console.h"

namespace assay::cli {

/// to_lines(), printable, the outcome in its colour.
[[nodiscard]] std::vector<std::string> lines_of(const Verdict& verdict);

/// The openings of a report, made when they are printed: there may be a million of them.
[[nodiscard]] Rows rows_of(const claim::Proofs& proofs, const encode::Layout* layout,
                           const claim::Verification* found);

/// "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace assay::cli
