#include "base/kinds.h"

#include <array>

#include "base/dsse.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/try.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

// Of a secret key what its public key says, and nothing else.
Result<Json> read_secret_key(const fs::path& path) {
  const SigningKey key = ASSAY_TRY(read_signing_key(path));
  return Json{{"algorithm", "Ed25519"}, {"key_id", to_hex(key_id_of(key.public_key()))}};
}

Result<Json> read_key(const fs::path& path) {
  const PublicKey key = ASSAY_TRY(read_public_key(path));
  return Json{{"algorithm", "Ed25519"}, {"key_id", to_hex(key_id_of(key))}};
}

// Of a type that no room has: what is signed is for others to read.
Result<Json> read_envelope(const fs::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, Envelope::kMaxBytes));
  const Envelope envelope =
      ASSAY_TRY(Envelope::decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string()));
  return Json{{"payload_type", envelope.payload_type},
              {"payload_bytes", envelope.payload.size()},
              {"key_id", to_hex(envelope.key_id)}};
}

constexpr std::array kKinds = {
    FileKind{FileKind::Mark::kBytes, "-----BEGIN PRIVATE KEY-----", "secret signing key", read_secret_key},
    FileKind{FileKind::Mark::kBytes, "-----BEGIN PUBLIC KEY-----", "public key", read_key},
    FileKind{FileKind::Mark::kFields, "payloadType payload signatures", "signed statement", read_envelope},
};

}  // namespace

std::span<const FileKind> base_file_kinds() { return kKinds; }

}  // namespace assay
