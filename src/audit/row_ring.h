// Memory that is handed out in order and given back in order: what bounds the rows that wait.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/large_array.h"

namespace assay::audit::internal {

/// Hands out its first bytes again as soon as they are free: memory that was never written to costs more than
/// the rows do, for the system clears it first. Not for several threads at once; the memory of a piece may be
/// used by another while it is out.
class RowRing {
 public:
  /// Beyond so many bytes it goes back to the front where a quarter of them is free there.
  static constexpr std::uint64_t kNear = std::uint64_t{4} << 20;

  explicit RowRing(LargeArray<std::uint8_t> memory) : memory_(std::move(memory)) {}

  /// A piece behind the one before, if there is room, else elsewhere. None where there is no room.
  [[nodiscard]] std::optional<std::span<std::uint8_t>> reserve(std::uint64_t bytes) {
    const std::optional<std::uint64_t> place = place_for(bytes);
    if (!place) return std::nullopt;
    if (!taken_.empty() && taken_.back().end == *place)
      taken_.back().end += bytes;
    else
      taken_.push_back({*place, *place + bytes});
    used_ += bytes;
    most_ = std::max(most_, used_);
    return memory_.span().subspan(*place, bytes);
  }

  /// Pieces come back in the order in which they were reserved.
  void release(std::uint64_t bytes) {
    ASSAY_CHECK_LE(bytes, used_);
    used_ -= bytes;
    while (bytes > 0) {
      Part& first = taken_.front();
      const std::uint64_t part = std::min(bytes, first.end - first.begin);
      first.begin += part;
      bytes -= part;
      if (first.begin == first.end) taken_.pop_front();
    }
  }

  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::uint64_t most() const { return most_; }
  [[nodiscard]] std::uint64_t capacity() const { return memory_.size(); }

 private:
  /// Bytes that are out, one piece behind the other.
  struct Part {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  /// Where the next part above `place` begins, or the memory ends.
  [[nodiscard]] std::uint64_t end_of_gap(std::uint64_t place) const {
    std::uint64_t end = memory_.size();
    for (const Part& part : taken_)
      if (part.begin >= place) end = std::min(end, part.begin);
    return end;
  }

  [[nodiscard]] std::optional<std::uint64_t> place_for(std::uint64_t bytes) const {
    if (bytes > memory_.size() - used_) return std::nullopt;
    if (taken_.empty()) return 0;
    const std::uint64_t behind = taken_.back().end;
    if (behind + bytes > kNear && end_of_gap(0) >= std::max(bytes, kNear / 4)) return 0;
    if (end_of_gap(behind) - behind >= bytes) return behind;
    if (end_of_gap(0) >= bytes) return 0;
    for (const Part& part : taken_)
      if (end_of_gap(part.end) - part.end >= bytes) return part.end;
    return std::nullopt;
  }

  LargeArray<std::uint8_t> memory_;
  std::deque<Part> taken_;  // in the order in which they come back
  std::uint64_t used_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace assay::audit::internal
