// Block operations on Fr, compiled once per backend.
#pragma once

#include <span>
#include <vector>

#include "base/check.h"
#include "field/backend.h"
#include "field/element.h"
#include "field/kernel.h"
#include "field/transform.h"

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

  static void multiply_integers(std::span<const Fr> elements, std::span<const std::int64_t> integers,
                                std::span<Scalar> out) {
    ASSAY_CHECK_EQ(elements.size(), integers.size());
    ASSAY_CHECK_EQ(elements.size(), out.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto bits = static_cast<std::uint64_t>(integers[i]);
      // x R times an integer, over R, is the integer x times it: no form to come from or to go to.
      const Limbs product = Backend::template multiply<FrParameters>(
          elements[i].limbs, {integers[i] < 0 ? 0 - bits : bits, 0, 0, 0});
      out[i].words = integers[i] < 0 ? Backend::template subtract<FrParameters>({}, product) : product;
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

  static void butterflies(std::span<Fr> low, std::span<Fr> high, const Fr& s) {
    const E factor(s.limbs);
    for (std::size_t i = 0; i < low.size(); ++i) {
      const E a(low[i].limbs);
      const E b = factor * E(high[i].limbs);
      low[i].limbs = (a + b).limbs();
      high[i].limbs = (a - b).limbs();
    }
  }

  static void inverse_butterflies(std::span<Fr> low, std::span<Fr> high, const Fr& inverse_of_s) {
    const E factor(inverse_of_s.limbs);
    for (std::size_t i = 0; i < low.size(); ++i) {
      const E a(low[i].limbs);
      const E b(high[i].limbs);
      low[i].limbs = (a + b).limbs();
      high[i].limbs = (factor * (a - b)).limbs();
    }
  }

  static void split_inverses(std::span<const Fr> inverses, std::span<const Fr> even_nodes, const Fr& z,
                             std::span<Fr> out) {
    const E point(z.limbs);
    for (std::size_t i = 0; i < inverses.size(); ++i) {
      const E x(even_nodes[i].limbs), inverse(inverses[i].limbs);
      out[2 * i].limbs = ((x + point) * inverse).limbs();
      out[2 * i + 1].limbs = ((point - x) * inverse).limbs();
    }
  }

  static void evaluate_block(std::span<Fr> block, std::size_t place, std::span<const Fr> even_nodes) {
    for (std::size_t blocks = 1; blocks < block.size(); blocks *= 2) {
      const std::size_t half = block.size() / blocks / 2;
      for (std::size_t b = 0; b < blocks; ++b)
        butterflies(block.subspan(2 * b * half, half), block.subspan((2 * b + 1) * half, half),
                    even_nodes[place * blocks + b]);
    }
  }

  static void interpolate_block(std::span<Fr> block, std::size_t place, std::span<const Fr> even_nodes) {
    for (std::size_t blocks = block.size() / 2; blocks > 0; blocks /= 2) {
      const std::size_t half = block.size() / blocks / 2;
      for (std::size_t b = 0; b < blocks; ++b)
        inverse_butterflies(block.subspan(2 * b * half, half), block.subspan((2 * b + 1) * half, half),
                            inverse_node(even_nodes, place * blocks + b));
    }
  }

  static constexpr FieldKernel kTable = {
      batch_inverse,       add_scaled,     multiply_integers, multiply_matrix,   butterflies,
      inverse_butterflies, split_inverses, evaluate_block,    interpolate_block,
  };
};

}  // namespace assay::field
