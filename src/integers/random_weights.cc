#include "integers/random_weights.h"

#include "base/try.h"

namespace assay {

Result<RandomWeights> RandomWeights::create(const World& world) {
  Digest key;
  ASSAY_TRY(world.fill_random(key));
  return RandomWeights(key);
}

}  // namespace assay
