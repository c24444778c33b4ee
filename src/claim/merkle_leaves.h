// What the leaves of the scheme `merkle` are.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "assay/claim.h"
#include "assay/encode.h"
#include "base/wire.h"

namespace assay::claim::internal {

/// Leaves are the real rows of a model layout, layer by layer and token by token, and of any other layout 256
/// values of the tensor in C order, the last one as many as are left. The padding of a model layout stands in
/// no leaf: the header says that it is zeros.
class MerkleLeaves {
 public:
  static constexpr std::uint32_t kArity = 2;
  static constexpr std::uint64_t kValues = 256;  ///< of a leaf without rows

  /// The layout is valid.
  explicit MerkleLeaves(const encode::Layout& layout);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// How many values a leaf has, which stand in the tensor one behind the other from first() on.
  [[nodiscard]] std::uint64_t size(std::uint64_t leaf) const;
  [[nodiscard]] std::uint64_t first(std::uint64_t leaf) const;

  /// The leaf with the value of an index of the axes, and where in it; none of a model layout's padding.
  struct At {
    std::uint64_t leaf, offset;
    friend auto operator<=>(const At&, const At&) = default;
  };
  [[nodiscard]] std::optional<At> of(std::uint64_t index) const;

 private:
  bool in_rows_;
  std::uint64_t volume_, count_;
  std::uint64_t width_ = 0, stride_ = 0;     ///< of a row: its values, and the places that it takes
  std::uint64_t tokens_ = 0, capacity_ = 0;  ///< rows of a layer: the real ones, and all
};

/// A value that is opened, and where it stands.
struct OpenedValue {
  MerkleLeaves::At at;
  std::uint64_t number;  ///< among the values of the answer
};

/// The values that answer a query, leaf by leaf. Those of padding, which stand in no leaf, are left out.
[[nodiscard]] std::vector<OpenedValue> opened_values(const encode::Layout& layout, const MerkleLeaves& leaves,
                                                     const Query& query);

/// One leaf of these, [begin, end) of them.
struct OpenedLeaf {
  std::uint64_t leaf;
  std::size_t begin, end;
};
[[nodiscard]] std::vector<OpenedLeaf> leaves_of(const std::vector<OpenedValue>& values);

/// The bytes of a leaf of `count` values, as pack_values() gives them. Errors: kMalformed (too few bytes),
/// kOutOfRange (width), kNonCanonical.
[[nodiscard]] Result<tensor::IntegerArray> read_leaf(WireReader& reader, std::uint64_t count);

}  // namespace assay::claim::internal
