// How a verdict speaks of an SRS.
#include "assay/pst.h"
#include "assay/pst_original.h"

namespace assay::pst {

std::string Verifier::describe_srs(const setup::TrustList& trusted) const {
  if (has_original_secret(key_))
    return "SRS secrets known to all: they are those of the original pipeline's fixed setup, and anybody can "
           "open to anything";
  const setup::TrustList::Entry* const ours = trusted.find(digest_);
  std::string meaning = "whoever made it can open to anything";
  if (key_.trust == Trust::kCeremony) {
    meaning = "sound if one contributor at least forgot their secret";
    if (ours == nullptr) meaning += "; transcript not seen";
  }
  return setup::describe_srs(ours, key_.label(), meaning);
}

}  // namespace assay::pst
