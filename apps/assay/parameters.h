// Public parameters as a verb is given them, and the list of those that this verifier has reason to trust.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "assay/verifier.h"

namespace assay::cli {

/// FILE.vk for FILE.srs.
[[nodiscard]] std::filesystem::path verifier_key_beside(const std::filesystem::path& srs);

/// Makes the dev SRS and its verifier's part beside it. Errors: kIo; kMalformed where both would have one
/// name.
[[nodiscard]] Result<pst::Srs> make_dev_srs(const Axes& axes, std::uint64_t seed,
                                            const std::filesystem::path& out);

/// The file of the verifier's own list: $ASSAY_TRUST_FILE, else assay/srs-digests in $XDG_CONFIG_HOME or
/// ~/.config; empty where the environment names none.
[[nodiscard]] std::filesystem::path trust_file();

/// The list, and the digest that the command line vouches for. Errors: those of the reader; kMismatch where
/// `key` is not the one with that digest.
[[nodiscard]] Result<claim::TrustList> read_trust_list(const std::string& vouched_digest,
                                                       const pst::VerifierKey& key,
                                                       const std::filesystem::path& key_path);

}  // namespace assay::cli
