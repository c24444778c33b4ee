// The values of a tensor of floats as doubles, a panel at a time.
#pragma once

#include <cstddef>
#include <span>

#include "assay/tensor.h"

namespace assay::tensor {

/// out[i] = the value at first + i * step. Every f32, f16 and bf16 is a double. Errors: kOutOfRange (NaN or
/// Inf, with its index), kUnsupported (another dtype).
[[nodiscard]] Status read_floats(const TensorView& weight, std::size_t first, std::size_t step,
                                 std::span<double> out);

/// Whether the dtype is one that read_floats knows.
[[nodiscard]] bool has_floats(Dtype dtype);

}  // namespace assay::tensor
