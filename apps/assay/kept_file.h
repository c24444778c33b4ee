// What a prover keeps of a commitment's openings, in a file of its own.
#pragma once

#include <string>

#include "assay/claim.h"

namespace assay::cli {

/// What the file has kept for this commitment; nothing yet where there is no file. Errors: those of the
/// decoder, kMismatch for a file of another commitment.
[[nodiscard]] Result<pst::KeptQuotients> read_kept(const std::string& path,
                                                   const claim::Commitment& commitment);

[[nodiscard]] Status write_kept(const std::string& path, const pst::KeptQuotients& kept,
                                const claim::Commitment& commitment);

}  // namespace assay::cli
