// A rejection is an answer, not a failure to answer: it does not turn into a Status.
#include "assay/base.h"

assay::Status check(bool readable);
assay::Status check(bool readable) {
  if (!readable) return assay::Error{assay::ErrorCode::kIo, "proof.bin", "cannot be read"};
#ifdef MUST_FAIL
  return assay::Verdict::rejected("pairing", "the sides differ");
#endif
  return {};
}
