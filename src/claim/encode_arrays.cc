#include "claim/encode_arrays.h"

#include <fmt/format.h>

#include "base/try.h"
#include "base/within.h"

namespace assay::claim::internal {

Result<std::optional<tensor::Dtype>> common_dtype(const Arrays& arrays, std::string_view place) {
  if (arrays.views.empty() && arrays.integers.empty())
    return Error{ErrorCode::kMalformed, std::string(place), "holds no array"};
  if (arrays.views.empty()) return std::optional<tensor::Dtype>{};
  const tensor::TensorView& first = arrays.views[0];
  if (!arrays.integers.empty())
    return Error{ErrorCode::kMismatch, std::string(place),
                 fmt::format("'{}' is of Python integers and '{}' is {}: all must be of one element type",
                             arrays.integers[0].name, first.name, tensor::torch_name(first.dtype))};
  for (const tensor::TensorView& array : arrays.views) {
    if (array.dtype != first.dtype)
      return Error{ErrorCode::kMismatch, std::string(place),
                   fmt::format("'{}' is {} and '{}' is {}: all must be of one element type", first.name,
                               tensor::torch_name(first.dtype), array.name, tensor::torch_name(array.dtype))};
  }
  return std::optional<tensor::Dtype>{first.dtype};
}

std::vector<encode::LayerShape> shapes_of(const Arrays& arrays, const Taps& taps) {
  std::vector<encode::LayerShape> shapes;
  const auto add = [&](const std::string& name, const tensor::Shape& shape, const std::string& own) {
    const auto tap = taps.find(name);
    shapes.push_back({name, shape, tap == taps.end() ? own : tap->second});
  };
  for (const tensor::TensorView& array : arrays.views) add(array.name, array.shape, "");
  for (const tensor::IntegerTensor& array : arrays.integers) add(array.name, array.shape, array.tap);
  return shapes;
}

Result<std::vector<tensor::IntegerTensor>> encode_arrays(const Arrays& arrays,
                                                         const encode::Encoding& encoding,
                                                         std::string_view place) {
  if (!arrays.integers.empty()) {
    if (encoding.kind == encode::Encoding::Kind::kInt) return arrays.integers;
    return Error{ErrorCode::kUnsupported, std::string(place), "Python integers take the encoding int alone"};
  }
  std::vector<tensor::IntegerTensor> layers;
  for (const tensor::TensorView& array : arrays.views) {
    Result<tensor::IntegerArray> values = encode::encode(array, encoding);
    if (!values.ok()) return within(place, values.error());
    layers.push_back({array.name, array.shape, *std::move(values), ""});
  }
  return layers;
}

}  // namespace assay::claim::internal
