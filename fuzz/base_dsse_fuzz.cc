// Envelopes and key files from any bytes: refused, or written as the same text. Input: one byte of choice,
// then the text.
#include "base/check.h"
#include "base/dsse.h"
#include "base/key_file.h"

using namespace assay;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 3 == 0) {
    const Result<Envelope> envelope = Envelope::decode(text, "fuzz");
    if (!envelope.ok()) return 0;
    ASSAY_CHECK_EQ(envelope->encode(), text);
    // Nobody here signs with this key.
    static const PublicKey key = SigningKey::from_seed({7}).public_key();
    ASSAY_CHECK(!envelope->is_signed_by(key));
  } else if (data[0] % 3 == 1) {
    const Result<SigningKey> key = decode_signing_key(text, "fuzz");
    if (key.ok()) ASSAY_CHECK_EQ(encode_signing_key(*key), text);
  } else {
    const Result<PublicKey> key = decode_public_key(text, "fuzz");
    if (key.ok()) ASSAY_CHECK_EQ(encode_public_key(*key), text);
  }
  return 0;
}
