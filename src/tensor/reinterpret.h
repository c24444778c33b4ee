// A tensor's memory as integers of the same width.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "assay/tensor.h"

namespace assay::tensor {

[[nodiscard]] inline bool is_aligned(const TensorView& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % size_of(tensor.dtype) == 0;
}

/// In place where the memory is aligned, else a copy.
template <class T>
[[nodiscard]] IntegerArray reinterpret(const TensorView& tensor) {
  const std::size_t count = tensor.size();
  if (is_aligned(tensor)) {
    const auto* data = reinterpret_cast<const T*>(tensor.bytes.data());
    return IntegerArray::borrow(std::span<const T>(data, count), tensor.owner);
  }
  std::vector<T> values(count);
  std::copy(tensor.bytes.begin(), tensor.bytes.end(), reinterpret_cast<std::uint8_t*>(values.data()));
  return IntegerArray::own(std::move(values));
}

}  // namespace assay::tensor
