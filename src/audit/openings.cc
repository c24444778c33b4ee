#include <fmt/format.h>

#include <algorithm>

#include "assay/audit_challenge.h"
#include "audit/wire_format.h"
#include "base/file.h"
#include "base/threads.h"

namespace assay::audit {
namespace {

constexpr std::string_view kOpeningsTag = "assay/audit/openings/v";
constexpr std::uint32_t kOpeningsVersion = 1;
constexpr std::uint32_t kMaxHashes = std::uint32_t{1} << 24;

Result<Openings::Row> read_row(WireReader& reader, std::string_view place) {
  const std::size_t at = reader.offset();
  const ByteSpan head = ASSAY_TRY(reader.raw(RowHeader::kBytes, "row"));
  Openings::Row row;
  row.header = ASSAY_TRY(
      RowHeader::read(head.first<RowHeader::kBytes>(), fmt::format("{}: row at byte {}", place, at)));
  row.bytes = ASSAY_TRY(reader.raw(row.header.row_bytes, "bytes of a row"));
  return row;
}

Result<Openings::OpenedStep> read_step(WireReader& reader, std::string_view place) {
  Openings::OpenedStep opened;
  const std::uint32_t size = ASSAY_TRY(reader.u32("size of a step"));
  const ByteSpan value = ASSAY_TRY(reader.raw(size, "step"));
  opened.step = ASSAY_TRY(Step::decode(value, place));
  opened.tree = ASSAY_TRY(internal::read_digest(reader, "tree of rows"));
  const std::uint32_t rows = ASSAY_TRY(reader.count(RowHeader::kBytes, kMaxStepRows, "rows"));
  opened.rows.reserve(rows);
  for (std::uint32_t i = 0; i < rows; ++i) {
    const Openings::Row row = ASSAY_TRY(read_row(reader, place));
    if (i > 0) {
      const RowHeader& before = opened.rows.back().header;
      if (std::pair(before.wire, before.position) >= std::pair(row.header.wire, row.header.position))
        return reader.error(ErrorCode::kNonCanonical, "rows", "they do not ascend");
    }
    opened.rows.push_back(row);
  }
  opened.path.hashes = ASSAY_TRY(internal::read_hashes(reader, kMaxHashes, "path of rows"));
  return opened;
}

/// The leaves that a challenge asks of a step, ascending.
std::vector<std::uint64_t> leaves_of(const Step& step, std::span<const Asked> asked) {
  std::vector<std::uint64_t> leaves;
  for (const Asked& one : asked) {
    const std::uint64_t last = *step.leaf_of(one.wire, step.last_position);
    const std::uint64_t first = one.all ? last + 1 - step.rows[one.wire] : last;
    for (std::uint64_t leaf = first; leaf <= last; ++leaf) leaves.push_back(leaf);
  }
  return leaves;
}

/// Writes what is asked of a step: its leaf, the rows, the path.
Status write_step(const RunFolder& folder, const Step& step, std::span<const Asked> asked,
                  WireWriter& writer) {
  std::vector<Digest> hashes(step.row_count());
  std::vector<Bytes> rows(hashes.size());
  for (std::uint64_t leaf = 0; leaf < hashes.size(); ++leaf) {
    rows[leaf] = ASSAY_TRY(folder.row(step.index, leaf));
    hashes[leaf] = merkle::leaf_hash(rows[leaf]);
  }
  const merkle::Tree tree = ASSAY_TRY(merkle::Tree::from_leaf_hashes(2, std::move(hashes)));
  const std::vector<std::uint64_t> leaves = leaves_of(step, asked);
  const Bytes value = step.encode();
  writer.u32(static_cast<std::uint32_t>(value.size())).raw(value).raw(tree.root());
  writer.u32(static_cast<std::uint32_t>(leaves.size()));
  for (const std::uint64_t leaf : leaves) writer.raw(rows[leaf]);
  internal::write_hashes(writer, ASSAY_TRY(tree.prove_many(leaves)).hashes);
  return {};
}

}  // namespace

Bytes Openings::encode() const {
  WireWriter writer;
  writer.begin(kOpeningsTag, kOpeningsVersion).raw(challenge).u32(static_cast<std::uint32_t>(steps.size()));
  for (const OpenedStep& opened : steps) {
    const Bytes value = opened.step.encode();
    writer.u32(static_cast<std::uint32_t>(value.size())).raw(value).raw(opened.tree);
    writer.u32(static_cast<std::uint32_t>(opened.rows.size()));
    for (const Row& row : opened.rows) {
      std::array<std::uint8_t, RowHeader::kBytes> header;
      row.header.write(header);
      writer.raw(header).raw(row.bytes);
    }
    internal::write_hashes(writer, opened.path.hashes);
  }
  writer.raw(tree);
  internal::write_hashes(writer, path.hashes);
  return writer.take();
}

Result<Openings> Openings::decode(ByteSpan bytes, std::string_view place, std::shared_ptr<const void> owner) {
  if (bytes.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", bytes.size(), kMaxBytes)};
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kOpeningsTag, kOpeningsVersion));
  Openings openings;
  openings.owner = std::move(owner);
  openings.challenge = ASSAY_TRY(internal::read_digest(reader, "challenge"));
  // A step takes more than the digests it holds.
  const std::uint32_t count = ASSAY_TRY(reader.count(4 * sizeof(Digest), kMaxSteps, "steps"));
  openings.steps.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    OpenedStep opened = ASSAY_TRY(read_step(reader, place));
    if (i > 0 && opened.step.index <= openings.steps.back().step.index)
      return reader.error(ErrorCode::kNonCanonical, "steps", "they do not ascend");
    openings.steps.push_back(std::move(opened));
  }
  openings.tree = ASSAY_TRY(internal::read_digest(reader, "tree of steps"));
  openings.path.hashes = ASSAY_TRY(internal::read_hashes(reader, kMaxHashes, "path of steps"));
  ASSAY_TRY(reader.finish());
  return openings;
}

Result<Openings> Openings::read(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(ASSAY_TRY(MappedFile::open(path)));
  return decode(file->bytes(), path.string(), file);
}

Status Openings::write(const std::filesystem::path& file) const { return write_file(file, encode()); }

Result<Bytes> open_run(const RunFolder& folder, const Challenge& challenge) {
  const Head& head = folder.head();
  if (challenge.head != head.digest())
    return Error{ErrorCode::kMismatch, "challenge", "it is about another head"};
  if (challenge.steps.back() >= head.steps)
    return Error{ErrorCode::kOutOfRange, "challenge",
                 fmt::format("step {} of a run of {}", challenge.steps.back(), head.steps)};
  std::vector<std::uint64_t> opened;
  std::vector<Digest> values;
  WireWriter steps;
  const std::uint64_t last = challenge.steps.back();
  Progress progress("opening", last + 1);
  for (const Step& step : folder.steps()) {
    values.push_back(merkle::leaf_hash(step.encode()));
    if (step.rows.size() != head.wires.size())
      return Error{ErrorCode::kMismatch, "steps", "they have other wires than the head"};
    const std::vector<Asked> asked = asked_of(challenge, head, step.index);
    if (asked.empty()) continue;
    opened.push_back(step.index);
    ASSAY_TRY(write_step(folder, step, asked, steps));
    progress.advance();
  }
  const merkle::Tree tree = ASSAY_TRY(merkle::Tree::from_leaf_hashes(2, std::move(values)));
  WireWriter writer;
  writer.begin(kOpeningsTag, kOpeningsVersion)
      .raw(challenge.digest())
      .u32(static_cast<std::uint32_t>(opened.size()));
  writer.raw(steps.bytes()).raw(tree.root());
  internal::write_hashes(writer, ASSAY_TRY(tree.prove_many(opened)).hashes);
  return writer.take();
}

}  // namespace assay::audit
