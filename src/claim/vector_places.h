// Where the values of a layout stand in the vector of the scheme `kzg`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "assay/encode.h"

namespace assay::claim::internal {

/// An aligned block of a vector: the places from number * 2^log_size on, 2^log_size of them.
struct VectorBlock {
  unsigned log_size;
  std::uint64_t number;
  friend bool operator==(const VectorBlock&, const VectorBlock&) = default;
};

/// Of a model layout the rows and the tokens of a layer are padded to powers of two, so that a row, an
/// aligned run of rows and a layer are aligned blocks. Any other layout stands there in C order.
class VectorPlaces {
 public:
  /// The layout is valid and outlives this.
  explicit VectorPlaces(const encode::Layout& layout);

  /// The vector has 2^log_size() places at least, 2 or more.
  [[nodiscard]] unsigned log_size() const { return log_size_; }
  /// How many places there are up to the last that has a value of the tensor.
  [[nodiscard]] std::uint64_t count() const { return count_; }

  /// The place of a value, by its index in C order of the axes.
  [[nodiscard]] std::uint64_t of(std::uint64_t index) const;

  /// The index of a place, where it has one: behind rows and tokens are places of no value.
  [[nodiscard]] std::optional<std::uint64_t> index_of(std::uint64_t place) const;

  /// The tensor as it stands in the vector, the first count() places; `values` are those of the axes. What
  /// has no gaps is not copied.
  [[nodiscard]] tensor::IntegerArray fill(const IntegerView& values) const;

  /// The blocks that slices are together, ascending, each as large as it can be; none where the slices are no
  /// blocks, or entries. The selection is one of the axes. Blocks they are where they fix leading axes, or of
  /// a model layout the tokens alone, and the rest of a part is a power of two.
  [[nodiscard]] std::optional<std::vector<VectorBlock>> blocks_of(const Selection& parts) const;

  /// Of the values that travel with parts, in their order.
  [[nodiscard]] std::vector<std::uint64_t> places_of(const Selection& parts) const;

  /// Those values as they stand in the blocks of the parts, all other places of these filled with zeros.
  /// `blocks` are blocks_of(parts), and `values` as many as places_of(parts).
  [[nodiscard]] std::vector<tensor::IntegerArray> fill_blocks(const Selection& parts,
                                                              std::span<const VectorBlock> blocks,
                                                              const IntegerView& values) const;

 private:
  const encode::Layout& layout_;
  const Axes& axes_;
  bool in_rows_;
  std::uint64_t width_ = 0;  ///< of a row, in the tensor; 0 without rows
  unsigned log_width_ = 0, log_tokens_ = 0;
  unsigned log_size_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace assay::claim::internal
