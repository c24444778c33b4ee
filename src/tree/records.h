// Where the records of nodes lie, and what they hold: docs/tree.md, "The kept tree".
#pragma once

#include <cstdint>
#include <vector>

#include "assay/tree.h"

namespace assay::tree::internal {

class Records {
 public:
  explicit Records(const Config& config);

  /// Children of a record: W.
  [[nodiscard]] std::uint64_t fan_out() const { return fan_out_; }
  /// Bytes of a child's value.
  [[nodiscard]] std::size_t value_bytes(unsigned height) const { return height == 1 ? leaf_bytes_ : 32; }
  [[nodiscard]] std::size_t values_bytes(unsigned height) const { return fan_out_ * value_bytes(height); }
  /// 32, or 0 of a Merkle tree.
  [[nodiscard]] std::size_t commitment_bytes() const { return commitment_bytes_; }
  /// What the checksum is of.
  [[nodiscard]] std::size_t content_bytes(unsigned height) const {
    return values_bytes(height) + commitment_bytes_;
  }
  [[nodiscard]] std::size_t record_bytes(unsigned height) const { return content_bytes(height) + 32; }

  [[nodiscard]] unsigned depth(std::uint64_t count) const;
  /// Records at a height, of a tree of `count` leaves.
  [[nodiscard]] std::uint64_t nodes(unsigned height, std::uint64_t count) const;
  /// Those of which all leaves are there.
  [[nodiscard]] std::uint64_t whole(unsigned height, std::uint64_t count) const;
  /// Children of the last record of a height that is not whole; 0 where there is none.
  [[nodiscard]] std::uint64_t open_children(unsigned height, std::uint64_t count) const;

  /// Of a whole record, counted from the first record's byte.
  [[nodiscard]] std::uint64_t offset_of_whole(unsigned height, std::uint64_t position) const;
  /// Behind the whole records.
  [[nodiscard]] std::uint64_t end_of_whole(std::uint64_t count) const;
  /// Behind all records.
  [[nodiscard]] std::uint64_t end(std::uint64_t count) const;
  /// Of any record of a tree of `count` leaves.
  [[nodiscard]] std::uint64_t offset(unsigned height, std::uint64_t position, std::uint64_t count) const;

 private:
  std::uint64_t fan_out_;
  std::size_t leaf_bytes_;
  std::size_t commitment_bytes_;
};

/// The checksum of a record's content.
[[nodiscard]] Digest checksum(unsigned height, std::uint64_t position, ByteSpan content);

}  // namespace assay::tree::internal
