#include <fmt/format.h>

#include <algorithm>

#include "assay/audit_log.h"
#include "audit/wire_format.h"

namespace assay::audit {
namespace {

constexpr std::string_view kTag = "assay/audit/head/v";
constexpr std::uint32_t kVersion = 1;

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Bytes Head::encode() const {
  WireWriter writer;
  writer.begin(kTag, kVersion).raw(run).raw(request).raw(nonce).raw(manifest).text(engine);
  internal::write_wires(writer, wires);
  writer.u64(steps).u64(rows).u64(drops).raw(root);
  return writer.take();
}

Result<Head> Head::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kTag, kVersion));
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

}  // namespace assay::audit
