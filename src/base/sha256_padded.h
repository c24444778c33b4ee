// The blocks of a string with a prefix in front and its padding behind, for kernels that read whole blocks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/sha256_kernels.h"

namespace assay::internal {

/// prefix || message || padding (FIPS 180-4, section 5.1.1).
class Sha256Padded {
 public:
  Sha256Padded(ByteSpan prefix, ByteSpan message)
      : prefix_(prefix),
        message_(message),
        size_(prefix.size() + message.size()),
        blocks_(sha256_blocks(size_)) {}

  [[nodiscard]] std::size_t blocks() const { return blocks_; }

  /// Block i < blocks(): where it lies in the message, or else in `copy`, which has 64 bytes.
  [[nodiscard]] const std::uint8_t* block(std::size_t i, std::uint8_t* copy) const {
    const std::size_t begin = i * kSha256Block;
    if (begin >= prefix_.size() && begin + kSha256Block <= size_)
      return message_.data() + (begin - prefix_.size());
    std::memset(copy, 0, kSha256Block);
    std::size_t filled = 0;
    if (i == 0) {
      filled = prefix_.size();
      std::copy_n(prefix_.begin(), filled, copy);
    }
    if (begin + filled < size_) {
      const std::size_t taken = std::min(kSha256Block - filled, size_ - begin - filled);
      std::memcpy(copy + filled, message_.data() + (begin + filled - prefix_.size()), taken);
      filled += taken;
    }
    if (filled < kSha256Block && begin + filled == size_) copy[filled] = 0x80;
    if (i + 1 == blocks_) {
      const std::uint64_t bits = std::uint64_t{8} * size_;
      for (std::size_t j = 0; j < 8; ++j)
        copy[kSha256Block - 1 - j] = static_cast<std::uint8_t>(bits >> (8 * j));
    }
    return copy;
  }

 private:
  ByteSpan prefix_;
  ByteSpan message_;
  std::size_t size_;
  std::size_t blocks_;
};

}  // namespace assay::internal
