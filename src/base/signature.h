// Ed25519 signatures (RFC 8032) by libsodium, which refuses non-canonical signatures and points of small
// order.
#pragma once

#include <array>

#include "assay/base.h"

namespace assay {

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// A secret key; its memory is wiped when it goes.
class SigningKey {
 public:
  static Result<SigningKey> generate();
  static SigningKey from_seed(const std::array<std::uint8_t, 32>& seed);
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;
  SigningKey(SigningKey&& other) noexcept;
  SigningKey& operator=(SigningKey&& other) noexcept;
  ~SigningKey();

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] std::array<std::uint8_t, 32> seed() const;
  [[nodiscard]] Signature sign(ByteSpan message) const;

 private:
  SigningKey() = default;
  PublicKey public_key_{};
  std::array<std::uint8_t, 64> secret_{};
};

[[nodiscard]] bool verify_signature(const PublicKey& key, ByteSpan message, const Signature& signature);

}  // namespace assay
