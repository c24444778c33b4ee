#include "assay/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/try.h"

// Threads are ours to start: see base/threads.h.
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>

namespace assay::matrix {
namespace {

using Dense = Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Error no_memory(std::size_t side) {
  return {ErrorCode::kTooLarge, "matrix", fmt::format("no memory for {} x {} numbers", side, side)};
}

Error overflowed() {
  return {ErrorCode::kOutOfRange, "matrix", "the products of its numbers are beyond the doubles"};
}

Status check_side(std::size_t side) {
  if (side >= 1 && side <= kMaxSide) return {};
  return Error{ErrorCode::kTooLarge, "matrix", fmt::format("a side of {}, 1 to {} are possible", side, kMaxSide)};
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
      const Eigen::HouseholderQR<Eigen::Ref<Dense>> reduced(state_->stacked);  // in place
      state_->stacked.triangularView<Eigen::StrictlyLower>().setZero();
      state_->rows = state_->stacked.cols();
    }
    return {};
  });
}

Result<std::vector<double>> Triangle::singular_values() const {
  const auto side = static_cast<std::size_t>(state_->stacked.cols());
  return guarded(side, [&]() -> Result<std::vector<double>> {
    const Eigen::HouseholderQR<Dense> reduced(state_->stacked);
    const Dense triangle = reduced.matrixQR().topRows(index(side)).triangularView<Eigen::Upper>();
    if (!std::isfinite(triangle.squaredNorm())) return overflowed();
    const Eigen::BDCSVD<Dense> decomposition(triangle);
    ASSAY_CHECK(decomposition.info() == Eigen::Success, side);
    std::vector<double> values = to_vector(decomposition.singularValues());
    std::ranges::sort(values);
    return values;
  });
}

Result<std::vector<double>> cholesky(std::span<const double> a, std::size_t side) {
  ASSAY_TRY(check_side(side));
  if (a.size() != side * side)
    return Error{ErrorCode::kMismatch, "matrix", fmt::format("{} values, expected {} x {}", a.size(), side, side)};
  return guarded(side, [&]() -> Result<std::vector<double>> {
    const Eigen::Map<const RowMajor> whole(a.data(), index(side), index(side));
    const Eigen::LLT<RowMajor, Eigen::Lower> factor(whole);
    const RowMajor lower = factor.matrixL();
    // A NaN passes the library's own test of each pivot.
    if (factor.info() != Eigen::Success || !lower.allFinite())
      return Error{ErrorCode::kOutOfRange, "matrix", "is not positive definite"};
    return to_vector(lower);
  });
}

}  // namespace assay::matrix
