#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "assay/audit_log.h"
#include "audit/wire_format.h"
#include "base/dsse.h"
#include "base/file.h"
#include "base/signature.h"

namespace assay::audit {
namespace {

constexpr std::string_view kHeadTag = "assay/audit/head/v";
constexpr std::uint32_t kHeadVersion = 1;

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Bytes Head::encode() const {
  WireWriter writer;
  writer.begin(kHeadTag, kHeadVersion).raw(run).raw(request).raw(nonce).raw(manifest).text(engine);
  internal::write_wires(writer, wires);
  writer.u64(steps).u64(rows).u64(drops).raw(root);
  return writer.take();
}

Result<Head> Head::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kHeadTag, kHeadVersion));
  Head head;
  head.run = ASSAY_TRY(internal::read_digest(reader, "run"));
  head.request = ASSAY_TRY(internal::read_digest(reader, "request"));
  head.nonce = ASSAY_TRY(internal::read_digest(reader, "nonce"));
  head.manifest = ASSAY_TRY(internal::read_digest(reader, "manifest"));
  head.engine = ASSAY_TRY(reader.text(kMaxEngine, "engine"));
  if (!is_one_line(head.engine)) return reader.error(ErrorCode::kOutOfRange, "engine", "it is not one line");
  head.wires = ASSAY_TRY(internal::read_wires(reader));
  head.steps = ASSAY_TRY(reader.u64("steps"));
  head.rows = ASSAY_TRY(reader.u64("rows"));
  head.drops = ASSAY_TRY(reader.u64("drops"));
  if (head.steps > kMaxSteps)
    return reader.error(ErrorCode::kTooLarge, "steps", fmt::format("more than {}", kMaxSteps));
  if (head.rows > kMaxSteps * kMaxStepRows || head.drops > head.rows)
    return reader.error(ErrorCode::kOutOfRange, "drops", "rows and drops do not belong to steps");
  head.root = ASSAY_TRY(internal::read_digest(reader, "root"));
  ASSAY_TRY(reader.finish());
  return head;
}

Digest Head::digest() const { return sha256(encode()); }

Result<SignedHead> SignedHead::decode(std::string_view envelope, std::string_view place) {
  Envelope statement = ASSAY_TRY(Envelope::decode(envelope, place));
  if (statement.payload_type != Head::kPayloadType)
    return Error{ErrorCode::kMismatch, std::string(place),
                 fmt::format("a statement of type '{}', not the head of an audit", statement.payload_type)};
  SignedHead out;
  out.head_ = ASSAY_TRY(Head::decode(statement.payload, place));
  out.payload_ = std::move(statement.payload);
  out.key_id_ = statement.key_id;
  out.signature_ = statement.signature;
  return out;
}

Result<SignedHead> SignedHead::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, Head::kMaxBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

std::string SignedHead::encode() const {
  return Envelope{std::string(Head::kPayloadType), payload_, key_id_, signature_}.encode();
}

Status SignedHead::write(const std::filesystem::path& path) const {
  const std::string text = encode();
  return write_file(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

bool SignedHead::is_signed_by(const PublicKey& provider) const {
  return verify_signature(provider, dsse_pae(Head::kPayloadType, payload_), signature_);
}

}  // namespace assay::audit
