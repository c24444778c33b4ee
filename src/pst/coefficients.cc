#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "assay/pst.h"
#include "base/check.h"
#include "base/threads.h"
#include "base/try.h"
#include "field/to_field.h"
#include "integers/magnitude.h"
#include "pst/allocate.h"
#include "pst/lagrange.h"

namespace assay::pst {
namespace {

/// An n x n matrix in row order.
struct Matrix {
  std::uint32_t size;
  std::vector<Fr> rows;
  Fr& at(std::uint32_t row, std::uint32_t column) { return rows[std::size_t{row} * size + column]; }
};

/// Entry (j, a) = j^a: coefficients to values on the nodes.
Matrix vandermonde(std::uint32_t n) {
  Matrix matrix{n, std::vector<Fr>(std::size_t{n} * n)};
  for (std::uint32_t j = 0; j < n; ++j) {
    Fr power = Fr::one();
    for (std::uint32_t a = 0; a < n; ++a) {
      matrix.at(j, a) = power;
      power *= Fr::from_u64(j);
    }
  }
  return matrix;
}

/// Column j holds the coefficients of l_j(x) = w_j * M(x) / (x - j), M(x) = prod_k (x - k), by synthetic
/// division.
Matrix inverse_vandermonde(std::uint32_t n) {
  std::vector<Fr> master{Fr::one()};  // of M, constant first
  for (std::uint32_t k = 0; k < n; ++k) {
    const Fr root = Fr::from_u64(k);
    master.insert(master.begin(), Fr::zero());
    for (std::size_t a = 0; a + 1 < master.size(); ++a) master[a] -= root * master[a + 1];
  }
  const std::vector<Fr> weights = internal::barycentric_weights(n);
  Matrix matrix{n, std::vector<Fr>(std::size_t{n} * n)};
  for (std::uint32_t j = 0; j < n; ++j) {
    Fr quotient = Fr::zero();
    for (std::uint32_t a = n; a-- > 0;) {
      quotient = master[a + 1] + Fr::from_u64(j) * quotient;
      matrix.at(a, j) = weights[j] * quotient;
    }
  }
  return matrix;
}

// Fibres along an axis that are multiplied at a time: with 16 nodes they fit a second-level cache.
constexpr std::size_t kStrip = 256;

/// data[.., row, ..] = sum_column matrix(row, column) data[.., column, ..] along one axis, in place. `width`
/// is the volume of the axes after it.
void apply_along_axis(std::span<Fr> data, const Matrix& matrix, std::size_t width) {
  const std::size_t n = matrix.size;
  const std::size_t fibres = data.size() / n;
  parallel_for(0, fibres, kStrip, [&](std::size_t first, std::size_t last) {
    std::vector<Fr> in(n * kStrip), out(n * kStrip);
    for (std::size_t start = first; start < last; start += kStrip) {
      const std::size_t count = std::min(kStrip, last - start);
      // Fibre k of the strip has its nodes at place(k), place(k) + width, ..
      const auto place = [&](std::size_t k) {
        return (start + k) / width * (n * width) + (start + k) % width;
      };
      for (std::size_t k = 0; k < count; ++k) {
        const Fr* from = data.data() + place(k);
        for (std::size_t j = 0; j < n; ++j) in[j * count + k] = from[j * width];
      }
      multiply_matrix(matrix.rows, std::span(in).first(n * count), std::span(out).first(n * count));
      for (std::size_t k = 0; k < count; ++k) {
        Fr* to = data.data() + place(k);
        for (std::size_t j = 0; j < n; ++j) to[j * width] = out[j * count + k];
      }
    }
  });
}

Status check_axes(const Axes& axes, std::uint64_t count, std::string_view what) {
  if (count != axes.volume())
    return Error{ErrorCode::kMismatch, std::string(what),
                 fmt::format("{} where the axes {} need {}", count, axes.to_string(), axes.volume())};
  return {};
}

Status check_length(const Axes& axes) {
  for (std::size_t i = 0; i < axes.count(); ++i)
    if (axes[i] > kMaxCoefficientAxis)
      return Error{ErrorCode::kTooLarge, fmt::format("axis {}", i),
                   fmt::format("{} nodes are more than the {} that have a coefficient form", axes[i],
                               kMaxCoefficientAxis)};
  return {};
}

void transform(std::span<Fr> data, const Axes& axes, std::string_view phase, Matrix (*make)(std::uint32_t)) {
  std::map<std::uint32_t, Matrix> matrices;
  Progress progress(phase, axes.count());
  for (std::size_t axis = 0; axis < axes.count(); ++axis) {
    auto matrix = matrices.find(axes[axis]);
    if (matrix == matrices.end()) matrix = matrices.emplace(axes[axis], make(axes[axis])).first;
    apply_along_axis(data, matrix->second, axes.volume(axis + 1));
    progress.advance();
  }
}

}  // namespace

Result<std::vector<Fr>> interpolate(const Axes& axes, IntegerView values) {
  ASSAY_TRY(check_axes(axes, values.size(), "values"));
  ASSAY_TRY(check_length(axes));
  std::vector<Fr> data = ASSAY_TRY(internal::allocate<Fr>(values.size(), "coefficients"));
  to_field(values, data);
  transform(data, axes, "interpolate", inverse_vandermonde);
  return data;
}

Result<std::vector<Fr>> grid_values(const Axes& axes, std::span<const Fr> coefficients) {
  ASSAY_TRY(check_axes(axes, coefficients.size(), "coefficients"));
  ASSAY_TRY(check_length(axes));
  std::vector<Fr> data = ASSAY_TRY(internal::allocate<Fr>(coefficients.size(), "grid values"));
  std::copy(coefficients.begin(), coefficients.end(), data.begin());
  transform(data, axes, "grid values", vandermonde);
  return data;
}

Result<Fr> evaluate(const Axes& axes, std::span<const Fr> coefficients, std::span<const Fr> point) {
  ASSAY_TRY(check_axes(axes, coefficients.size(), "coefficients"));
  if (point.size() != axes.count())
    return Error{ErrorCode::kMismatch, "point",
                 fmt::format("{} coordinates for {} axes", point.size(), axes.count())};
  std::vector<Fr> folded;
  for (std::size_t axis = axes.count(); axis-- > 0;) {
    const std::size_t n = axes[axis];
    std::vector<Fr> next = ASSAY_TRY(internal::allocate<Fr>(coefficients.size() / n, "evaluation"));
    parallel_for(0, next.size(), 1024 / n + 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t k = first; k < last; ++k)
        for (std::size_t a = n; a-- > 0;) next[k] = next[k] * point[axis] + coefficients[k * n + a];
    });
    folded = std::move(next);
    coefficients = folded;
  }
  return coefficients[0];
}

Result<G1Affine> commit_coefficients(const Srs& srs, std::span<const Fr> coefficients) {
  ASSAY_TRY(srs.require_level(0));
  const std::vector<Fr> values = ASSAY_TRY(grid_values(srs.axes(), coefficients));
  return curve::msm_vartime(srs.level(0), values);
}

}  // namespace assay::pst
