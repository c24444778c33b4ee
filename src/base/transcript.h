// The one transcript that every non-interactive challenge is drawn from (Fiat and Shamir 1986).
//
// A running SHA-256 over
//
//   "assay/transcript/v1"
//   LE64(length) || type string
//   for every message:  LE64(label length) || label || LE64(length) || bytes
//   for every draw:     LE64(2^64 - 1) || LE64(label length) || label || LE64(bytes drawn)
//   for every fork:     LE64(2^64 - 2) || LE64(label length) || label
//
// No label is as long as the first numbers of a draw and of a fork say, so neither passes for a message.
// After a draw's line, the state followed by LE64(0), LE64(1), .. hashes to the drawn bytes, 32 at a time.
// They are added before anything else happens, so that no two draws, and no two orders of messages, share a
// state.
#pragma once

#include <string_view>

#include "assay/base.h"
#include "base/sha256.h"

namespace assay {

class Transcript {
 public:
  explicit Transcript(std::string_view type);
  Transcript(const Transcript&) = delete;
  Transcript& operator=(const Transcript&) = delete;
  Transcript(Transcript&&) = default;
  Transcript& operator=(Transcript&&) = default;
  ~Transcript() = default;

  /// A copy, where a protocol branches on purpose.
  [[nodiscard]] Transcript fork(std::string_view label) const;

  void absorb(std::string_view label, ByteSpan bytes);
  void absorb_u64(std::string_view label, std::uint64_t value);

  /// Fills `out` with pseudo-random bytes that depend on everything absorbed so far.
  void draw(std::string_view label, std::span<std::uint8_t> out);

 private:
  Sha256 hash_;
};

}  // namespace assay
