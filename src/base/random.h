// Randomness: the operating system's, and a reproducible stream.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "assay/base.h"

namespace assay {

/// Fills `out` from the operating system. Errors: kIo.
[[nodiscard]] Status fill_random(std::span<std::uint8_t> out);

/// The ChaCha20 key stream (RFC 8439, nonce zero, counter from 0) read as little-endian numbers. It is wiped
/// when it goes: secrets may come from it.
class ChaCha20Stream {
 public:
  explicit ChaCha20Stream(const Digest& key);
  ChaCha20Stream(const ChaCha20Stream&) = default;
  ChaCha20Stream& operator=(const ChaCha20Stream&) = default;
  ~ChaCha20Stream();
  std::uint64_t next_u64();

  /// Uniform in [0, bound), bound > 0: draws below 2^64 - (2^64 mod bound) are taken modulo bound, others are
  /// skipped.
  std::uint64_t below(std::uint64_t bound);

 private:
  void refill();
  Digest key_;
  std::uint32_t block_ = 0;
  std::array<std::uint8_t, 1024> stream_{};  // few are drawn to check a single proof
  std::size_t used_ = stream_.size();
};

}  // namespace assay
