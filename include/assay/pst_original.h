// The setup of the original pipeline (docs/pipeline.md), of which everybody knows the secrets.
#pragma once

#include <filesystem>
#include <vector>

#include "assay/pst.h"

namespace assay::pst {

/// The first secrets t_0, t_1, .. that ark_std::test_rng gives, the same in every program and for all axes: a
/// ChaCha12 stream under a fixed key, four 64-bit words each, the Montgomery form of an element of Fr.
[[nodiscard]] std::vector<Fr> original_secrets(std::size_t count);

/// The SRS of these secrets, in memory and straight into a file. The label is kDev. Errors: as Srs::dev and
/// Srs::write_dev.
[[nodiscard]] Result<Srs> original_srs(const Axes& axes);
[[nodiscard]] Status write_original_srs(const Axes& axes, const std::filesystem::path& path);

/// Whether the key's first secret is t_0, as in every such setup. One known secret is enough to cheat.
[[nodiscard]] bool has_original_secret(const VerifierKey& key);

/// Whether the statement holds under these secrets; no SRS is made. Steps: those of Verifier::check.
[[nodiscard]] Verdict check_under_original_setup(const Axes& axes, const Statement& statement);

}  // namespace assay::pst
