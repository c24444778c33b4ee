// Public parameters as a verb is given them, and the list of those that this verifier has reason to trust.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "assay/claim_schemes.h"

namespace assay::cli {

/// FILE.vk for FILE.srs.
[[nodiscard]] std::filesystem::path verifier_key_beside(const std::filesystem::path& srs);

/// Makes the dev SRS and its verifier's part beside it. Errors: kIo; kMalformed where both would have one
/// name.
[[nodiscard]] Result<pst::Srs> make_dev_srs(const Axes& axes, std::uint64_t seed,
                                            const std::filesystem::path& out);

/// The same with the fixed secrets of the original pipeline, which everybody knows.
[[nodiscard]] Result<pst::Srs> make_original_srs(const Axes& axes, const std::filesystem::path& out);

/// The file of the verifier's own list: $ASSAY_TRUST_FILE, else assay/srs-digests in $XDG_CONFIG_HOME or
/// ~/.config, where these are absolute; empty where the environment names none.
[[nodiscard]] std::filesystem::path trust_file();

/// The list, and the digest that the command line vouches for. `setup` is that of the parameters, where
/// there are any, which lie at `path`. Errors: those of the reader; kMismatch where they have another digest.
[[nodiscard]] Result<claim::TrustList> read_trust_list(const std::string& vouched_digest,
                                                       const std::optional<Digest>& setup,
                                                       const std::filesystem::path& path);

/// Of "--scheme" and "--srs": the prover's side of the scheme that is named, or where none is, of the one
/// that the file is for. Errors: those of the readers; kMalformed (a name that no scheme has; no file, and a
/// scheme that needs one), kMismatch (parameters for another scheme).
[[nodiscard]] Result<std::unique_ptr<claim::Committer>> open_committer(const std::string& scheme,
                                                                       const std::string& srs);

/// The verifier's side for a commitment of this scheme, where one is known: the file decides, and where there
/// is no file a scheme without setup. Errors: those of the readers; kMalformed (no file, and a scheme that
/// needs one).
[[nodiscard]] Result<std::unique_ptr<claim::Checker>> open_checker(
    const std::string& srs, const std::optional<claim::Scheme>& scheme);

}  // namespace assay::cli
