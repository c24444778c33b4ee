// Sums of products that all threads share in, with one result whatever their number.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "assay/base.h"

namespace assay::probe::internal {

/// A^T A of rows that come a panel at a time. Each block of its columns is summed in the order of the panels,
/// whichever thread does it.
class GramSum {
 public:
  /// Errors: kTooLarge.
  [[nodiscard]] static Result<GramSum> make(std::size_t side);

  /// Whole rows. Errors: kTooLarge (no memory).
  [[nodiscard]] Status add(std::span<const double> rows);
  /// The whole matrix, row by row.
  [[nodiscard]] std::vector<double> take();

 private:
  explicit GramSum(std::size_t side) : side_(side), sum_(side * side) {}
  std::size_t side_;
  std::vector<double> sum_;  // of it the blocks on the diagonal and below
};

/// a b, a of rows x inner, b of inner x columns. Errors: kTooLarge.
[[nodiscard]] Result<std::vector<double>> product(std::span<const double> a, std::span<const double> b,
                                                  std::size_t inner);
/// a a^T, a of rows x inner. Errors: kTooLarge.
[[nodiscard]] Result<std::vector<double>> outer_products(std::span<const double> a, std::size_t inner);

/// The x with L L^T x = b, for a lower triangular L, row by row.
[[nodiscard]] std::vector<double> solve_factored(std::span<const double> lower, std::vector<double> b);

/// In the order of the places.
[[nodiscard]] double dot(std::span<const double> a, std::span<const double> b);

}  // namespace assay::probe::internal
