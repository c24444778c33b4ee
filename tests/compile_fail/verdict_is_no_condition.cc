// A verdict has three outcomes: whoever asks it a yes-or-no question says which, with ok() or outcome().
#include "assay/base.h"

bool passes(const assay::Verdict& verdict);
bool passes(const assay::Verdict& verdict) {
#ifdef MUST_FAIL
  if (!verdict) return false;
#endif
  return verdict.ok();
}
