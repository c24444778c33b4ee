// Leaves in, records out, in the order in which they lie.
#pragma once

#include <functional>
#include <vector>

#include "base/try.h"
#include "tree/nodes.h"

namespace assay::tree::internal {

class RecordStream {
 public:
  /// Takes the bytes that come next.
  using Sink = std::function<Status(ByteSpan)>;

  explicit RecordStream(const Nodes& nodes) : nodes_(nodes) {}

  /// Goes on behind `count` leaves of another tree. `open[h - 1]` has the values of the children that the
  /// record of height h that is not whole has: those that are whole themselves.
  void resume(std::uint64_t count, std::vector<Bytes> open);

  [[nodiscard]] std::uint64_t count() const { return count_; }

  /// Values of leaves, one behind the other.
  [[nodiscard]] Status add(ByteSpan values, const Sink& sink);

  /// The records that are not whole; gives the root's 32 bytes.
  [[nodiscard]] Result<Digest> finish(const Sink& sink);

 private:
  [[nodiscard]] Status make_whole(ByteSpan values, const Sink& sink);

  const Nodes& nodes_;
  std::uint64_t count_ = 0;
  std::vector<Bytes> open_;
  Made top_;  // the last whole record of the greatest height
};

/// A record: `values` and zeros up to the fan-out, the commitment, the checksum. `out` is as long as one.
void write_record(const Records& records, unsigned height, std::uint64_t position, ByteSpan values,
                  const Made& made, std::span<std::uint8_t> out);

}  // namespace assay::tree::internal
