#include <array>

#include "assay/tensor.h"
#include "base/check.h"
#include "tensor/limits.h"

namespace assay::tensor {
namespace {

struct DtypeRow {
  Dtype dtype;
  std::uint8_t size;
  bool floating;
  std::string_view torch;
  std::string_view numpy;
  std::string_view safetensors;
};

constexpr std::string_view kTorch = "torch.";

constexpr std::array<DtypeRow, 13> kDtypes = {{
    {Dtype::kBool, 1, false, "torch.bool", "|b1", "BOOL"},
    {Dtype::kU8, 1, false, "torch.uint8", "|u1", "U8"},
    {Dtype::kI8, 1, false, "torch.int8", "|i1", "I8"},
    {Dtype::kI16, 2, false, "torch.int16", "<i2", "I16"},
    {Dtype::kU16, 2, false, "torch.uint16", "<u2", "U16"},
    {Dtype::kI32, 4, false, "torch.int32", "<i4", "I32"},
    {Dtype::kU32, 4, false, "torch.uint32", "<u4", "U32"},
    {Dtype::kI64, 8, false, "torch.int64", "<i8", "I64"},
    {Dtype::kU64, 8, false, "torch.uint64", "<u8", "U64"},
    {Dtype::kF16, 2, true, "torch.float16", "<f2", "F16"},
    {Dtype::kBF16, 2, true, "torch.bfloat16", "", "BF16"},
    {Dtype::kF32, 4, true, "torch.float32", "<f4", "F32"},
    {Dtype::kF64, 8, true, "torch.float64", "<f8", "F64"},
}};

const DtypeRow& row_of(Dtype dtype) {
  const auto index = static_cast<std::size_t>(dtype);
  ASSAY_CHECK_LT(index, kDtypes.size());
  return kDtypes[index];
}

std::optional<Dtype> find_by(std::string_view DtypeRow::*column, std::string_view name) {
  if (name.empty()) return std::nullopt;
  for (const DtypeRow& row : kDtypes) {
    if (row.*column == name) return row.dtype;
  }
  return std::nullopt;
}

}  // namespace

std::size_t size_of(Dtype dtype) { return row_of(dtype).size; }
bool is_float(Dtype dtype) { return row_of(dtype).floating; }
std::string_view torch_name(Dtype dtype) { return row_of(dtype).torch; }
std::string_view short_name(Dtype dtype) { return torch_name(dtype).substr(kTorch.size()); }
std::string_view numpy_descr(Dtype dtype) { return row_of(dtype).numpy; }
std::string_view safetensors_name(Dtype dtype) { return row_of(dtype).safetensors; }

std::optional<Dtype> from_torch_name(std::string_view name) { return find_by(&DtypeRow::torch, name); }
std::optional<Dtype> from_short_name(std::string_view name) {
  return from_torch_name(std::string(kTorch).append(name));
}
std::optional<Dtype> from_numpy_descr(std::string_view descr) { return find_by(&DtypeRow::numpy, descr); }
std::optional<Dtype> from_safetensors_name(std::string_view name) {
  return find_by(&DtypeRow::safetensors, name);
}

Result<std::uint64_t> element_count(std::span<const std::uint64_t> shape, std::string_view place) {
  if (shape.size() > kMaxAxes) {
    return Error{ErrorCode::kTooLarge, std::string(place), "a shape of more than 32 axes"};
  }
  std::uint64_t count = 1;
  bool over = false;
  for (const std::uint64_t size : shape) {
    // A zero anywhere makes the product zero, whatever the other sizes are.
    if (size == 0) return std::uint64_t{0};
    over = over || count > kMaxElements / size;
    if (!over) count *= size;
  }
  if (over) return Error{ErrorCode::kTooLarge, std::string(place), "a shape of more than 2^40 values"};
  return count;
}

}  // namespace assay::tensor
