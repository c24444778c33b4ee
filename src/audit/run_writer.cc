#include "audit/run_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/dsse.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::audit::internal {

std::array<std::uint8_t, RowHeader::kBytes> dropped_row(const Wire& wire, std::uint64_t position) {
  std::array<std::uint8_t, RowHeader::kBytes> bytes;
  RowHeader{wire, RowDtype::kDropped, position, 0}.write(bytes);
  return bytes;
}

/// The leaves of a step, in their order.
struct RunWriter::Leaves {
  std::vector<Digest> hashes;
  std::vector<std::uint64_t> offsets;
};

Result<RunWriter> RunWriter::create(const std::filesystem::path& folder, const RunOptions& options,
                                    const Digest& id) {
  ASSAY_TRY(make_directory(folder));
  AppendFile rows = ASSAY_TRY(AppendFile::open(folder / RunFolder::kRowsName));
  AppendFile steps = ASSAY_TRY(AppendFile::open(folder / RunFolder::kStepsName));
  WireWriter tag;
  tag.begin(kStepsTag, kStepsVersion);
  ASSAY_TRY(steps.append(tag.bytes()));
  RunWriter writer(folder, std::move(rows), std::move(steps), merkle::RootBuilder::create(2).value());
  writer.head_.run = id;
  writer.head_.request = options.request;
  writer.head_.nonce = options.nonce;
  writer.head_.manifest = options.manifest;
  writer.head_.engine = options.engine;
  return writer;
}

Result<std::uint64_t> RunWriter::append_rows(ByteSpan rows) {
  ASSAY_TRY(rows_.append(rows));
  rows_end_ += rows.size();
  return rows_end_ - rows.size();
}

void RunWriter::discard() noexcept {
  discarded_ = true;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RunWriter::add_row(const RowHeader& header, const Digest& leaf, std::uint64_t offset) {
  step_rows_.push_back({header, leaf, offset});
}

void RunWriter::note(std::string problem) {
  if (problem_.empty()) problem_ = std::move(problem);
}

// By wire and position. Of a row that was handed over twice one is kept; two that differ are neither.
void RunWriter::sort_rows() {
  const auto key = [](const Row& row) { return std::pair(row.header.wire, row.header.position); };
  // Most models compute their wires in the order that they have here.
  if (!std::ranges::is_sorted(step_rows_, {}, key)) std::ranges::stable_sort(step_rows_, {}, key);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < step_rows_.size(); ++i) {
    if (kept > 0 && key(step_rows_[kept - 1]) == key(step_rows_[i])) {
      Row& before = step_rows_[kept - 1];
      if (step_rows_[i].offset == kNowhere || before.leaf == step_rows_[i].leaf) continue;
      if (before.offset == kNowhere) {
        before = step_rows_[i];
        continue;
      }
      note(fmt::format("{}: two different rows of position {}", before.header.wire.to_string(),
                       before.header.position));
      before.offset = kNowhere;
      continue;
    }
    step_rows_[kept++] = step_rows_[i];
  }
  step_rows_.resize(kept);
}

// The wires of the first step are those of the run.
void RunWriter::fix_wires() {
  for (const Row& row : step_rows_) {
    if (head_.wires.empty() || head_.wires.back().wire != row.header.wire)
      head_.wires.push_back({row.header.wire, row.header.dtype, row.header.row_bytes});
  }
}

Status RunWriter::add_wire(const WireEntry& entry, std::span<const Row> rows, Step& step, Leaves& leaves) {
  const std::uint64_t first = rows.empty() ? step.last_position : rows.front().header.position;
  const std::uint64_t count = step.last_position + 1 - first;
  if (leaves.hashes.size() + count > kMaxStepRows)
    return Error{ErrorCode::kTooLarge, entry.wire.to_string(), "the step has too many rows"};
  step.rows.push_back(static_cast<std::uint32_t>(count));
  for (std::uint64_t position = first; position <= step.last_position; ++position) {
    const bool there = !rows.empty() && rows.front().header.position == position;
    const Row* row = there ? &rows.front() : nullptr;
    if (there) rows = rows.subspan(1);
    if (row != nullptr && (row->header.dtype != entry.dtype || row->header.row_bytes != entry.row_bytes)) {
      note(fmt::format("{}: a row of {} in {} bytes after others of {} in {}", entry.wire.to_string(),
                       to_string(row->header.dtype), row->header.row_bytes, to_string(entry.dtype),
                       entry.row_bytes));
      row = nullptr;
    }
    if (row == nullptr || row->offset == kNowhere) {
      leaves.hashes.push_back(merkle::leaf_hash(dropped_row(entry.wire, position)));
      leaves.offsets.push_back(kNowhere);
      ++step.drops;
    } else {
      leaves.hashes.push_back(row->leaf);
      leaves.offsets.push_back(row->offset);
    }
  }
  return {};
}

Status RunWriter::finish_step(std::uint32_t token) {
  if (step_rows_.empty()) {
    note("a step without rows");
    return Error{ErrorCode::kOutOfRange, folder_.string(), "a step without rows"};
  }
  sort_rows();
  if (head_.steps == 0) fix_wires();
  Step step;
  step.index = head_.steps;
  step.request = head_.request;
  step.nonce = head_.nonce;
  step.wires = wires_digest(head_.wires);
  step.token = token;
  for (const Row& row : step_rows_) step.last_position = std::max(step.last_position, row.header.position);
  Leaves leaves;
  leaves.hashes.reserve(step_rows_.size());
  leaves.offsets.reserve(step_rows_.size());
  std::span<const Row> rest = step_rows_;
  for (const WireEntry& entry : head_.wires) {
    while (!rest.empty() && rest.front().header.wire < entry.wire) {
      note(fmt::format("{}: a wire that the first step does not have", rest.front().header.wire.to_string()));
      rest = rest.subspan(1);
    }
    std::size_t count = 0;
    while (count < rest.size() && rest[count].header.wire == entry.wire) ++count;
    ASSAY_TRY(add_wire(entry, rest.first(count), step, leaves));
    rest = rest.subspan(count);
  }
  const merkle::Tree tree = ASSAY_TRY(merkle::Tree::from_leaf_hashes(2, std::move(leaves.hashes)));
  step.root = merkle::sized_root(2, tree.leaf_count(), tree.root());
  const Bytes value = step.encode();
  WireWriter record;
  record.u32(static_cast<std::uint32_t>(value.size())).raw(value);
  for (const std::uint64_t offset : leaves.offsets) record.u64(offset);
  ASSAY_TRY(steps_.append(record.bytes()));
  root_.add_leaf(value);
  ++head_.steps;
  head_.rows += tree.leaf_count();
  head_.drops += step.drops;
  step_rows_.clear();
  return {};
}

Result<Head> RunWriter::finish(const SigningKey& key) {
  if (head_.steps == 0) return Error{ErrorCode::kOutOfRange, folder_.string(), "the run has no step"};
  head_.root = merkle::sized_root(2, root_.leaf_count(), root_.root());
  const Envelope envelope = Envelope::sign(std::string(Head::kPayloadType), head_.encode(), key);
  ASSAY_TRY(write_file(folder_ / RunFolder::kHeadName, envelope.encode()));
  return head_;
}

}  // namespace assay::audit::internal
