// The body of a kernel. A source that includes it is compiled for one instruction set, and defines Eigen as a
// name of its own before: the library's inline functions must not meet those of another set in the linker.
#pragma once

// Threads are ours to start: see base/threads.h.
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "matrix/kernel.h"

namespace assay::matrix::internal {
namespace {

using Dense = Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Stride = Eigen::OuterStride<>;

inline Eigen::Index index(std::size_t size) { return static_cast<Eigen::Index>(size); }

template <class Viewed, class Number>
Eigen::Map<Viewed, 0, Stride> view(const Part<Number>& part) {
  return {part.first, index(part.rows), index(part.columns), Stride(index(part.stride))};
}

inline void add_dense_product(const Part<const double>& a, const Part<const double>& b, Turned turned,
                              const Part<double>& c) {
  auto sum = view<RowMajor>(c);
  switch (turned) {
    case Turned::kNone:
      sum.noalias() += view<const RowMajor>(a) * view<const RowMajor>(b);
      break;
    case Turned::kLeft:
      sum.noalias() += view<const RowMajor>(a).transpose() * view<const RowMajor>(b);
      break;
    case Turned::kRight:
      sum.noalias() += view<const RowMajor>(a) * view<const RowMajor>(b).transpose();
      break;
  }
}

inline bool dense_cholesky(const double* a, std::size_t side, double* lower) {
  // Row by row the lower triangle is what the library takes for the upper one: A = U^T U with U = L^T.
  const Eigen::LLT<Dense, Eigen::Upper> factor(Eigen::Map<const Dense>(a, index(side), index(side)));
  Eigen::Map<Dense> out(lower, index(side), index(side));
  out = factor.matrixU();
  // A NaN passes the library's own test of each pivot.
  return factor.info() == Eigen::Success && out.allFinite();
}

}  // namespace
}  // namespace assay::matrix::internal
