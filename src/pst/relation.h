// What one opening or slice claims, and sums of such claims.
#pragma once

#include <span>
#include <vector>

#include "assay/pst.h"

namespace assay::pst::internal {

/// e(commitment - rest - value G + sum_i z_i pi_i, [1]_2) = prod_i e(pi_i, [t_i]_2), over the axes that are
/// fixed: all of them and `rest` at infinity for an opening, some of them and `value` zero for a slice.
struct Relation {
  const G1Affine* commitment;
  G1Affine rest;
  Fr value;
  std::vector<Fr> point;
  std::span<const G1Affine> quotients;
  std::size_t fixed_axes;  // that the statement must speak of

  static Relation of(const Statement& statement, const Axes& axes);
  static Relation of(const SliceStatement& statement, const G1Affine& slice);
};

/// Steps: "proof shape", "proof points".
[[nodiscard]] Verdict check_form(const Relation& relation, const Axes& axes);

/// The two sides of relations, each times its weight, summed up.
class RelationSum {
 public:
  explicit RelationSum(std::size_t axis_count) : quotients_(axis_count, G1Affine::infinity()) {}
  void add(std::span<const Relation> relations, std::span<const Scalar> weights);
  /// `prepared` is -[1]_2, then [t_i]_2.
  [[nodiscard]] bool holds(std::span<const curve::PreparedG2> prepared) const;

 private:
  G1Affine left_ = G1Affine::infinity();  // of the pairing with [1]_2
  std::vector<G1Affine> quotients_;       // of those with [t_i]_2
};

}  // namespace assay::pst::internal
