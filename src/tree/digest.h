// Digests of nodes and of byte leaves, as elements of Fr.
#pragma once

#include <span>

#include "assay/tree.h"

namespace assay::tree::internal {

/// RFC 9380's hash_to_field under the tags of one configuration.
class Digests {
 public:
  explicit Digests(const Config& config);

  /// Of the bytes of a leaf (height 0), or of a compressed commitment.
  [[nodiscard]] Fr of(unsigned height, ByteSpan message) const;

  /// Of commitments at one height, 32 bytes each. On the calling thread.
  void of_commitments(unsigned height, ByteSpan commitments, std::span<Fr> out) const;

 private:
  [[nodiscard]] Bytes tag(unsigned height) const;

  Digest domain_;
};

/// What stands for leaves in a node: of a Verkle or Terkle tree.
[[nodiscard]] std::vector<Scalar> child_values(const Digests& digests, const Leaves& leaves);

}  // namespace assay::tree::internal
