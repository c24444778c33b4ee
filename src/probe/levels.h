// The verdicts of single levels.
#pragma once

#include "assay/probe_statement.h"
#include "base/dsse.h"

namespace assay::probe::internal {

[[nodiscard]] Verdict check_signature(const Envelope& envelope, const Statement& statement,
                                      const Evidence& evidence);
/// Errors: those of computing the geometry of what the verifier gave.
[[nodiscard]] Result<Verdict> check_bindings(const Statement& statement, const Evidence& evidence);
/// Errors: those of read_rows, of the verifier's own files.
[[nodiscard]] Result<Verdict> check_readings(const Statement& statement, const Evidence& evidence);
[[nodiscard]] Result<Verdict> check_activations(const Statement& statement, const Evidence& evidence);
[[nodiscard]] Result<Verdict> check_statistics(const Statement& statement, const Evidence& evidence);

/// The rows of the file that a statement's rule names, one behind the other; none where the file does not
/// have the layer, or the rule names rows that it does not have.
[[nodiscard]] std::optional<std::vector<float>> rows_read(const Statement& statement,
                                                          const Activations& activations);
/// Of a set with details.
[[nodiscard]] std::vector<Reader> readers_of(const ProbeSet& set);

}  // namespace assay::probe::internal
