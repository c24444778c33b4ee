// Reading what a recorder left.
#include <fmt/format.h>

#include <algorithm>

#include "assay/audit_recorder.h"
#include "audit/run_writer.h"
#include "base/check.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"
#include "base/within.h"

namespace assay::audit {

Result<RunFolder> RunFolder::open(const std::filesystem::path& path) {
  RunFolder folder;
  folder.path_ = path;
  folder.head_ = ASSAY_TRY(SignedHead::read(path / kHeadName)).head();

  const MappedFile steps = ASSAY_TRY(MappedFile::open(path / kStepsName));
  const std::string place = (path / kStepsName).string();
  WireReader reader(steps.bytes(), place);
  ASSAY_TRY(reader.begin(internal::kStepsTag, internal::kStepsVersion));
  while (reader.remaining() > 0) {
    const std::uint32_t size = ASSAY_TRY(reader.u32("size of a step"));
    const ByteSpan value = ASSAY_TRY(reader.raw(size, "step"));
    const Step step = ASSAY_TRY(Step::decode(value, place));
    if (step.index != folder.steps_.size())
      return reader.error(ErrorCode::kMalformed, "step",
                          fmt::format("step {} stands as number {}", step.index, folder.steps_.size()));
    folder.first_offset_.push_back(folder.offsets_.size());
    const std::uint64_t rows = step.row_count();
    if (rows > reader.remaining() / sizeof(std::uint64_t))
      return reader.error(ErrorCode::kMalformed, "offsets", "the file ends before them");
    for (std::uint64_t i = 0; i < rows; ++i) folder.offsets_.push_back(ASSAY_TRY(reader.u64("offset")));
    folder.steps_.push_back(step);
  }
  if (folder.steps_.size() != folder.head_.steps)
    return Error{ErrorCode::kMismatch, place,
                 fmt::format("{} steps, the head has {}", folder.steps_.size(), folder.head_.steps)};
  const auto rows = std::make_shared<const MappedFile>(ASSAY_TRY(MappedFile::open(path / kRowsName)));
  folder.rows_ = rows->bytes();
  folder.owner_ = rows;
  return folder;
}

Result<Bytes> RunFolder::row(std::uint64_t step, std::uint64_t leaf) const {
  ASSAY_CHECK_LT(step, steps_.size());
  ASSAY_CHECK_LT(leaf, steps_[step].row_count());
  const std::uint64_t offset = offsets_[first_offset_[step] + leaf];
  const std::string place = (path_ / kRowsName).string();
  if (offset == internal::RunWriter::kNowhere) {
    std::uint32_t wire = 0;
    while (leaf >= steps_[step].rows[wire]) leaf -= steps_[step].rows[wire++];
    const std::uint64_t first = steps_[step].last_position + 1 - steps_[step].rows[wire];
    if (wire >= head_.wires.size())
      return Error{ErrorCode::kMismatch, place, "the steps have other wires than the head"};
    const auto bytes = internal::dropped_row(head_.wires[wire].wire, first + leaf);
    return Bytes(bytes.begin(), bytes.end());
  }
  const auto cut = [&] {
    return Error{ErrorCode::kMalformed, fmt::format("{}: row at byte {}", place, offset),
                 "the file ends before it"};
  };
  if (offset > rows_.size() || rows_.size() - offset < RowHeader::kBytes) return cut();
  const ByteSpan from = rows_.subspan(offset);
  const RowHeader header = ASSAY_TRY(RowHeader::read(from.first<RowHeader::kBytes>(), place));
  if (from.size() - RowHeader::kBytes < header.row_bytes) return cut();
  const ByteSpan row = from.first(RowHeader::kBytes + header.row_bytes);
  return Bytes(row.begin(), row.end());
}

}  // namespace assay::audit
