// Arrays that become tensors to commit to: integer encodings and layouts.
#include "assay/tensor.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "bindings.h"

namespace assay::python {
namespace {

/// Name, values, name of the dtype ("" for that of the array, "scalar" for rows of 32 bytes), tap.
using Source = std::tuple<std::string, AnyArray, std::string, std::string>;

std::optional<tensor::Dtype> dtype_of(const AnyArray& array) {
  using tensor::Dtype;
  const auto dtype = array.dtype();
  if (dtype.lanes != 1) return std::nullopt;
  const auto is = [&](nb::dlpack::dtype_code code, int bits) {
    return dtype.code == static_cast<std::uint8_t>(code) && dtype.bits == bits;
  };
  using Code = nb::dlpack::dtype_code;
  if (is(Code::Bool, 8)) return Dtype::kBool;
  if (is(Code::UInt, 8)) return Dtype::kU8;
  if (is(Code::Int, 8)) return Dtype::kI8;
  if (is(Code::UInt, 16)) return Dtype::kU16;
  if (is(Code::Int, 16)) return Dtype::kI16;
  if (is(Code::UInt, 32)) return Dtype::kU32;
  if (is(Code::Int, 32)) return Dtype::kI32;
  if (is(Code::UInt, 64)) return Dtype::kU64;
  if (is(Code::Int, 64)) return Dtype::kI64;
  if (is(Code::Float, 16)) return Dtype::kF16;
  if (is(Code::Bfloat, 16)) return Dtype::kBF16;
  if (is(Code::Float, 32)) return Dtype::kF32;
  if (is(Code::Float, 64)) return Dtype::kF64;
  return std::nullopt;
}

Result<tensor::Dtype> dtype_of(const AnyArray& array, const std::string& named, const std::string& place) {
  const std::optional<tensor::Dtype> own = dtype_of(array);
  if (!own) return Error{ErrorCode::kUnsupported, place, "an element type that has no encoding"};
  if (named.empty()) return *own;
  const std::optional<tensor::Dtype> meant = tensor::from_torch_name("torch." + named);
  if (!meant) return Error{ErrorCode::kUnsupported, place, "no dtype is called \"" + named + "\""};
  // The array of bits of a type that its library does not have, as numpy has no bfloat16.
  const bool bits = !tensor::is_float(*own) && *own != tensor::Dtype::kBool &&
                    tensor::size_of(*own) == tensor::size_of(*meant);
  if (*meant != *own && !bits) {
    return Error{ErrorCode::kMismatch, place,
                 "elements of " + std::string(short_name(*own)) + " cannot be read as " + named};
  }
  return *meant;
}

tensor::Shape shape_of(const AnyArray& array) {
  tensor::Shape shape;
  for (std::size_t i = 0; i < array.ndim(); ++i) shape.push_back(array.shape(i));
  return shape;
}

/// The dtype is that of the values before they became integers; none for rows of residues.
struct Layer {
  tensor::IntegerTensor integers;
  std::optional<tensor::Dtype> dtype;
};

Result<Layer> encode_layer(const Source& source, const tensor::Encoding& encoding) {
  const auto& [name, array, named, tap] = source;
  const std::string place = "layer " + name;
  tensor::Shape shape = shape_of(array);
  const ByteSpan bytes{static_cast<const std::uint8_t*>(array.data()), array.nbytes()};
  if (named == "scalar") {
    if (encoding.kind != tensor::Encoding::Kind::kInt) {
      return Error{ErrorCode::kUnsupported, place, "Python integers have the encoding \"int\" alone"};
    }
    if (shape.empty() || shape.back() != 32 || array.itemsize() != 1) {
      return Error{ErrorCode::kMismatch, place, "rows of 32 bytes expected"};
    }
    shape.pop_back();
    Result<std::vector<Scalar>> scalars = read_rows(bytes, place);
    if (!scalars.ok()) return scalars.error();
    return Layer{{name, shape, tensor::IntegerArray::own(std::move(scalars).value()), tap}, std::nullopt};
  }
  const Result<tensor::Dtype> dtype = dtype_of(array, named, place);
  if (!dtype.ok()) return dtype.error();
  // Sharing the array keeps its memory alive as long as any part of it is looked at.
  const tensor::TensorView view{name, *dtype, shape, bytes, std::make_shared<const AnyArray>(array)};
  Result<tensor::IntegerArray> integers = tensor::encode(view, encoding);
  if (!integers.ok()) return integers.error();
  return Layer{{name, shape, std::move(integers).value(), tap}, *dtype};
}

Result<tensor::Layout> plan(const std::string& kind, std::span<const tensor::LayerShape> shapes,
                            const std::optional<Axes>& axes, const tensor::CubeOptions& cube) {
  const std::optional<tensor::Layout::Kind> known = tensor::layout_kind(kind);
  if (!known) {
    return Error{ErrorCode::kUnsupported, "layout", "no layout is called \"" + kind + "\""};
  }
  if (*known == tensor::Layout::Kind::kFlat) return tensor::plan_flat(shapes, axes);
  if (axes) return Error{ErrorCode::kMismatch, "axes", "only the layout \"flat\" takes axes"};
  return *known == tensor::Layout::Kind::kCube ? tensor::plan_cube(shapes, cube) : tensor::plan_model(shapes);
}

Result<EncodedTensor> encode(const std::vector<Source>& sources, const std::string& encoding_name,
                             const std::string& layout_kind, const std::optional<Axes>& axes,
                             const tensor::CubeOptions& cube, const std::string& capture_mode) {
  const Result<tensor::Encoding> encoding = tensor::Encoding::parse(encoding_name, "encoding");
  if (!encoding.ok()) return encoding.error();
  const std::optional<claim::CaptureMode> mode = claim::capture_mode(capture_mode);
  if (!mode) {
    return Error{ErrorCode::kUnsupported, "capture mode", "none is called \"" + capture_mode + "\""};
  }
  std::vector<tensor::IntegerTensor> layers;
  std::optional<tensor::Dtype> dtype;
  for (const Source& source : sources) {
    Result<Layer> layer = encode_layer(source, *encoding);
    if (!layer.ok()) return layer.error();
    if (!layers.empty() && layer->dtype != dtype) {
      return Error{ErrorCode::kMismatch, "layer " + std::get<0>(source),
                   "its dtype is not that of the layers before it"};
    }
    dtype = layer->dtype;
    layers.push_back(std::move(*layer).integers);
  }
  Result<tensor::Layout> layout = plan(layout_kind, tensor::shapes_of(layers), axes, cube);
  if (!layout.ok()) return layout.error();
  Result<tensor::IntegerArray> values = tensor::apply_layout(*layout, layers);
  if (!values.ok()) return values.error();
  return EncodedTensor{std::move(layout).value(), *encoding, dtype, *mode, std::move(values).value()};
}

/// Element type and, for scalars, one more axis of 32 bytes.
std::pair<nb::dlpack::dtype, bool> element_of(IntegerView::Kind kind) {
  switch (kind) {
    case IntegerView::Kind::kI8:
      return {nb::dtype<std::int8_t>(), false};
    case IntegerView::Kind::kI16:
      return {nb::dtype<std::int16_t>(), false};
    case IntegerView::Kind::kI32:
      return {nb::dtype<std::int32_t>(), false};
    case IntegerView::Kind::kI64:
      return {nb::dtype<std::int64_t>(), false};
    case IntegerView::Kind::kScalar:
      break;
  }
  return {nb::dtype<std::uint8_t>(), true};
}

nb::ndarray<nb::numpy, nb::ro> values_of(const EncodedTensor& tensor) {
  const auto [dtype, rows] = element_of(tensor.values.kind());
  std::vector<std::size_t> shape(tensor.layout.axes.sizes().begin(), tensor.layout.axes.sizes().end());
  if (rows) shape.push_back(32);
  const nb::capsule owner(new tensor::IntegerArray(tensor.values),
                          [](void* p) noexcept { delete static_cast<tensor::IntegerArray*>(p); });
  return {tensor.values.view().data(), shape.size(), shape.data(), owner, nullptr, dtype};
}

nb::tuple layers_of(const tensor::Layout& layout) {
  nb::list layers;
  for (const tensor::LayerEntry& entry : layout.layer_map) {
    nb::list shape;
    for (const std::uint64_t size : entry.original_shape) shape.append(size);
    layers.append(nb::make_tuple(entry.name, nb::tuple(shape), entry.tap, entry.flat_offset));
  }
  return nb::tuple(layers);
}

}  // namespace

std::string_view short_name(tensor::Dtype dtype) {
  return tensor::torch_name(dtype).substr(std::string_view("torch.").size());
}

void bind_tensor(nb::module_& m) {
  using Layers =
      nb::typed<nb::tuple,
                nb::typed<nb::tuple, std::string, nb::typed<nb::tuple, std::uint64_t, nb::ellipsis>,
                          std::string, std::uint64_t>,
                nb::ellipsis>;
  nb::class_<tensor::Layout>(m, "Layout")
      .def_prop_ro("kind", [](const tensor::Layout& l) { return tensor::to_string(l.kind); })
      .def_prop_ro("axes", [](const tensor::Layout& l) { return to_tuple(l.axes.sizes()); })
      .def_prop_ro("real_count", [](const tensor::Layout& l) { return l.real_count; })
      .def_prop_ro("padding", &tensor::Layout::padding)
      .def_prop_ro("pad_seed", [](const tensor::Layout& l) { return l.pad_seed; })
      .def_prop_ro("layers", [](const tensor::Layout& l) { return Layers(layers_of(l)); });

  nb::class_<EncodedTensor>(m, "Tensor")
      .def_static(
          "encode",
          [](const std::vector<Source>& sources, const std::string& encoding, const std::string& layout,
             const std::optional<std::vector<std::uint64_t>>& sizes, const std::string& capture_mode,
             std::pair<std::uint32_t, std::uint32_t> cube_sizes,
             const std::optional<std::uint32_t>& cube_dims, std::uint64_t pad_seed) {
            std::optional<Axes> axes;
            if (sizes) axes = to_axes(*sizes);
            tensor::CubeOptions cube;
            cube.min_dim = cube_sizes.first;
            cube.max_dim = cube_sizes.second;
            cube.num_dims = cube_dims;
            cube.pad_seed = pad_seed;
            return unwrap(
                without_gil([&] { return encode(sources, encoding, layout, axes, cube, capture_mode); }));
          },
          nb::arg("sources"), nb::arg("encoding"), nb::arg("layout"), nb::arg("axes").none(),
          nb::arg("capture_mode"), nb::arg("cube_sizes"), nb::arg("cube_dims").none(), nb::arg("pad_seed"),
          nb::sig("def encode(sources: collections.abc.Sequence[tuple[str, typing.Any, str, str]], encoding: "
                  "str, "
                  "layout: str, axes: collections.abc.Sequence[int] | None, capture_mode: str, "
                  "cube_sizes: tuple[int, int], cube_dims: int | None, pad_seed: int) -> Tensor"))
      .def_prop_ro("layout", [](const EncodedTensor& t) { return t.layout; })
      .def_prop_ro("encoding", [](const EncodedTensor& t) { return t.encoding.to_string(); })
      .def_prop_ro("dtype",
                   [](const EncodedTensor& t) {
                     return t.dtype ? std::optional<std::string>(short_name(*t.dtype)) : std::nullopt;
                   })
      .def_prop_ro("capture_mode", [](const EncodedTensor& t) { return claim::to_string(t.capture_mode); })
      .def("values", &values_of, nb::sig("def values(self) -> numpy.typing.NDArray[typing.Any]"))
      .def(
          "value_at",
          [](const EncodedTensor& t, const std::vector<std::uint32_t>& coordinates) {
            return to_python(t.values.view()[unwrap(t.layout.axes.index_of(coordinates))].to_bytes());
          },
          nb::arg("coordinates"));
}

}  // namespace assay::python
