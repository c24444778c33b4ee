// The values of a weight as doubles, a panel at a time.
#pragma once

#include <cstddef>
#include <span>

#include "assay/tensor.h"

namespace assay::layers::internal {

/// out[i] = the value at first + i * step. Every f32, f16 and bf16 is a double. Errors: kOutOfRange (NaN or
/// Inf, with its index).
[[nodiscard]] Status read_values(const tensor::TensorView& weight, std::size_t first, std::size_t step,
                                 std::span<double> out);

/// Whether the dtype is one that read_values knows.
[[nodiscard]] bool is_readable(tensor::Dtype dtype);

}  // namespace assay::layers::internal
