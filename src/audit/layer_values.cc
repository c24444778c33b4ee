#include "audit/layer_values.h"

#include <fmt/format.h>

#include "base/try.h"

namespace assay::audit::internal {
namespace {

bool is_of(tensor::Dtype stored, RowDtype dtype) {
  return (stored == tensor::Dtype::kBF16 && dtype == RowDtype::kBF16) ||
         (stored == tensor::Dtype::kF16 && dtype == RowDtype::kF16) ||
         (stored == tensor::Dtype::kF32 && dtype == RowDtype::kF32);
}

}  // namespace

Result<LayerValues> LayerValues::of(const weights::Folder& folder, const Op& op, RowDtype dtype) {
  const tensor::StoredTensor* stored = folder.find(op.weight);
  const tensor::Shape shape = op.transposed ? tensor::Shape{op.in, op.out} : tensor::Shape{op.out, op.in};
  if (stored == nullptr || stored->shape != shape)
    return Error{ErrorCode::kMismatch, op.weight,
                 fmt::format("the folder has no matrix of {} to {}", op.in, op.out)};
  LayerValues values;
  values.weight_ = ASSAY_TRY(tensor::view_of(*stored));
  values.transposed_ = op.transposed;
  values.out_ = op.out;
  values.format_ = format_of(dtype);
  values.rounded_ = !is_of(values.weight_.dtype, dtype);
  values.bias_.resize(op.out);
  if (op.bias.empty()) return values;
  const tensor::StoredTensor* bias = folder.find(op.bias);
  if (bias == nullptr || bias->shape != tensor::Shape{op.out})
    return Error{ErrorCode::kMismatch, op.bias, fmt::format("the folder has no vector of {}", op.out)};
  const tensor::TensorView view = ASSAY_TRY(tensor::view_of(*bias));
  ASSAY_TRY(tensor::read_floats(view, 0, 1, values.bias_));
  for (double& value : values.bias_) value = round_to(value, values.format_);
  return values;
}

Status LayerValues::row(std::uint64_t j, std::span<double> out) const {
  ASSAY_TRY(transposed_ ? read_values(weight_, j, out_, out) : read_values(weight_, j * out.size(), 1, out));
  if (rounded_)
    for (double& value : out) value = round_to(value, format_);
  return {};
}

}  // namespace assay::audit::internal
