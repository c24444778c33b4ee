#include "assay/tree.h"
#include "base/try.h"

namespace assay::tree {

Key Key::of(kzg::VerifierKey key) {
  Key out;
  out.digest_ = key.digest();
  out.kzg_ = std::make_shared<const kzg::Verifier>(std::move(key));
  return out;
}

Key Key::of(pst::VerifierKey key) {
  Key out;
  out.digest_ = key.digest();
  out.pst_ = std::make_shared<const pst::Verifier>(std::move(key));
  return out;
}

Result<Key> Key::read(const std::filesystem::path& path) {
  if (ASSAY_TRY(kzg::is_kzg_file(path))) return of(ASSAY_TRY(kzg::VerifierKey::read(path)));
  return of(ASSAY_TRY(pst::VerifierKey::read(path)));
}

std::string Key::assumption(const setup::TrustList* trusted) const {
  const setup::TrustList nothing;
  const setup::TrustList& list = trusted != nullptr ? *trusted : nothing;
  if (kzg_) return kzg_->describe_srs(list);
  if (pst_) return pst_->describe_srs(list);
  return "no setup: nobody can find two texts with one SHA-256";
}

}  // namespace assay::tree
