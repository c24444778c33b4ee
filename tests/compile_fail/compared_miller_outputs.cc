// Two Miller loops may differ for one pairing value: comparing them must not compile.
#include "assay/curve.h"

bool same(const assay::curve::MillerOutput& a, const assay::curve::MillerOutput& b) {
#ifdef MUST_FAIL
  return a == b;
#else
  return assay::curve::final_exponentiation(a) == assay::curve::final_exponentiation(b);
#endif
}
