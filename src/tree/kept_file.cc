#include "tree/kept_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::tree::internal {
namespace {

constexpr std::string_view kHeaderTag = "assay/tree/kept/v";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kJournalTag = "assay/tree/journal/v1";
constexpr std::size_t kTrailerBytes = 8 + 4 + sizeof(Digest) + kJournalTag.size();

Error malformed(std::string_view place, std::string reason) {
  return {ErrorCode::kMalformed, fmt::format("{}: header", place), std::move(reason)};
}

}  // namespace

Bytes encode_header(const Root& root) {
  const Bytes part = root.encode();
  WireWriter writer;
  writer.begin(kHeaderTag, kVersion).u16(static_cast<std::uint16_t>(part.size())).raw(part);
  Bytes out = writer.take();
  ASSAY_CHECK_LE(out.size(), kHeaderBytes - sizeof(Digest));
  out.resize(kHeaderBytes - sizeof(Digest));
  const Digest sum = sha256(out);
  out.insert(out.end(), sum.begin(), sum.end());
  return out;
}

Result<Root> decode_header(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kHeaderTag, kVersion));
  if (bytes.size() != kHeaderBytes)
    return malformed(place, fmt::format("{} bytes, it has {}", bytes.size(), kHeaderBytes));
  const ByteSpan content = bytes.first(kHeaderBytes - sizeof(Digest));
  if (!std::ranges::equal(sha256(content), bytes.last(sizeof(Digest))))
    return malformed(place, "its checksum is another: the file was damaged; build the tree again");
  const std::uint16_t length = ASSAY_TRY(reader.u16("length"));
  const ByteSpan part = ASSAY_TRY(reader.raw(length, "public part"));
  Root root = ASSAY_TRY(Root::decode(part, place));
  const ByteSpan padding = content.subspan(reader.offset());
  if (std::ranges::any_of(padding, [](std::uint8_t byte) { return byte != 0; }))
    return malformed(place, "the padding is not zero");
  return root;
}

Bytes Journal::encode() const {
  WireWriter writer;
  for (const Patch& patch : patches)
    writer.u64(patch.offset).u32(static_cast<std::uint32_t>(patch.bytes.size())).raw(patch.bytes);
  writer.u64(end).u32(static_cast<std::uint32_t>(patches.size()));
  Bytes out = writer.take();
  const Digest sum = sha256(out);
  out.insert(out.end(), sum.begin(), sum.end());
  out.insert(out.end(), kJournalTag.begin(), kJournalTag.end());
  return out;
}

std::optional<Journal> find_journal(ByteSpan file) {
  if (file.size() < kTrailerBytes || !std::ranges::equal(file.last(kJournalTag.size()), kJournalTag))
    return std::nullopt;
  WireReader trailer(file.last(kTrailerBytes), "journal");
  Journal out;
  const Result<std::uint64_t> end = trailer.u64("end");
  const Result<std::uint32_t> count = trailer.u32("patches");
  if (!end.ok() || !count.ok() || *end > file.size() - kTrailerBytes) return std::nullopt;
  out.end = *end;
  const ByteSpan journal = file.subspan(out.end).first(file.size() - out.end - kJournalTag.size());
  const ByteSpan summed = journal.first(journal.size() - sizeof(Digest));
  if (!std::ranges::equal(sha256(summed), journal.last(sizeof(Digest)))) return std::nullopt;
  WireReader reader(summed.first(summed.size() - 12), "journal");
  for (std::uint32_t i = 0; i < *count; ++i) {
    const Result<std::uint64_t> offset = reader.u64("offset");
    if (!offset.ok()) return std::nullopt;
    const Result<std::uint32_t> length = reader.u32("length");
    if (!length.ok()) return std::nullopt;
    const Result<ByteSpan> bytes = reader.raw(*length, "bytes");
    if (!bytes.ok() || *offset > out.end || *length > out.end - *offset) return std::nullopt;
    out.patches.push_back({*offset, Bytes(bytes->begin(), bytes->end())});
  }
  if (reader.remaining() != 0) return std::nullopt;
  return out;
}

}  // namespace assay::tree::internal
