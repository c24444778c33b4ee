#include "tree/record_stream.h"

#include <algorithm>

#include "base/check.h"
#include "base/threads.h"
#include "tree/shape.h"

namespace assay::tree::internal {
namespace {

/// Leaves that are worked on together: what they become is a few megabytes.
constexpr std::uint64_t kLeavesTogether = std::uint64_t{1} << 18;

std::ptrdiff_t at(std::size_t offset) { return static_cast<std::ptrdiff_t>(offset); }

}  // namespace

void write_record(const Records& records, unsigned height, std::uint64_t position, ByteSpan values,
                  const Made& made, std::span<std::uint8_t> out) {
  ASSAY_CHECK_EQ(out.size(), records.record_bytes(height));
  const auto rest = std::ranges::copy(values, out.begin()).out;
  std::fill(rest, out.begin() + at(records.values_bytes(height)), std::uint8_t{0});
  std::copy_n(made.commitment.begin(), records.commitment_bytes(),
              out.begin() + at(records.values_bytes(height)));
  const Digest sum = checksum(height, position, out.first(records.content_bytes(height)));
  std::ranges::copy(sum, out.begin() + at(records.content_bytes(height)));
}

void RecordStream::resume(std::uint64_t count, std::vector<Bytes> open) {
  count_ = count;
  open_ = std::move(open);
}

Status RecordStream::add(ByteSpan values, const Sink& sink) {
  const Records& records = nodes_.records();
  const std::size_t row = records.values_bytes(1);
  if (open_.empty()) open_.emplace_back();
  while (!values.empty()) {
    if (open_[0].empty() && values.size() >= row) {
      const std::uint64_t rows = std::min<std::uint64_t>(
          values.size() / row, std::max<std::uint64_t>(1, kLeavesTogether / records.fan_out()));
      ASSAY_TRY(make_whole(values.first(rows * row), sink));
      values = values.subspan(rows * row);
      continue;
    }
    const std::size_t taken = std::min(values.size(), row - open_[0].size());
    open_[0].insert(open_[0].end(), values.begin(), values.begin() + at(taken));
    values = values.subspan(taken);
    count_ += taken / records.value_bytes(1);
    if (open_[0].size() < row) continue;
    Bytes whole;
    whole.swap(open_[0]);
    count_ -= records.fan_out();
    ASSAY_TRY(make_whole(whole, sink));
  }
  return {};
}

Status RecordStream::make_whole(ByteSpan values, const Sink& sink) {
  const Records& records = nodes_.records();
  const std::uint64_t before = count_;
  const std::uint64_t begin = records.end_of_whole(before);
  count_ += values.size() / records.value_bytes(1);
  Bytes out(records.end_of_whole(count_) - begin);

  Bytes carried;
  for (unsigned height = 1; !values.empty(); ++height) {
    const std::size_t row = records.values_bytes(height);
    const std::uint64_t first = records.whole(height, before);
    std::vector<Made> made(values.size() / row);
    nodes_.make(height, {values.data(), row, records.fan_out()}, made);
    parallel_for(0, made.size(), 64, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i)
        write_record(records, height, first + i, values.subspan(i * row, row), made[i],
                     std::span(out).subspan(records.offset_of_whole(height, first + i) - begin,
                                            records.record_bytes(height)));
    });
    if (!made.empty()) top_ = made.back();
    // The values of these are children one level up, behind those that wait there.
    if (open_.size() <= height) open_.emplace_back();
    Bytes children;
    children.swap(open_[height]);
    for (const Made& each : made) children.insert(children.end(), each.value.begin(), each.value.end());
    const std::size_t parent = records.values_bytes(height + 1);
    const std::size_t used = children.size() / parent * parent;
    open_[height].assign(children.begin() + at(used), children.end());
    children.resize(used);
    carried = std::move(children);
    values = carried;
  }
  return sink(out);
}

Result<Digest> RecordStream::finish(const Sink& sink) {
  const Records& records = nodes_.records();
  const unsigned depth = records.depth(count_);
  open_.resize(depth);
  Made made = top_;
  Bytes below;  // the value of the record that is not whole, one level down
  for (unsigned height = 1; height <= depth; ++height) {
    Bytes values = std::move(open_[height - 1]);
    values.insert(values.end(), below.begin(), below.end());
    below.clear();
    const std::uint64_t whole = records.whole(height, count_);
    if (records.nodes(height, count_) == whole) continue;
    const std::size_t columns = values.size() / records.value_bytes(height);
    nodes_.make(height, {values.data(), values.size(), columns}, {&made, 1});
    Bytes out(records.record_bytes(height));
    write_record(records, height, whole, values, made, out);
    ASSAY_TRY(sink(out));
    below.assign(made.value.begin(), made.value.end());
  }
  return nodes_.root_of(made, count_);
}

}  // namespace assay::tree::internal
