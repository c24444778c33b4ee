// Block operations on Fr, compiled once per backend.
#pragma once

#include <span>
#include <vector>

#include "base/check.h"
#include "field/backend.h"
#include "field/element.h"
#include "field/kernel.h"

namespace assay::field {

/// The sizes of a product of a square matrix and a matrix of as many rows.
struct MatrixShape {
  std::size_t size, columns;

  MatrixShape(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out) : size(0) {
    while (size * size < matrix.size()) ++size;
    ASSAY_CHECK_EQ(size * size, matrix.size());
    ASSAY_CHECK(size > 0 && in.size() % size == 0, size, in.size());
    ASSAY_CHECK_EQ(in.size(), out.size());
    columns = in.size() / size;
  }
};

template <FieldBackend Backend>
struct VectorOps {
  using E = Element<FrParameters, Backend>;

  static void batch_inverse(std::span<Fr> elements) {
    std::vector<E> work(elements.size());
    for (std::size_t i = 0; i < work.size(); ++i) work[i] = E(elements[i].limbs);
    std::vector<E> scratch;
    field::batch_inverse<E>(work, scratch);
    for (std::size_t i = 0; i < work.size(); ++i) elements[i].limbs = work[i].limbs();
  }

  static void add_scaled(std::span<Fr> out, const Fr& factor, std::span<const Fr> in) {
    ASSAY_CHECK_EQ(out.size(), in.size());
    const E f(factor.limbs);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i].limbs = (E(out[i].limbs) + f * E(in[i].limbs)).limbs();
    }
  }

  static void multiply_matrix(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out) {
    const MatrixShape shape(matrix, in, out);
    for (std::size_t k = 0; k < shape.columns; ++k) {
      for (std::size_t a = 0; a < shape.size; ++a) {
        E sum;
        for (std::size_t j = 0; j < shape.size; ++j) {
          sum += E(matrix[a * shape.size + j].limbs) * E(in[j * shape.columns + k].limbs);
        }
        out[a * shape.columns + k].limbs = sum.limbs();
      }
    }
  }

  static constexpr FieldKernel kTable = {batch_inverse, add_scaled, multiply_matrix};
};

}  // namespace assay::field
