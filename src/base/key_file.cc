#include "base/key_file.h"

#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/try.h"

namespace assay {
namespace {

constexpr std::size_t kMaxFile = 4096;

/// The DER of a key is this prefix and the 32 bytes: RFC 8410, sections 4 and 7, spelled out in DER.
struct Kind {
  std::string_view label;
  std::string_view what;
  std::array<std::uint8_t, 16> prefix;
  std::size_t prefix_size;
};
// SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING (32 bytes) } }
constexpr Kind kSecret{
    "PRIVATE KEY",
    "secret",
    {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20},
    16};
// SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING (0 unused bits, 32 bytes) }
constexpr Kind kPublic{
    "PUBLIC KEY", "public", {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, 12};

std::string to_pem(const Kind& kind, ByteSpan key) {
  Bytes der(kind.prefix.begin(), kind.prefix.begin() + static_cast<std::ptrdiff_t>(kind.prefix_size));
  der.insert(der.end(), key.begin(), key.end());
  std::string base64 = to_base64(der);
  std::string text = fmt::format("-----BEGIN {0}-----\n{1}\n-----END {0}-----\n", kind.label, base64);
  sodium_memzero(der.data(), der.size());
  sodium_memzero(base64.data(), base64.size());
  return text;
}

Result<std::array<std::uint8_t, 32>> from_pem(const Kind& kind, std::string_view text,
                                              std::string_view place) {
  const auto refused = [&](ErrorCode code, std::string reason) {
    return Error{code, std::string(place), std::move(reason)};
  };
  const std::string begin = fmt::format("-----BEGIN {}-----", kind.label);
  const std::string end = fmt::format("-----END {}-----", kind.label);
  if (!text.starts_with(begin))
    return refused(ErrorCode::kMalformed, fmt::format("it does not begin with '{}'", begin));
  const std::size_t last = text.find(end);
  if (last == std::string_view::npos)
    return refused(ErrorCode::kMalformed, fmt::format("it does not end with '{}'", end));
  std::string body(text.substr(begin.size(), last - begin.size()));
  std::erase(body, '\n');
  Bytes der = ASSAY_TRY(from_base64(body, place));
  std::array<std::uint8_t, 32> key;
  const bool fits =
      der.size() == kind.prefix_size + key.size() &&
      std::equal(kind.prefix.begin(), kind.prefix.begin() + static_cast<std::ptrdiff_t>(kind.prefix_size),
                 der.begin());
  if (fits) std::copy(der.end() - 32, der.end(), key.begin());
  sodium_memzero(body.data(), body.size());
  sodium_memzero(der.data(), der.size());
  if (!fits)
    return refused(ErrorCode::kMalformed, fmt::format("it holds no {} key of Ed25519 (RFC 8410)", kind.what));
  if (to_pem(kind, key) != text)
    return refused(ErrorCode::kNonCanonical, "it is laid out otherwise than this program writes it");
  return key;
}

Result<std::string> read_text(const std::filesystem::path& path) {
  Bytes bytes = ASSAY_TRY(read_file(path, kMaxFile));
  std::string text(bytes.begin(), bytes.end());
  sodium_memzero(bytes.data(), bytes.size());
  return text;
}

}  // namespace

Digest key_id_of(const PublicKey& key) { return sha256(key); }

std::string encode_signing_key(const SigningKey& key) {
  std::array<std::uint8_t, 32> seed = key.seed();
  std::string text = to_pem(kSecret, seed);
  sodium_memzero(seed.data(), seed.size());
  return text;
}

Result<SigningKey> decode_signing_key(std::string_view text, std::string_view place) {
  std::array<std::uint8_t, 32> seed = ASSAY_TRY(from_pem(kSecret, text, place));
  SigningKey key = SigningKey::from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

std::string encode_public_key(const PublicKey& key) { return to_pem(kPublic, key); }

Result<PublicKey> decode_public_key(std::string_view text, std::string_view place) {
  return from_pem(kPublic, text, place);
}

Status check_private(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_error(path, "cannot read");
  if ((status.st_mode & 077) == 0) return {};
  return Error{
      ErrorCode::kMismatch, path.string(),
      fmt::format("it is secret, and its mode {:03o} lets others at it: chmod 600", status.st_mode & 0777)};
}

Result<SigningKey> read_signing_key(const std::filesystem::path& path) {
  ASSAY_TRY(check_private(path));
  std::string text = ASSAY_TRY(read_text(path));
  Result<SigningKey> key = decode_signing_key(text, path.string());
  sodium_memzero(text.data(), text.size());
  return key;
}

Result<PublicKey> read_public_key(const std::filesystem::path& path) {
  return decode_public_key(ASSAY_TRY(read_text(path)), path.string());
}

}  // namespace assay
