// Memory that is handed out in order and given back in order: what bounds the rows that wait.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/large_array.h"

namespace assay::audit::internal {

/// Not for several threads at once; the memory of a piece may be used by another while it is out.
class RowRing {
 public:
  /// A piece of the ring: contiguous bytes, and how much of it they take up.
  struct Piece {
    std::span<std::uint8_t> bytes;
    std::uint64_t taken = 0;
  };

  explicit RowRing(LargeArray<std::uint8_t> memory) : memory_(std::move(memory)) {}

  /// None where there is no room.
  [[nodiscard]] std::optional<Piece> reserve(std::uint64_t bytes) {
    const std::uint64_t capacity = memory_.size();
    const std::uint64_t used = end_ - begin_;
    const std::uint64_t at = capacity == 0 ? 0 : end_ % capacity;
    // What is left behind the last piece stays unused where the next one does not fit in.
    const std::uint64_t skipped = at + bytes > capacity ? capacity - at : 0;
    if (bytes > capacity || skipped + bytes > capacity - used) return std::nullopt;
    end_ += skipped + bytes;
    most_ = std::max(most_, end_ - begin_);
    return Piece{memory_.span().subspan(skipped == 0 ? at : 0, bytes), skipped + bytes};
  }

  /// Pieces come back in the order in which they were reserved.
  void release(std::uint64_t taken) {
    ASSAY_CHECK_LE(taken, used());
    begin_ += taken;
  }

  [[nodiscard]] std::uint64_t used() const { return end_ - begin_; }
  [[nodiscard]] std::uint64_t most() const { return most_; }
  [[nodiscard]] std::uint64_t capacity() const { return memory_.size(); }

 private:
  LargeArray<std::uint8_t> memory_;
  std::uint64_t begin_ = 0;  // both count all bytes since the start
  std::uint64_t end_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace assay::audit::internal
