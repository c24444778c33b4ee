#include "base/dsse.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json_fields.h"
#include "base/key_file.h"
#include "base/try.h"

namespace assay {

Bytes dsse_pae(std::string_view payload_type, ByteSpan payload) {
  const std::string head = fmt::format("DSSEv1 {} {} {} ", payload_type.size(), payload_type, payload.size());
  Bytes bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

Envelope Envelope::sign(std::string payload_type, Bytes payload, const SigningKey& key) {
  const Signature signature = key.sign(dsse_pae(payload_type, payload));
  return {std::move(payload_type), std::move(payload), key_id_of(key.public_key()), signature};
}

bool Envelope::is_signed_by(const PublicKey& key) const {
  return verify_signature(key, dsse_pae(payload_type, payload), signature);
}

std::string Envelope::encode() const {
  Json json;
  json["payload"] = to_base64(payload);
  json["payloadType"] = payload_type;
  json["signatures"] = Json::array({{{"keyid", to_hex(key_id)}, {"sig", to_base64(signature)}}});
  return dump_json(json, -1) + "\n";
}

Result<Envelope> Envelope::decode(std::string_view text, std::string_view place) {
  const JsonText json = ASSAY_TRY(JsonText::parse(text, place, kMaxBytes));
  const JsonFields fields = ASSAY_TRY(json.root().fields({"payload", "payloadType", "signatures"}));
  Envelope envelope;
  envelope.payload_type = ASSAY_TRY(fields["payloadType"].ascii(kMaxType));
  envelope.payload = ASSAY_TRY(fields["payload"].base64(kMaxBytes));
  const JsonArray signatures = ASSAY_TRY(fields["signatures"].array(1));
  if (signatures.size() != 1)
    return fields["signatures"].error(ErrorCode::kMalformed, "it is empty, one signature is taken");
  const JsonFields one = ASSAY_TRY(signatures[0].fields({"keyid", "sig"}));
  std::ranges::copy(ASSAY_TRY(one["keyid"].hex(envelope.key_id.size())), envelope.key_id.begin());
  const Bytes signature = ASSAY_TRY(one["sig"].base64(envelope.signature.size()));
  if (signature.size() != envelope.signature.size())
    return one["sig"].error(ErrorCode::kMalformed,
                            fmt::format("{} bytes, a signature has 64", signature.size()));
  std::ranges::copy(signature, envelope.signature.begin());
  if (envelope.encode() != text)
    return Error{ErrorCode::kNonCanonical, std::string(place),
                 "it is laid out otherwise than this program writes it"};
  return envelope;
}

}  // namespace assay
