#include "claim/vector_places.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "claim/part_runs.h"

namespace assay::claim::internal {
namespace {

/// The least k with 2^k >= n, n >= 1.
unsigned log_of(std::uint64_t n) { return static_cast<unsigned>(std::bit_width(n - 1)); }

/// Appends a block behind the others, and joins the last two as long as they are the halves of a larger one.
void append(std::vector<VectorBlock>& blocks, VectorBlock block) {
  while (!blocks.empty() && block.number % 2 == 1 &&
         blocks.back() == VectorBlock{block.log_size, block.number - 1}) {
    blocks.pop_back();
    block = {block.log_size + 1, block.number / 2};
  }
  blocks.push_back(block);
}

}  // namespace

VectorPlaces::VectorPlaces(const encode::Layout& layout)
    : layout_(layout), axes_(layout.axes), in_rows_(layout.kind == encode::Layout::Kind::kModel) {
  count_ = axes_.volume();
  if (in_rows_) {
    width_ = axes_.volume(2);
    log_width_ = log_of(width_);
    log_tokens_ = log_of(axes_[1]);
    count_ = of(axes_.volume() - 1) + 1;
  }
  log_size_ = std::max(1U, log_of(count_));
}

std::uint64_t VectorPlaces::of(std::uint64_t index) const {
  if (!in_rows_) return index;
  const std::uint64_t row = index / width_;
  const std::uint64_t place = (row / axes_[1] << log_tokens_) + row % axes_[1];
  return (place << log_width_) + index % width_;
}

std::optional<std::uint64_t> VectorPlaces::index_of(std::uint64_t place) const {
  if (place >= count_) return std::nullopt;
  if (!in_rows_) return place;
  const std::uint64_t at = place & ((std::uint64_t{1} << log_width_) - 1), row = place >> log_width_;
  const std::uint64_t token = row & ((std::uint64_t{1} << log_tokens_) - 1);
  if (at >= width_ || token >= axes_[1]) return std::nullopt;
  return ((row >> log_tokens_) * axes_[1] + token) * width_ + at;
}

tensor::IntegerArray VectorPlaces::fill(const IntegerView& values) const {
  return values.visit([&](auto typed) {
    using T = typename decltype(typed)::value_type;
    if (count_ == values.size()) return tensor::IntegerArray::borrow(IntegerView(typed), nullptr);
    std::vector<T> out(count_);
    for (std::size_t from = 0; from < typed.size(); from += width_) {
      const auto row = typed.subspan(from, width_);
      std::copy(row.begin(), row.end(), out.begin() + static_cast<std::ptrdiff_t>(of(from)));
    }
    return tensor::IntegerArray::own(std::move(out));
  });
}

std::optional<std::vector<VectorBlock>> VectorPlaces::blocks_of(const Selection& parts) const {
  if (parts.fixed.size() == axes_.count()) return std::nullopt;
  std::vector<VectorBlock> blocks;
  // A token over all layers: a row of each.
  if (in_rows_ && parts.fixed == std::vector<std::uint32_t>{1}) {
    for (std::uint64_t layer = 0; layer < axes_[0]; ++layer)
      for (const std::uint32_t token : parts.positions)
        append(blocks, {log_width_, (layer << log_tokens_) + token});
    return blocks;
  }
  const std::size_t leading = parts.fixed.size();
  if (parts.leading() != leading) return std::nullopt;
  const std::uint64_t size = axes_.volume(leading);
  unsigned log_block = log_of(size);
  if (in_rows_ && leading < 3) {
    log_block = leading == 1 ? log_tokens_ + log_width_ : log_width_;
  } else if (!std::has_single_bit(size)) {
    return std::nullopt;
  }
  for (const std::uint32_t position : parts.positions)
    append(blocks, {log_block, of(position * size) >> log_block});
  return blocks;
}

std::vector<std::uint64_t> VectorPlaces::places_of(const Selection& parts) const {
  std::vector<std::uint64_t> places;
  for (const PartRun& run : runs_of(layout_, parts))
    for (std::uint64_t i = 0; i < run.count; ++i) places.push_back(of(run.index + i));
  return places;
}

std::vector<tensor::IntegerArray> VectorPlaces::fill_blocks(const Selection& parts,
                                                            std::span<const VectorBlock> blocks,
                                                            const IntegerView& values) const {
  const std::vector<PartRun> runs = runs_of(layout_, parts);
  return values.visit([&](auto typed) {
    using T = typename decltype(typed)::value_type;
    std::vector<std::vector<T>> filled(blocks.size());
    for (std::size_t b = 0; b < blocks.size(); ++b) filled[b].resize(std::size_t{1} << blocks[b].log_size);
    std::size_t next = 0;
    for (const PartRun& run : runs)
      for (std::uint64_t done = 0; done < run.count;) {
        const std::uint64_t index = run.index + done, place = of(index);
        const auto behind = std::ranges::upper_bound(
            blocks, place, {}, [](const VectorBlock& block) { return block.number << block.log_size; });
        ASSAY_CHECK(behind != blocks.begin(), place);
        const auto b = static_cast<std::size_t>(behind - blocks.begin()) - 1;
        const std::uint64_t at = place - (blocks[b].number << blocks[b].log_size);
        ASSAY_CHECK_LT(at, filled[b].size());
        // Up to the end of the row, or of the block.
        std::uint64_t count = std::min(run.count - done, filled[b].size() - at);
        if (in_rows_) count = std::min(count, width_ - index % width_);
        const auto piece = typed.subspan(next, count);
        std::copy(piece.begin(), piece.end(), filled[b].begin() + static_cast<std::ptrdiff_t>(at));
        next += count;
        done += count;
      }
    std::vector<tensor::IntegerArray> out;
    for (std::vector<T>& block : filled) out.push_back(tensor::IntegerArray::own(std::move(block)));
    return out;
  });
}

}  // namespace assay::claim::internal
