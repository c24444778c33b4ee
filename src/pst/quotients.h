// Quotient commitments: [q(t)]_1 of q = (r(.., x, ..) - r(.., z, ..)) / (x - z), x one axis of the values r.
//
// The values are `outer` blocks of `nodes` rows, one block where x is the first axis. The points of the basis
// stand in the same order. A column is what lies behind a row's first place in all rows of its block.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "assay/pst.h"
#include "field/to_field.h"
#include "integers/magnitude.h"

namespace assay::pst::internal {

/// How the quotient at a node is reached. All ways give the same point.
enum class QuotientWay {
  kWord64,  ///< denominators cleared, scalars in 64-bit words
  kApart,   ///< the same, but plain differences and an MSM for each node; only the row of z has wider scalars
  kWord128,  ///< denominators cleared, scalars in 128-bit words
  kByNode,   ///< for each node an MSM over plain differences; wide scalars for the row of z alone
  kField,    ///< quotients as field elements, one MSM of wide scalars
};

/// The cheapest way whose words hold every number that occurs, given max |value| of the rows.
[[nodiscard]] QuotientWay choose_way(std::uint32_t nodes, std::uint32_t z, std::uint64_t row_size,
                                     UInt128 largest);

/// One quotient to commit to: at node z of the axis, which has `nodes` nodes.
struct QuotientTask {
  std::span<const G1Affine> level;
  IntegerView rows;
  std::uint32_t nodes = 1, z = 0;
  std::size_t outer = 1;  ///< nodes of the axes before it, all together

  [[nodiscard]] std::size_t columns() const { return level.size() / nodes; }
  [[nodiscard]] std::size_t inner() const { return columns() / outer; }
  /// Where row j of column k lies.
  [[nodiscard]] std::size_t at(std::size_t j, std::size_t k) const {
    if (outer == 1) return j * columns() + k;
    return ((k / inner()) * nodes + j) * inner() + k % inner();
  }
  /// The points of row j, in the order of the columns.
  [[nodiscard]] std::vector<std::span<const G1Affine>> row(std::size_t j) const;
};

/// The work on one quotient, cut into parts that different threads may do in any order.
class QuotientJob {
 public:
  QuotientJob(QuotientWay way, const QuotientTask& task);

  [[nodiscard]] std::size_t parts() const { return sums_.size(); }
  /// Values that a part sums up.
  [[nodiscard]] std::size_t part_size() const;
  /// Errors: kTooLarge (memory).
  [[nodiscard]] Status make(std::size_t part);
  /// When all parts are made.
  [[nodiscard]] G1Affine point() const;

 private:
  [[nodiscard]] bool is_by_rows() const;
  [[nodiscard]] std::size_t width() const { return task_.columns(); }
  [[nodiscard]] Result<G1Affine> sum_of_differences(std::uint32_t j) const;
  [[nodiscard]] Result<G1Affine> sum_of_slopes() const;
  [[nodiscard]] Result<G1Affine> sum_of_field_slopes() const;
  [[nodiscard]] Result<G1Affine> whole() const;

  QuotientWay way_;
  QuotientTask task_;
  std::vector<G1Affine> sums_;  ///< by rows: one for each node, at z that of the slopes
};

/// The quotients of all tasks, by the ways that choose_way() finds for values of at most `largest`. Their
/// parts go through one schedule where that keeps all threads at work. Reports its progress. Errors:
/// kTooLarge (memory).
[[nodiscard]] Result<std::vector<G1Affine>> commit_quotients(std::span<const QuotientTask> tasks,
                                                             UInt128 largest);

/// Replaces the values of r by those of its quotient at any z of Fr; returns the row r(z, ..).
[[nodiscard]] std::vector<Fr> divide_in_place(std::span<Fr> rows, std::uint32_t nodes, const Fr& z);

}  // namespace assay::pst::internal
