// What openings and parts of a tensor claim, and sums of such claims.
#pragma once

#include <span>
#include <vector>

#include "assay/pst.h"

namespace assay::pst::internal {

/// Steps of all three: "proof shape", "proof points".
[[nodiscard]] Verdict check_form(const Statement& statement, const Axes& axes);
[[nodiscard]] Verdict check_form(const SliceStatement& statement, const Axes& axes);
[[nodiscard]] Verdict check_form(const PartsStatement& statement, const Axes& axes);

/// The commitments to the parts of a statement that has the form, over the basis of the axes that are left.
[[nodiscard]] std::vector<G1Affine> commit_parts(const PartsStatement& statement, const Axes& axes,
                                                 std::span<const G1Affine> basis);

/// Both sides of e(left, [1]_2) = prod_i e(quotients_i, [t_i]_2).
class EquationSum {
 public:
  explicit EquationSum(std::size_t axis_count) : quotients_(axis_count, G1Affine::infinity()) {}
  EquationSum& operator+=(const EquationSum& other);
  EquationSum& operator-=(const EquationSum& other);
  /// `prepared` is -[1]_2, then [t_i]_2.
  [[nodiscard]] bool holds(std::span<const curve::PreparedG2> prepared) const;

 private:
  friend class Equations;
  G1Affine left_ = G1Affine::infinity();
  std::vector<G1Affine> quotients_;
};

/// The equations of statements, each times weights of its own, with the points that they consist of:
///     e(C - rest - y G + sum_i z_i pi_i, [1]_2) = prod_i e(pi_i, [t_i]_2)
/// over the axes that are fixed. An opening fixes all of them and has no rest; a part has one, and no y,
/// unless it is an entry.
class Equations {
 public:
  explicit Equations(std::size_t axis_count) : quotients_(axis_count) {}

  void add(const Statement& statement, const Scalar& weight);
  /// A weight for each part. `rests` are its commitments, none where the parts are entries.
  void add(const PartsStatement& statement, const Axes& axes, std::span<const G1Affine> rests,
           std::span<const Scalar> weights);
  [[nodiscard]] std::size_t size() const { return ends_.size() - 1; }

  /// Of the statements [first, last).
  [[nodiscard]] EquationSum sum(std::size_t first, std::size_t last) const;

 private:
  struct Terms {
    std::vector<G1Affine> points;
    std::vector<Scalar> factors;
    void put(const G1Affine& point, const Fr& factor);
    void append(const Terms& other, std::size_t first, std::size_t count);
    [[nodiscard]] G1Affine sum(std::size_t first, std::size_t last) const;
  };
  /// Where a statement begins in each list of terms.
  struct Ends {
    std::size_t left = 0, wide = 0;
    std::vector<std::size_t> quotients;
  };
  void close(const G1Affine& commitment, const Fr& weight, const Fr& value);

  std::vector<G1Affine> commitments_;  // of each statement, and its weight
  std::vector<Fr> weights_;
  std::vector<Fr> values_;        // what each statement has of the generator
  Terms left_;                    // factors of little more bits than the weights
  Terms wide_;                    // coordinates off the grid, as wide as the field
  std::vector<Terms> quotients_;  // by axis
  std::vector<Ends> ends_ = {Ends{0, 0, std::vector<std::size_t>(quotients_.size())}};
};

}  // namespace assay::pst::internal
