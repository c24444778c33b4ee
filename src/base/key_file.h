// Ed25519 keys as files: the secret one as PKCS #8, the public one as SubjectPublicKeyInfo, in PEM (RFC
// 8410), as openssl writes them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "assay/base.h"
#include "base/signature.h"

namespace assay {

/// SHA-256 of the 32 bytes of the public key: what names it.
[[nodiscard]] Digest key_id_of(const PublicKey& key);

[[nodiscard]] std::string encode_signing_key(const SigningKey& key);
/// Errors: kMalformed (no such PEM, of another algorithm, more than one key), kNonCanonical (another line
/// length, no newline at the end).
[[nodiscard]] Result<SigningKey> decode_signing_key(std::string_view text, std::string_view place);

[[nodiscard]] std::string encode_public_key(const PublicKey& key);
/// Errors: as decode_signing_key.
[[nodiscard]] Result<PublicKey> decode_public_key(std::string_view text, std::string_view place);

/// Errors: kIo; kMismatch where others than the file's owner may read it; those of decode_signing_key.
[[nodiscard]] Result<SigningKey> read_signing_key(const std::filesystem::path& path);
[[nodiscard]] Result<PublicKey> read_public_key(const std::filesystem::path& path);

/// Errors: kIo; kMismatch where others than the file's owner may read or write it.
[[nodiscard]] Status check_private(const std::filesystem::path& path);

}  // namespace assay
