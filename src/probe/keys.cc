#include "probe/keys.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>

#include "assay/probe_statement.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/try.h"

namespace assay::probe {
namespace {

constexpr std::size_t kRawKey = 32;
constexpr std::size_t kMaxFile = 4096;

// A raw key may begin with '-' too; PEM of 32 bytes does not exist.
bool is_pem(ByteSpan bytes) { return bytes.size() > kRawKey && bytes[0] == '-'; }

Error other_length(const std::filesystem::path& path, std::size_t size) {
  return {ErrorCode::kMalformed, path.string(),
          fmt::format("{} bytes: a key is PEM, or {} raw bytes", size, kRawKey)};
}

}  // namespace

Result<SigningKey> internal::read_secret_key(const std::filesystem::path& path) {
  ASSAY_TRY(check_private(path));
  Bytes bytes = ASSAY_TRY(read_file(path, kMaxFile));
  const bool raw = bytes.size() == kRawKey;
  std::array<std::uint8_t, kRawKey> seed{};
  if (raw) std::ranges::copy(bytes, seed.begin());
  const bool pem = is_pem(bytes);
  const std::size_t size = bytes.size();
  sodium_memzero(bytes.data(), bytes.size());
  if (pem) return read_signing_key(path);
  if (!raw) return other_length(path, size);
  SigningKey key = SigningKey::from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

Result<std::array<std::uint8_t, 32>> read_public_key(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxFile));
  if (is_pem(bytes)) return assay::read_public_key(path);
  if (bytes.size() != kRawKey) return other_length(path, bytes.size());
  PublicKey key{};
  std::ranges::copy(bytes, key.begin());
  return key;
}

}  // namespace assay::probe
