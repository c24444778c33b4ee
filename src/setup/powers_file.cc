#include "setup/powers_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <type_traits>

#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"
#include "setup/transcript_file.h"

namespace assay::setup {
namespace internal {
namespace {

// The file is the memory of the points.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(G1Affine) == 64 && std::is_trivially_copyable_v<G1Affine> &&
              kPage % alignof(G1Affine) == 0);

std::size_t page_end(std::size_t offset) { return (offset + kPage - 1) / kPage * kPage; }

}  // namespace

Bytes encode_powers_head(const Ceremony& ceremony) {
  const Bytes transcript = ceremony.encode();
  WireWriter writer;
  writer.begin(kPowersMagic, kVersion).u32(static_cast<std::uint32_t>(transcript.size())).raw(transcript);
  Bytes head = writer.take();
  head.resize(page_end(head.size()));
  return head;
}

Result<PowersHead> parse_powers_file(ByteSpan file, std::string_view place) {
  WireReader reader(file, place);
  ASSAY_TRY(reader.begin(kPowersMagic, kVersion));
  const std::uint32_t size = ASSAY_TRY(reader.u32("transcript length"));
  const ByteSpan transcript = ASSAY_TRY(reader.raw(size, "transcript"));
  const std::size_t end = reader.offset(), offset = page_end(end);
  PowersHead out{ASSAY_TRY(Ceremony::decode(transcript, fmt::format("{}: transcript", place))), offset};
  const std::uint64_t needed = offset + out.ceremony.axes.volume() * sizeof(G1Affine);
  if (file.size() != needed)
    return Error{ErrorCode::kMalformed, std::string(place),
                 fmt::format("{} bytes long, but its axes need {}", file.size(), needed)};
  const ByteSpan padding = file.subspan(end, offset - end);
  const auto bad = std::ranges::find_if(padding, [](std::uint8_t byte) { return byte != 0; });
  if (bad != padding.end())
    return Error{
        ErrorCode::kNonCanonical, std::string(place),
        fmt::format("padding is not zero at byte {}", end + static_cast<std::size_t>(bad - padding.begin()))};
  return out;
}

}  // namespace internal

struct Powers::State {
  Ceremony ceremony;
  MappedFile file;
  std::span<const G1Affine> points;
};

Result<Powers> Powers::open(const std::filesystem::path& path) {
  MappedFile file = ASSAY_TRY(MappedFile::open(path));
  internal::PowersHead head = ASSAY_TRY(internal::parse_powers_file(file.bytes(), path.string()));
  const std::uint8_t* start = file.bytes().data() + head.points_offset;
  const std::span<const G1Affine> points(reinterpret_cast<const G1Affine*>(start),
                                         head.ceremony.axes.volume());
  return Powers(std::make_shared<const State>(State{std::move(head.ceremony), std::move(file), points}));
}

const Ceremony& Powers::ceremony() const { return state_->ceremony; }
std::span<const G1Affine> Powers::points() const { return state_->points; }

Result<Ceremony> Ceremony::read(const std::filesystem::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const std::string_view start(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (start.starts_with(internal::kPowersMagic)) return ASSAY_TRY(Powers::open(path)).ceremony();
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, internal::kTranscriptMagic, internal::kVersion)),
                path.string());
}

}  // namespace assay::setup
