// SHA-256: of one string in pieces, and of many strings at once.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

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

/// digests[i] = SHA-256(prefix || messages[i]), for as many digests as messages, on the calling thread. The
/// prefix has fewer than 64 bytes; messages have any lengths. One length is the fast case: strings are hashed
/// side by side, and those that are take as long as the longest. The time depends on the lengths alone.
/// `digests` does not overlap what is hashed.
void sha256_many(ByteSpan prefix, std::span<const ByteSpan> messages, std::span<Digest> digests);

/// The same for messages of `size` bytes that lie one behind the other; `rows` has the bytes of all of them.
void sha256_rows(ByteSpan prefix, ByteSpan rows, std::size_t size, std::span<Digest> digests);

/// Names of the kernels that this processor has ("portable", "avx2", "sha-ni", "avx512"), the one in use, and
/// the choice of one. At first it is the last, or "portable" where the environment's ASSAY_KERNEL says so.
[[nodiscard]] std::vector<std::string_view> sha256_kernels();
[[nodiscard]] std::string_view sha256_kernel();
void force_sha256_kernel(std::string_view name);

}  // namespace assay
