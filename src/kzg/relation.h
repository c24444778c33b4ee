// The equation that every statement comes down to, and its sums by weights.
#pragma once

#include <span>
#include <vector>

#include "assay/kzg.h"

namespace assay::kzg::internal {

/// e(C - R - yG + s pi, [1]_2) = e(pi, [tau^(2^j)]_2)
struct Relation {
  G1Affine commitment;
  G1Affine rest;  ///< R, infinity where there is none
  Fr value;       ///< y
  G1Affine quotient;
  Fr shift;        ///< s: the point z, or h^k of a block
  unsigned power;  ///< j, below the key's log_size
};

/// Whether all points are on the curve. Step: "proof points".
[[nodiscard]] Verdict check_points(std::span<const G1Affine> points);

/// Both sides of e(left, [1]_2) = prod_j e(quotients_j, [tau^(2^j)]_2).
class RelationSum {
 public:
  explicit RelationSum(unsigned log_size) : quotients_(log_size, G1Affine::infinity()) {}
  RelationSum& operator+=(const RelationSum& other);
  RelationSum& operator-=(const RelationSum& other);
  /// `prepared` has the lines of -[1]_2, then of the powers.
  [[nodiscard]] bool holds(std::span<const curve::PreparedG2> prepared) const;

 private:
  friend class Relations;
  G1Affine left_ = G1Affine::infinity();
  std::vector<G1Affine> quotients_;
};

/// Statements of one or more relations each, every relation times a weight of its own.
class Relations {
 public:
  explicit Relations(unsigned log_size) : log_size_(log_size) {}

  /// One statement. Equal lengths, none of them 0.
  void add(std::span<const Relation> relations, std::span<const Scalar> weights);
  [[nodiscard]] std::size_t size() const { return ends_.size() - 1; }

  /// Of the statements [first, last).
  [[nodiscard]] RelationSum sum(std::size_t first, std::size_t last) const;

 private:
  unsigned log_size_;
  std::vector<Relation> relations_;
  std::vector<Scalar> weights_;
  std::vector<std::size_t> ends_ = {0};
};

/// The one relation, unweighted. `prepared` as RelationSum::holds takes it.
[[nodiscard]] bool holds(const Relation& relation, std::span<const curve::PreparedG2> prepared);

}  // namespace assay::kzg::internal
