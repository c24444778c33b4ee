#include "assay/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/try.h"
#include "matrix/kernel.h"

// Threads are ours to start: see base/threads.h.
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/Householder>
#include <Eigen/QR>

namespace assay::matrix {
namespace {

using Dense = Eigen::MatrixXd;

Error no_memory(std::size_t side) {
  return {ErrorCode::kTooLarge, "matrix", fmt::format("no memory for {} x {} numbers", side, side)};
}

Error overflowed() {
  return {ErrorCode::kOutOfRange, "matrix", "the products of its numbers are beyond the doubles"};
}

Status check_side(std::size_t side) {
  if (side >= 1 && side <= kMaxSide) return {};
  return Error{ErrorCode::kTooLarge, "matrix",
               fmt::format("a side of {}, 1 to {} are possible", side, kMaxSide)};
}

Eigen::Index index(std::size_t size) { return static_cast<Eigen::Index>(size); }

/// Rows of `side` values as the columns that they are in the library's order.
Eigen::Map<const Dense> columns_of(std::span<const double> rows, std::size_t side) {
  ASSAY_CHECK_EQ(rows.size() % side, 0);
  return {rows.data(), index(side), index(rows.size() / side)};
}

template <class Vector>
std::vector<double> to_vector(const Vector& values) {
  return {values.data(), values.data() + values.size()};
}

/// Q R, and R in its upper triangle; what is below is cleared.
void triangulate(Dense& matrix) {
  const Eigen::HouseholderQR<Eigen::Ref<Dense>> in_place(matrix);
  matrix.triangularView<Eigen::StrictlyLower>().setZero();
}

/// The upper bidiagonal matrix with the singular values of a square one, which it destroys: reflections from
/// the left clear a column below the diagonal, others from the right a row behind the entry beside it (Golub
/// and Van Loan, 5.4.8).
struct Bidiagonal {
  Eigen::VectorXd diagonal;
  Eigen::VectorXd beside;
};

Bidiagonal bidiagonalize(Dense& square) {
  const Eigen::Index side = square.rows();
  Bidiagonal out{Eigen::VectorXd(side), Eigen::VectorXd(side - 1)};
  Eigen::VectorXd workspace(side);
  for (Eigen::Index k = 0; k < side; ++k) {
    const Eigen::Index behind = side - k - 1;
    double tau = 0;
    square.col(k).tail(behind + 1).makeHouseholderInPlace(tau, out.diagonal[k]);
    square.bottomRightCorner(behind + 1, behind)
        .applyHouseholderOnTheLeft(square.col(k).tail(behind), tau, workspace.data());
    if (behind == 0) break;
    square.row(k).tail(behind).makeHouseholderInPlace(tau, out.beside[k]);
    square.bottomRightCorner(behind, behind)
        .applyHouseholderOnTheRight(square.row(k).tail(behind - 1).transpose(), tau, workspace.data());
  }
  return out;
}

/// Singular values as eigenvalues: those of the tridiagonal matrix that has 1 on its diagonal, and beside it
/// d_0, e_0, d_1, .. over a bound on the largest, are 1 - s / bound and 1 + s / bound (Golub and Kahan, SIAM
/// Journal on Numerical Analysis 2, 1965). The 1 keeps rounding, and what the library takes for 0, of one
/// size.
std::vector<double> singular_values_of(const Bidiagonal& matrix) {
  const Eigen::Index side = matrix.diagonal.size();
  std::vector<double> values(static_cast<std::size_t>(side), 0);
  double bound = matrix.diagonal.cwiseAbs().maxCoeff();
  if (side > 1) bound += matrix.beside.cwiseAbs().maxCoeff();
  if (bound == 0) return values;
  Eigen::VectorXd beside(2 * side - 1);
  for (Eigen::Index k = 0; k < side; ++k) {
    beside[2 * k] = matrix.diagonal[k] / bound;
    if (k + 1 < side) beside[2 * k + 1] = matrix.beside[k] / bound;
  }
  Eigen::SelfAdjointEigenSolver<Dense> solver;
  solver.computeFromTridiagonal(Eigen::VectorXd::Ones(2 * side), beside, Eigen::EigenvaluesOnly);
  ASSAY_CHECK(solver.info() == Eigen::Success, side);  // QR steps on finite numbers converge
  for (std::size_t k = 0; k < values.size(); ++k)
    values[k] = std::max(0.0, (solver.eigenvalues()[side + index(k)] - 1) * bound);
  return values;
}

/// What `work` gives; the library reports a lack of memory by an exception.
template <class Work>
auto guarded(std::size_t side, const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return no_memory(side);
  }
}

}  // namespace

struct Gram::State {
  Dense lower;  // of the diagonal and below
};

Gram::Gram(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gram::Gram(Gram&&) noexcept = default;
Gram& Gram::operator=(Gram&&) noexcept = default;
Gram::~Gram() = default;

Result<Gram> Gram::make(std::size_t side) {
  ASSAY_TRY(check_side(side));
  return guarded(side, [&]() -> Result<Gram> {
    return Gram(std::make_unique<State>(State{Dense::Zero(index(side), index(side))}));
  });
}

Status Gram::add(std::span<const double> rows) {
  const auto side = static_cast<std::size_t>(state_->lower.rows());
  return guarded(side, [&]() -> Status {
    state_->lower.selfadjointView<Eigen::Lower>().rankUpdate(columns_of(rows, side));
    return {};
  });
}

Result<std::vector<double>> Gram::eigenvalues() const {
  const auto side = static_cast<std::size_t>(state_->lower.rows());
  // A sum of squares: where it is finite, so is every product.
  if (!std::isfinite(state_->lower.trace())) return overflowed();
  return guarded(side, [&]() -> Result<std::vector<double>> {
    const Eigen::SelfAdjointEigenSolver<Dense> solver(state_->lower, Eigen::EigenvaluesOnly);
    ASSAY_CHECK(solver.info() == Eigen::Success, side);  // QR steps on finite numbers converge
    return to_vector(solver.eigenvalues());
  });
}

struct Triangle::State {
  Dense stacked;          // side columns; R, and below it the rows that wait
  Eigen::Index rows = 0;  // that are filled
};

Triangle::Triangle(std::unique_ptr<State> state) : state_(std::move(state)) {}
Triangle::Triangle(Triangle&&) noexcept = default;
Triangle& Triangle::operator=(Triangle&&) noexcept = default;
Triangle::~Triangle() = default;

Result<Triangle> Triangle::make(std::size_t side) {
  ASSAY_TRY(check_side(side));
  return guarded(side, [&]() -> Result<Triangle> {
    return Triangle(std::make_unique<State>(State{Dense::Zero(2 * index(side), index(side)), 0}));
  });
}

Status Triangle::add(std::span<const double> rows) {
  const auto side = static_cast<std::size_t>(state_->stacked.cols());
  return guarded(side, [&]() -> Status {
    const Eigen::Map<const Dense> columns = columns_of(rows, side);
    for (Eigen::Index done = 0; done < columns.cols();) {
      const Eigen::Index count = std::min(columns.cols() - done, state_->stacked.rows() - state_->rows);
      state_->stacked.middleRows(state_->rows, count) = columns.middleCols(done, count).transpose();
      state_->rows += count;
      done += count;
      if (state_->rows < state_->stacked.rows()) break;
      triangulate(state_->stacked);
      state_->rows = state_->stacked.cols();
    }
    return {};
  });
}

Result<std::vector<double>> Triangle::singular_values() const {
  const auto side = static_cast<std::size_t>(state_->stacked.cols());
  return guarded(side, [&]() -> Result<std::vector<double>> {
    Dense reduced = state_->stacked;
    triangulate(reduced);
    Dense triangle = reduced.topRows(index(side));
    if (!std::isfinite(triangle.squaredNorm())) return overflowed();
    return singular_values_of(bidiagonalize(triangle));
  });
}

Result<std::vector<double>> cholesky(std::span<const double> a, std::size_t side) {
  ASSAY_TRY(check_side(side));
  if (a.size() != side * side)
    return Error{ErrorCode::kMismatch, "matrix",
                 fmt::format("{} values, expected {} x {}", a.size(), side, side)};
  return guarded(side, [&]() -> Result<std::vector<double>> {
    std::vector<double> lower(a.size());
    if (!internal::kernel().cholesky(a.data(), side, lower.data()))
      return Error{ErrorCode::kOutOfRange, "matrix", "is not positive definite"};
    return lower;
  });
}

Status add_product(const Part<const double>& a, const Part<const double>& b, Turned turned,
                   const Part<double>& c) {
  const bool left = turned == Turned::kLeft;
  const bool right = turned == Turned::kRight;
  ASSAY_CHECK_EQ(left ? a.columns : a.rows, c.rows);
  ASSAY_CHECK_EQ(right ? b.rows : b.columns, c.columns);
  ASSAY_CHECK_EQ(left ? a.rows : a.columns, right ? b.columns : b.rows);
  return guarded(c.rows, [&]() -> Status {
    internal::kernel().add_product(a, b, turned, c);
    return {};
  });
}

}  // namespace assay::matrix
