// Values of integer types as integers.
#include <fmt/format.h>

#include <algorithm>

#include "assay/tensor.h"
#include "tensor/load.h"
#include "tensor/reinterpret.h"

namespace assay::tensor {
namespace {

template <class From, class To>
IntegerArray widen(const TensorView& tensor) {
  std::vector<To> values(tensor.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = load_at<From>(tensor.bytes, i * sizeof(From));
  return IntegerArray::own(std::move(values));
}

IntegerArray widen_u64(const TensorView& tensor) {
  const std::size_t count = tensor.size();
  std::vector<std::int64_t> small(count);
  bool fits = true;
  for (std::size_t i = 0; i < count && fits; ++i) {
    small[i] = load_at<std::int64_t>(tensor.bytes, 8 * i);
    fits = small[i] >= 0;
  }
  if (fits) return IntegerArray::own(std::move(small));
  std::vector<Scalar> large(count);
  for (std::size_t i = 0; i < count; ++i)
    large[i] = Scalar::from_u64(load_at<std::uint64_t>(tensor.bytes, 8 * i));
  return IntegerArray::own(std::move(large));
}

}  // namespace

Result<IntegerArray> integers_of(const TensorView& tensor) {
  if (is_float(tensor.dtype))
    return Error{ErrorCode::kUnsupported, tensor.name,
                 "floats are not integers: choose an encoding for them"};
  switch (tensor.dtype) {
    case Dtype::kBool: {
      const auto over =
          std::find_if(tensor.bytes.begin(), tensor.bytes.end(), [](std::uint8_t b) { return b > 1; });
      if (over != tensor.bytes.end()) {
        return Error{ErrorCode::kOutOfRange,
                     fmt::format("{}: value {}", tensor.name, over - tensor.bytes.begin()),
                     "a bool that is not 0 or 1"};
      }
      return reinterpret<std::int8_t>(tensor);
    }
    case Dtype::kI8:
      return reinterpret<std::int8_t>(tensor);
    case Dtype::kI16:
      return reinterpret<std::int16_t>(tensor);
    case Dtype::kI32:
      return reinterpret<std::int32_t>(tensor);
    case Dtype::kI64:
      return reinterpret<std::int64_t>(tensor);
    case Dtype::kU8:
      return widen<std::uint8_t, std::int16_t>(tensor);
    case Dtype::kU16:
      return widen<std::uint16_t, std::int32_t>(tensor);
    case Dtype::kU32:
      return widen<std::uint32_t, std::int64_t>(tensor);
    default:
      break;
  }
  return widen_u64(tensor);
}

}  // namespace assay::tensor
