// Dense matrices of doubles: the one place that calls a library of linear algebra. Each call works on the
// calling thread alone, so that many matrices side by side give the bits that one after the other gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "assay/base.h"

namespace assay::matrix {

/// The longest side of a square matrix: it takes 8 GiB.
inline constexpr std::size_t kMaxSide = 32768;

/// The Gram matrix A^T A of a matrix whose rows come a few at a time; 8 side^2 bytes, and as many again for
/// its eigenvalues.
class Gram {
 public:
  /// Of no rows yet. Errors: kTooLarge (a side of 0 or over kMaxSide, no memory), at "matrix".
  static Result<Gram> make(std::size_t side);
  Gram(Gram&&) noexcept;
  Gram& operator=(Gram&&) noexcept;
  ~Gram();

  /// Adds finite rows of `side` values each, one behind the other. Their grouping is part of the rounding.
  /// Errors: kTooLarge (no memory).
  [[nodiscard]] Status add(std::span<const double> rows);

  /// All of them, ascending; they are exact for a matrix within a few eps * largest of this one (Golub and
  /// Van Loan, Matrix Computations, 8.3), so the least may come out below 0. Errors: kOutOfRange (the
  /// products overflowed), kTooLarge (no memory).
  [[nodiscard]] Result<std::vector<double>> eigenvalues() const;

 private:
  struct State;
  explicit Gram(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The triangular factor R of A = Q R, whose singular values are those of A, for rows that come a few at a
/// time: each group is stacked below R and reduced again by Householder's reflections.
class Triangle {
 public:
  /// Errors: as Gram::make.
  static Result<Triangle> make(std::size_t side);
  Triangle(Triangle&&) noexcept;
  Triangle& operator=(Triangle&&) noexcept;
  ~Triangle();

  /// As Gram::add.
  [[nodiscard]] Status add(std::span<const double> rows);

  /// `side` of them, ascending, each within a few eps * largest; fewer rows than `side` leave zeros. Errors:
  /// kOutOfRange (overflow), kTooLarge (no memory).
  [[nodiscard]] Result<std::vector<double>> singular_values() const;

 private:
  struct State;
  explicit Triangle(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The lower triangular L with L L^T = A and positive diagonal, row by row, zeros above the diagonal. `a` has
/// side^2 values; of them the lower triangle is read. Errors: kOutOfRange (A is not positive definite),
/// kMismatch (another number of values), kTooLarge.
[[nodiscard]] Result<std::vector<double>> cholesky(std::span<const double> a, std::size_t side);

/// Rows of a matrix that is kept row by row, or of some of its columns: each begins `stride` numbers behind
/// the one before.
template <class Number>
struct Part {
  Number* first = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t stride = 0;
};

/// Which factor of a product is turned over.
enum class Turned : std::uint8_t { kNone, kLeft, kRight };

/// c += a b, a^T b or a b^T. The sizes fit; c overlaps neither. Errors: kTooLarge (no memory).
[[nodiscard]] Status add_product(const Part<const double>& a, const Part<const double>& b, Turned turned,
                                 const Part<double>& c);

}  // namespace assay::matrix
