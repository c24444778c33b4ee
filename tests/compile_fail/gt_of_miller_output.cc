// Only the final exponentiation makes a pairing value: the coordinates of a Miller loop must not pass for
// one.
#include "assay/curve.h"

assay::curve::Gt value_of(const assay::curve::MillerOutput& product) {
#ifdef MUST_FAIL
  return assay::curve::Gt(product.coordinates());
#else
  return assay::curve::final_exponentiation(product);
#endif
}
