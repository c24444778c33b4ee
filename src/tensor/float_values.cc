#include "tensor/float_values.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

#include "tensor/float_bits.h"
#include "tensor/load.h"

namespace assay::tensor {
namespace {

template <class Stored, class Convert>
Status read(const TensorView& weight, std::size_t first, std::size_t step, std::span<double> out,
            const Convert& convert) {
  const std::uint8_t* at = weight.bytes.data() + first * sizeof(Stored);
  // Zero as long as all is finite, else NaN: one test for all values.
  double bad = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = convert(load<Stored>(at + i * step * sizeof(Stored)));
    bad += out[i] * 0;
  }
  if (bad == 0) return {};
  std::size_t i = 0;
  while (std::isfinite(out[i])) ++i;
  return Error{
      ErrorCode::kOutOfRange, weight.name,
      fmt::format("the value at index {} is {}", first + i * step, std::isnan(out[i]) ? "NaN" : "infinite")};
}

}  // namespace

bool has_floats(Dtype dtype) {
  return dtype == Dtype::kF32 || dtype == Dtype::kF16 || dtype == Dtype::kBF16 || dtype == Dtype::kF64;
}

Status read_floats(const TensorView& weight, std::size_t first, std::size_t step, std::span<double> out) {
  switch (weight.dtype) {
    case Dtype::kF16:
      return read<std::uint16_t>(weight, first, step, out, from_f16);
    case Dtype::kBF16:
      return read<std::uint16_t>(weight, first, step, out, from_bf16);
    case Dtype::kF32:
      return read<float>(weight, first, step, out, [](float value) { return double{value}; });
    case Dtype::kF64:
      return read<double>(weight, first, step, out, [](double value) { return value; });
    default:
      return Error{
          ErrorCode::kUnsupported, weight.name,
          fmt::format("is of {}, a weight is of F32, F16, BF16 or F64", safetensors_name(weight.dtype))};
  }
}

}  // namespace assay::tensor
