#include <algorithm>
#include <string_view>

#include "assay/audit_packet.h"
#include "base/check.h"
#include "base/try.h"

namespace assay::audit {
namespace {

// What our own packets begin with, in as many bytes as the bare header has. Read as one, it would announce
// 1.6 thousand million rows, which are more than is taken.
constexpr std::string_view kOurs = "assay/audit/";
static_assert(kOurs.size() == BareHeader::kBytes);

// Memory is taken as bytes come: a header alone, which costs nobody anything, takes none.
constexpr std::uint64_t kPiece = std::uint64_t{1} << 20;

bool is_ours(ByteSpan bytes) {
  return std::ranges::equal(bytes, kOurs, {}, {}, [](char c) { return static_cast<std::uint8_t>(c); });
}

}  // namespace

void PacketReader::next() {
  head_.clear();
  bare_payload_.clear();
  bare_.reset();
  packet_.reset();
  expect(Stage::kStart, BareHeader::kBytes);
}

void PacketReader::expect(Stage stage, std::uint64_t bytes) {
  stage_ = stage;
  wanted_ = bytes;
  if (stage == Stage::kStart || stage == Stage::kPayload) count_ = 0;
}

Bytes& PacketReader::buffer() {
  if (stage_ != Stage::kPayload) return head_;
  return packet_ ? packet_->payload : bare_payload_;
}

std::span<std::uint8_t> PacketReader::space() {
  if (stage_ == Stage::kWhole) return {};
  Bytes& bytes = buffer();
  // Nobody looks at the values behind a bare header: one piece of memory serves for all of them.
  const std::uint64_t kept = stage_ == Stage::kPayload && bare_ ? 0 : count_;
  const std::uint64_t more = std::min(wanted_ - count_, kPiece);
  bytes.resize(kept + more);
  return std::span(bytes).subspan(kept, more);
}

Status PacketReader::filled(std::size_t count) {
  ASSAY_CHECK_LE(count, wanted_ - count_);
  count_ += count;
  // A header may be followed by no values at all.
  while (stage_ != Stage::kWhole && count_ == wanted_) ASSAY_TRY(advance());
  return {};
}

std::uint64_t PacketReader::payload_bytes() const {
  return stage_ == Stage::kPayload || stage_ == Stage::kWhole ? count_ : 0;
}

Status PacketReader::advance() {
  switch (stage_) {
    case Stage::kStart:
      if (is_ours(head_)) {
        expect(Stage::kPrefix, PacketHeader::kPrefixBytes);
        return {};
      }
      bare_ = ASSAY_TRY(BareHeader::decode(head_, place_));
      expect(Stage::kPayload, bare_->payload_bytes());
      return {};
    case Stage::kPrefix:
      expect(Stage::kHeader, ASSAY_TRY(PacketHeader::size_of(head_, place_)));
      return {};
    case Stage::kHeader:
      packet_ = Packet{ASSAY_TRY(PacketHeader::decode(head_, place_)), {}};
      expect(Stage::kPayload, packet_->header.payload_bytes());
      return {};
    default:
      stage_ = Stage::kWhole;
      return {};
  }
}

}  // namespace assay::audit
