// Public parameters of either scheme that has any, told apart by content.
#include <fmt/format.h>

#include "assay/claim_schemes.h"
#include "base/try.h"

namespace assay::claim {
namespace {

Error needs_parameters(Scheme scheme) {
  return {ErrorCode::kMismatch, "SRS", fmt::format("the scheme {} needs one", to_string(scheme))};
}

}  // namespace

Result<std::unique_ptr<Committer>> read_committer(const std::filesystem::path& srs) {
  if (ASSAY_TRY(kzg::is_kzg_file(srs)))
    return std::unique_ptr<Committer>(std::make_unique<KzgCommitter>(ASSAY_TRY(kzg::Srs::open(srs))));
  return std::unique_ptr<Committer>(std::make_unique<TensorCommitter>(ASSAY_TRY(pst::Srs::open(srs))));
}

Result<std::unique_ptr<Checker>> read_checker(const std::filesystem::path& parameters) {
  if (!ASSAY_TRY(kzg::is_kzg_file(parameters)))
    return std::unique_ptr<Checker>(
        std::make_unique<TensorChecker>(ASSAY_TRY(TensorChecker::read(parameters))));
  if (ASSAY_TRY(kzg::Srs::is_srs(parameters)))
    return std::unique_ptr<Checker>(std::make_unique<KzgChecker>(ASSAY_TRY(kzg::Srs::open(parameters))));
  return std::unique_ptr<Checker>(
      std::make_unique<KzgChecker>(ASSAY_TRY(kzg::VerifierKey::read(parameters))));
}

Result<std::unique_ptr<Committer>> committer_of(Scheme scheme) {
  if (scheme != Scheme::kMerkle) return needs_parameters(scheme);
  return std::unique_ptr<Committer>(std::make_unique<MerkleCommitter>());
}

Result<std::unique_ptr<Checker>> checker_of(Scheme scheme) {
  if (scheme != Scheme::kMerkle) return needs_parameters(scheme);
  return std::unique_ptr<Checker>(std::make_unique<MerkleChecker>());
}

}  // namespace assay::claim
