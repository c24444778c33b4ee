// Signed statements as DSSE envelopes (Dead Simple Signing Envelope, version 1.0.2: secure-systems-lab/dsse),
// of one Ed25519 signature each.
#pragma once

#include <string>
#include <string_view>

#include "assay/base.h"
#include "base/signature.h"

namespace assay {

/// What is signed: "DSSEv1 " || length of the type || " " || type || " " || length of the payload || " " ||
/// payload, lengths in decimal. No two pairs of type and payload share it.
[[nodiscard]] Bytes dsse_pae(std::string_view payload_type, ByteSpan payload);

struct Envelope {
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;  ///< of its text
  static constexpr std::size_t kMaxType = 255;

  std::string payload_type;  ///< printable ASCII
  Bytes payload;
  Digest key_id{};  ///< see key_id_of(): says which key to try, and binds nothing
  Signature signature{};

  [[nodiscard]] static Envelope sign(std::string payload_type, Bytes payload, const SigningKey& key);

  /// Whether `key` signed this payload under this type.
  [[nodiscard]] bool is_signed_by(const PublicKey& key) const;

  /// The one JSON text of these fields, on one line.
  [[nodiscard]] std::string encode() const;
  /// Errors: kMalformed (a field missing, unknown, twice or of another type; not one signature),
  /// kNonCanonical (not the text that encode() gives), kTooLarge.
  [[nodiscard]] static Result<Envelope> decode(std::string_view text, std::string_view place);

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

}  // namespace assay
