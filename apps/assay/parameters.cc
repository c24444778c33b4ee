#include "parameters.h"

#include <fmt/format.h>

#include <cstdlib>

#include "arguments.h"
#include "base/file.h"
#include "base/try.h"

namespace assay::cli {
namespace {

std::filesystem::path directory_in_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

}  // namespace

std::filesystem::path verifier_key_beside(const std::filesystem::path& srs) {
  return std::filesystem::path(srs).replace_extension(".vk");
}

Result<pst::Srs> make_dev_srs(const Axes& axes, std::uint64_t seed, const std::filesystem::path& out) {
  const std::filesystem::path key_path = verifier_key_beside(out);
  if (key_path == out)
    return Error{ErrorCode::kMalformed, out.string(), "the verifier's part gets this name: end it in .srs"};
  // Made first: where it cannot be written, nothing is.
  AtomicFile key_file = ASSAY_TRY(AtomicFile::create(key_path));
  ASSAY_TRY(pst::Srs::write_dev(axes, seed, out));
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(out));
  ASSAY_TRY(key_file.write(srs.verifier_key().encode()));
  ASSAY_TRY(key_file.publish());
  return srs;
}

std::filesystem::path trust_file() {
  std::filesystem::path named = directory_in_environment("ASSAY_TRUST_FILE");
  if (!named.empty()) return named;
  std::filesystem::path base = directory_in_environment("XDG_CONFIG_HOME");
  if (base.empty()) {
    const std::filesystem::path home = directory_in_environment("HOME");
    if (home.empty()) return {};
    base = home / ".config";
  }
  return base / "assay" / "srs-digests";
}

Result<claim::TrustList> read_trust_list(const std::string& vouched_digest, const pst::VerifierKey& key,
                                         const std::filesystem::path& key_path) {
  claim::TrustList list;
  const std::filesystem::path path = trust_file();
  if (!path.empty()) list = ASSAY_TRY(claim::TrustList::read(path));
  if (vouched_digest.empty()) return list;
  const Digest digest = ASSAY_TRY(parse_digest(vouched_digest, "--srs-digest"));
  if (digest != key.digest())
    return Error{ErrorCode::kMismatch, key_path.string(),
                 fmt::format("its digest is {}, not the one given with --srs-digest", to_hex(key.digest()))};
  ASSAY_TRY(list.add(digest, "given with --srs-digest"));
  return list;
}

}  // namespace assay::cli
