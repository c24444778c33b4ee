// Leaves as the bytes that records keep of them.
#pragma once

#include "assay/tree.h"
#include "tree/digest.h"

namespace assay::tree::internal {

/// The bytes of leaves that are numbers, in place; of byte leaves their digests, which this holds.
class ValueBytes {
 public:
  /// `leaves` are of the tree's kind, and outlive this.
  ValueBytes(const Config& config, const Digests& digests, const Leaves& leaves);
  [[nodiscard]] ByteSpan bytes() const { return bytes_; }

 private:
  Bytes made_;
  ByteSpan bytes_;
};

}  // namespace assay::tree::internal
