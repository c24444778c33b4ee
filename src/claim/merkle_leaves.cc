#include "claim/merkle_leaves.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "claim/part_runs.h"
#include "claim/query_wire.h"

namespace assay::claim::internal {

MerkleLeaves::MerkleLeaves(const encode::Layout& layout)
    : in_rows_(layout.kind == encode::Layout::Kind::kModel), volume_(layout.axes.volume()) {
  if (in_rows_) {
    const tensor::Shape& shape = layout.layer_map[0].original_shape;
    width_ = shape.back();
    stride_ = layout.axes.volume(2);
    tokens_ = shape[shape.size() - 2];
    capacity_ = layout.axes[1];
    count_ = layout.axes[0] * tokens_;
  } else {
    count_ = (volume_ + kValues - 1) / kValues;
  }
}

std::uint64_t MerkleLeaves::size(std::uint64_t leaf) const {
  return in_rows_ ? width_ : std::min(kValues, volume_ - leaf * kValues);
}

std::uint64_t MerkleLeaves::first(std::uint64_t leaf) const {
  if (!in_rows_) return leaf * kValues;
  return (leaf / tokens_ * capacity_ + leaf % tokens_) * stride_;
}

std::optional<MerkleLeaves::At> MerkleLeaves::of(std::uint64_t index) const {
  if (!in_rows_) return At{index / kValues, index % kValues};
  const std::uint64_t row = index / stride_, token = row % capacity_, offset = index % stride_;
  if (token >= tokens_ || offset >= width_) return std::nullopt;
  return At{row / capacity_ * tokens_ + token, offset};
}

std::vector<OpenedValue> opened_values(const encode::Layout& layout, const MerkleLeaves& leaves,
                                       const Query& query) {
  std::vector<OpenedValue> values;
  std::uint64_t number = 0;
  const auto put = [&](std::uint64_t index) {
    if (const auto at = leaves.of(index)) values.push_back({*at, number});
    ++number;
  };
  if (query.is_on_grid()) {
    put(layout.axes.index_of(query.grid).value());
    return values;
  }
  for (const PartRun& run : runs_of(layout, query.parts))
    for (std::uint64_t i = 0; i < run.count; ++i) put(run.index + i);
  std::ranges::sort(values, {}, &OpenedValue::at);
  return values;
}

std::vector<OpenedLeaf> leaves_of(const std::vector<OpenedValue>& values) {
  std::vector<OpenedLeaf> leaves;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (leaves.empty() || leaves.back().leaf != values[i].at.leaf)
      leaves.push_back({values[i].at.leaf, i, i});
    leaves.back().end = i + 1;
  }
  return leaves;
}

Result<tensor::IntegerArray> read_leaf(WireReader& reader, std::uint64_t count) {
  const std::uint8_t width = ASSAY_TRY(reader.u8("width of a leaf's values"));
  if (width != 1 && width != 2 && width != 4 && width != 8 && width != 32)
    return reader.error(ErrorCode::kOutOfRange, "width of a leaf's values",
                        fmt::format("{} is none of 1, 2, 4, 8 and 32 bytes", width));
  if (count > reader.remaining() / width)
    return reader.error(
        ErrorCode::kMalformed, "leaf",
        fmt::format("{} values of {} bytes, {} bytes are left", count, width, reader.remaining()));
  const ByteSpan bytes = ASSAY_TRY(reader.raw(count * width, "leaf"));
  if (width == 32)
    for (std::size_t i = 0; i < count; ++i)
      if (const Result<Scalar> value = Scalar::from_bytes(bytes.subspan(32 * i, 32), ""); !value)
        return reader.error(value.error().code, "leaf", value.error().reason);
  tensor::IntegerArray values = unpack_values(bytes, width);
  if (const Bytes least = pack_values(values.view()); least[0] != width)
    return reader.error(ErrorCode::kNonCanonical, "leaf",
                        fmt::format("{} bytes a value where {} hold them", width, least[0]));
  return values;
}

}  // namespace assay::claim::internal
