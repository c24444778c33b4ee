#include "parameters.h"

#include <fmt/format.h>

#include <cstdlib>

#include "arguments.h"
#include "assay/pst_original.h"
#include "base/file.h"
#include "base/try.h"

namespace assay::cli {
namespace {

std::filesystem::path directory_in_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

/// Writes the SRS by `write`, and the verifier's part beside it.
template <class Write>
Result<pst::Srs> make_srs(const std::filesystem::path& out, const Write& write) {
  const std::filesystem::path key_path = verifier_key_beside(out);
  if (key_path == out)
    return Error{ErrorCode::kMalformed, out.string(), "the verifier's part gets this name: end it in .srs"};
  // Made first: where it cannot be written, nothing is.
  AtomicFile key_file = ASSAY_TRY(AtomicFile::create(key_path));
  ASSAY_TRY(write(out));
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(out));
  ASSAY_TRY(key_file.write(srs.verifier_key().encode()));
  ASSAY_TRY(key_file.publish());
  return srs;
}

}  // namespace

std::filesystem::path verifier_key_beside(const std::filesystem::path& srs) {
  return std::filesystem::path(srs).replace_extension(".vk");
}

Result<pst::Srs> make_dev_srs(const Axes& axes, std::uint64_t seed, const std::filesystem::path& out) {
  return make_srs(out, [&](const auto& path) { return pst::Srs::write_dev(axes, seed, path); });
}

Result<pst::Srs> make_original_srs(const Axes& axes, const std::filesystem::path& out) {
  return make_srs(out, [&](const auto& path) { return pst::write_original_srs(axes, path); });
}

std::filesystem::path trust_file() {
  std::filesystem::path named = directory_in_environment("ASSAY_TRUST_FILE");
  if (!named.empty()) return named;
  // A relative one is to be ignored, as the specification of these folders has it: a list that depends on
  // where a command is run would be another list each time.
  std::filesystem::path base = directory_in_environment("XDG_CONFIG_HOME");
  if (!base.is_absolute()) {
    const std::filesystem::path home = directory_in_environment("HOME");
    if (!home.is_absolute()) return {};
    base = home / ".config";
  }
  return base / "assay" / "srs-digests";
}

Result<claim::TrustList> read_trust_list(const std::string& vouched_digest,
                                         const std::optional<Digest>& setup,
                                         const std::filesystem::path& path) {
  claim::TrustList list;
  const std::filesystem::path own = trust_file();
  if (!own.empty()) list = ASSAY_TRY(claim::TrustList::read(own));
  if (vouched_digest.empty()) return list;
  const Digest digest = ASSAY_TRY(parse_digest(vouched_digest, "--srs-digest"));
  if (!setup)
    return Error{ErrorCode::kMismatch, "--srs-digest",
                 "the commitment's scheme has no parameters to vouch for"};
  if (digest != *setup)
    return Error{ErrorCode::kMismatch, path.string(),
                 fmt::format("its digest is {}, not the one given with --srs-digest", to_hex(*setup))};
  ASSAY_TRY(list.add(digest, "given with --srs-digest"));
  return list;
}

Result<std::unique_ptr<claim::Committer>> open_committer(const std::string& scheme, const std::string& srs) {
  const std::optional<claim::Scheme> named = claim::scheme_of(scheme);
  if (!scheme.empty() && !named)
    return Error{ErrorCode::kMalformed, "--scheme",
                 fmt::format("'{}' is none of tensor, kzg and merkle", scheme)};
  if (srs.empty()) {
    Result<std::unique_ptr<claim::Committer>> bare =
        claim::committer_of(named.value_or(claim::Scheme::kTensor));
    if (!bare.ok()) return Error{ErrorCode::kMalformed, "--srs", bare.error().reason};
    return bare;
  }
  std::unique_ptr<claim::Committer> committer = ASSAY_TRY(claim::read_committer(srs));
  if (!named || *named == committer->scheme()) return committer;
  return Error{ErrorCode::kMismatch, srs,
               fmt::format("has parameters of the scheme {}, not of {}",
                           claim::to_string(committer->scheme()), scheme)};
}

Result<std::unique_ptr<claim::Checker>> open_checker(const std::string& srs,
                                                     const std::optional<claim::Scheme>& scheme) {
  if (!srs.empty()) return claim::read_checker(srs);
  Result<std::unique_ptr<claim::Checker>> bare = claim::checker_of(scheme.value_or(claim::Scheme::kTensor));
  if (!bare.ok()) return Error{ErrorCode::kMalformed, "--srs", bare.error().reason};
  return bare;
}

}  // namespace assay::cli
