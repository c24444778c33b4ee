#include "audit/number.h"

#include <string>

#include "audit/kernel.h"
#include "base/try.h"
#include "tensor/float_values.h"
#include "tensor/load.h"

namespace assay::audit::internal {
namespace {

tensor::Dtype tensor_dtype(RowDtype dtype) {
  switch (dtype) {
    case RowDtype::kBF16:
      return tensor::Dtype::kBF16;
    case RowDtype::kF16:
      return tensor::Dtype::kF16;
    case RowDtype::kF32:
      return tensor::Dtype::kF32;
    default:
      return tensor::Dtype::kF64;
  }
}

/// Of a double that is a binary16 number.
std::uint16_t f16_bits(double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double magnitude = std::abs(value);
  if (std::isinf(magnitude)) return sign | 0x7c00;
  if (magnitude < 0x1p-14) return static_cast<std::uint16_t>(sign | static_cast<int>(magnitude * 0x1p24));
  const auto bits = std::bit_cast<std::uint64_t>(magnitude);
  const auto exponent = static_cast<int>(bits >> 52) - 1023 + 15;
  return static_cast<std::uint16_t>(sign | exponent << 10 | static_cast<int>(bits >> 42 & 0x3ff));
}

}  // namespace

Status read_values(const tensor::TensorView& tensor, std::size_t first, std::size_t step,
                   std::span<double> out) {
  const std::uint8_t* bytes = tensor.bytes.data();
  const Kernel& fast = kernel();
  // What is not finite is read again, for its index.
  if (step == 1 && tensor.dtype == tensor::Dtype::kBF16 &&
      fast.read_bf16(bytes + 2 * first, out.size(), out.data()))
    return {};
  if (step == 1 && tensor.dtype == tensor::Dtype::kF32 &&
      fast.read_f32(bytes + 4 * first, out.size(), out.data()))
    return {};
  return tensor::read_floats(tensor, first, step, out);
}

Result<std::vector<double>> values_of(ByteSpan bytes, RowDtype dtype, std::string_view place) {
  std::vector<double> values(bytes.size() / size_of(dtype));
  tensor::TensorView view;
  view.name = std::string(place);
  view.dtype = tensor_dtype(dtype);
  view.shape = {values.size()};
  view.bytes = bytes;
  ASSAY_TRY(read_values(view, 0, 1, values));
  return values;
}

Bytes to_row(std::span<const double> values, RowDtype dtype) {
  const FloatFormat format = format_of(dtype);
  Bytes bytes;
  bytes.reserve(values.size() * size_of(dtype));
  for (const double value : values) {
    const double rounded = round_to(value, format);
    switch (dtype) {
      case RowDtype::kBF16:
        tensor::append(bytes, static_cast<std::uint16_t>(
                                  std::bit_cast<std::uint32_t>(static_cast<float>(rounded)) >> 16));
        break;
      case RowDtype::kF16:
        tensor::append(bytes, f16_bits(rounded));
        break;
      case RowDtype::kF32:
        tensor::append(bytes, static_cast<float>(rounded));
        break;
      default:
        tensor::append(bytes, rounded);
    }
  }
  return bytes;
}

}  // namespace assay::audit::internal
