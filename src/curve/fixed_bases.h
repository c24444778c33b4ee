// Many sums of multiples of the same few points, by a table of their multiples.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "assay/curve.h"
#include "base/large_array.h"
#include "curve/table_sums.h"

namespace assay::curve {

class FixedBases {
 public:
  /// A sum with more windows than this for each scalar is made faster without a table.
  static constexpr std::size_t kMaxWindows = 64;

  /// A table of at most `max_bytes`; none where that would be too small to help, or a base is infinity.
  static std::optional<FixedBases> make(std::span<const G1Affine> bases, std::size_t max_bytes);

  [[nodiscard]] std::size_t size() const { return bases_.size(); }
  [[nodiscard]] std::size_t bytes() const { return table_.size() * sizeof(G1Affine); }

  /// sum_i scalars[i] bases[base + i].
  struct Sum {
    std::size_t base = 0;
    std::span<const Scalar> scalars;
  };

  /// On all threads where there are many. Variable time. Equal lengths.
  void sum_vartime(std::span<const Sum> sums, std::span<G1Affine> out) const;

  /// out[i] = sum_c value c of row i * bases[c], of rows of `columns` integers of 64 bits, little-endian,
  /// which begin every `stride` bytes: unsigned, or two's complement. On the calling thread. Variable time.
  void sum_rows_vartime(const std::uint8_t* rows, std::size_t columns, std::size_t stride, bool is_signed,
                        std::span<G1Affine> out) const;

 private:
  FixedBases(std::span<const G1Affine> bases, std::vector<Window> windows);
  [[nodiscard]] PointRef multiple(std::size_t base, const Window& window, std::int64_t digit) const;
  void append(std::size_t base, const Scalar& scalar, std::vector<PointRef>& points) const;
  [[nodiscard]] G1Affine offset(std::size_t columns, bool is_signed) const;

  std::vector<G1Affine> bases_;
  std::vector<Window> windows_;
  std::size_t low_windows_ = 0;  // of the first 64 bits
  std::size_t of_base_ = 0;      // multiples of each base
  LargeArray<G1Affine> table_;
};

}  // namespace assay::curve
