#include "base/signature.h"

#include <sodium.h>

#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "base/try.h"

namespace assay {

Result<SigningKey> SigningKey::generate() {
  std::array<std::uint8_t, 32> seed;
  ASSAY_TRY(fill_random(seed));
  SigningKey key = from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

SigningKey SigningKey::from_seed(const std::array<std::uint8_t, 32>& seed) {
  SigningKey key;
  ASSAY_CHECK_EQ(crypto_sign_ed25519_seed_keypair(key.public_key_.data(), key.secret_.data(), seed.data()),
                 0);
  return key;
}

SigningKey::SigningKey(SigningKey&& other) noexcept : public_key_(other.public_key_), secret_(other.secret_) {
  sodium_memzero(other.secret_.data(), other.secret_.size());
}

SigningKey& SigningKey::operator=(SigningKey&& other) noexcept {
  if (this != &other) {
    public_key_ = other.public_key_;
    secret_ = other.secret_;
    sodium_memzero(other.secret_.data(), other.secret_.size());
  }
  return *this;
}

SigningKey::~SigningKey() { sodium_memzero(secret_.data(), secret_.size()); }

std::array<std::uint8_t, 32> SigningKey::seed() const {
  std::array<std::uint8_t, 32> seed;
  ASSAY_CHECK_EQ(crypto_sign_ed25519_sk_to_seed(seed.data(), secret_.data()), 0);
  return seed;
}

Signature SigningKey::sign(ByteSpan message) const {
  Signature signature;
  ASSAY_CHECK_EQ(
      crypto_sign_ed25519_detached(signature.data(), nullptr, message.data(), message.size(), secret_.data()),
      0);
  return signature;
}

bool verify_signature(const PublicKey& key, ByteSpan message, const Signature& signature) {
  return crypto_sign_ed25519_verify_detached(signature.data(), message.data(), message.size(), key.data()) ==
         0;
}

}  // namespace assay
