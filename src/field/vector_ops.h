// Block operations on Fr, compiled once per backend.
#pragma once

#include <span>
#include <vector>

#include "base/check.h"
#include "field/element.h"
#include "field/kernel.h"

namespace assay::field {

template <class Backend>
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

  static constexpr FieldKernel kTable = {batch_inverse, add_scaled};
};

}  // namespace assay::field
