// A Miller loop's product is not a pairing value: comparing it, or passing it for one, must not compile.
#include "assay/curve.h"

bool product_is_one(std::span<const assay::curve::PairingTerm> terms) {
  const assay::curve::MillerOutput product = assay::curve::multi_miller_loop(terms);
#ifdef MUST_FAIL
  return product.is_one();
#else
  return assay::curve::final_exponentiation(product).is_one();
#endif
}
