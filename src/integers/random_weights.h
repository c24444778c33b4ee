// Weights of 128 random bits, for checks that are random linear combinations.
#pragma once

#include "assay/base.h"
#include "assay/integers.h"
#include "assay/world.h"
#include "base/random.h"

namespace assay {

/// A source of weights, keyed by the verifier's randomness.
class RandomWeights {
 public:
  static Result<RandomWeights> create(const World& world);

  /// Uniform in [0, 2^128).
  Scalar next() {
    const std::uint64_t low = stream_.next_u64();
    return {{low, stream_.next_u64(), 0, 0}};
  }

 private:
  explicit RandomWeights(const Digest& key) : stream_(key) {}
  ChaCha20Stream stream_;
};

}  // namespace assay
