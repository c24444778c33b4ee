#include "pst/random_weights.h"

#include "base/try.h"

namespace assay::pst::internal {

Result<RandomWeights> RandomWeights::create(const World& world) {
  Digest key;
  ASSAY_TRY(world.fill_random(key));
  return RandomWeights(key);
}

}  // namespace assay::pst::internal
