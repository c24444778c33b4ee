// SHA-256 in pieces; with the processor's SHA instructions where it has them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "assay/base.h"

namespace assay {

class Sha256 {
 public:
  Sha256();
  Sha256& update(ByteSpan bytes);
  Sha256& update(std::string_view text);
  Sha256& update_u32(std::uint32_t value);  ///< little-endian
  Sha256& update_u64(std::uint64_t value);  ///< little-endian

  /// The digest of everything so far; the object may go on being updated.
  [[nodiscard]] Digest digest() const;

 private:
  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, 64> pending_{};
  std::uint64_t length_ = 0;
};

/// Names of the block functions that this processor has ("portable", "sha-ni"), the one in use, and the
/// choice of one. The start value is the last, or "portable" where the environment's ASSAY_KERNEL says so.
[[nodiscard]] std::vector<std::string_view> sha256_kernels();
[[nodiscard]] std::string_view sha256_kernel();
void force_sha256_kernel(std::string_view name);

}  // namespace assay
