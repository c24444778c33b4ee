// Arrays and files that become tensors to commit to: integer encodings and layouts.
#include "assay/tensor.h"

#include "assay/encode.h"
#include "assay/pipeline.h"

#include <algorithm>
#include <map>
#include <string>

#include "bindings.h"

namespace assay::python {
namespace {

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

}  // namespace

Result<tensor::TensorFile> hold(const std::vector<Source>& sources) {
  tensor::TensorFile file;
  for (const auto& [name, array, named] : sources) {
    const std::string place = "layer " + name;
    tensor::Shape shape = shape_of(array);
    const ByteSpan bytes{static_cast<const std::uint8_t*>(array.data()), array.nbytes()};
    if (named == "scalar") {
      if (shape.empty() || shape.back() != 32 || array.itemsize() != 1) {
        return Error{ErrorCode::kMismatch, place, "rows of 32 bytes expected"};
      }
      shape.pop_back();
      Result<std::vector<Scalar>> scalars = read_rows(bytes, place);
      if (!scalars.ok()) return scalars.error();
      file.integer_tensors.push_back(
          {name, std::move(shape), tensor::IntegerArray::own(std::move(scalars).value()), ""});
      continue;
    }
    const Result<tensor::Dtype> dtype = dtype_of(array, named, place);
    if (!dtype.ok()) return dtype.error();
    // Sharing the array keeps its memory alive as long as any part of it is looked at.
    file.tensors.push_back({name, *dtype, std::move(shape), bytes, std::make_shared<const AnyArray>(array)});
  }
  return file;
}

namespace {

Error no_layout(const std::string& name) {
  return {ErrorCode::kUnsupported, "layout", "no layout is called \"" + name + "\""};
}
Error no_capture_mode(const std::string& name) {
  return {ErrorCode::kUnsupported, "capture mode", "none is called \"" + name + "\""};
}

Result<encode::Layout> plan(const std::string& kind, std::span<const encode::LayerShape> shapes,
                            const std::optional<Axes>& axes, const encode::CubeOptions& cube) {
  const std::optional<encode::Layout::Kind> known = encode::layout_kind(kind);
  if (!known) {
    return no_layout(kind);
  }
  if (*known == encode::Layout::Kind::kFlat) return encode::plan_flat(shapes, axes);
  if (axes) return Error{ErrorCode::kMismatch, "axes", "only the layout \"flat\" takes axes"};
  return *known == encode::Layout::Kind::kCube ? encode::plan_cube(shapes, cube) : encode::plan_model(shapes);
}

/// How arrays become a tensor; where nothing is said, the arrays decide.
struct Wishes {
  std::optional<std::string> encoding;
  std::optional<std::string> layout;
  std::optional<std::vector<std::uint64_t>> axes;
  std::string capture_mode;
  encode::CubeOptions cube;
  std::map<std::string, std::string> taps;  ///< by the names of layers
};

Result<encode::Encoding> choose_encoding(const std::optional<std::string>& named,
                                         std::optional<tensor::Dtype> dtype) {
  if (named) return encode::Encoding::parse(*named, "encoding");
  using Kind = encode::Encoding::Kind;
  return encode::Encoding{dtype && tensor::is_float(*dtype) ? Kind::kBits : Kind::kInt, 0};
}

Result<std::vector<tensor::IntegerTensor>> encode_layers(const std::vector<tensor::TensorView>& arrays,
                                                         const encode::Encoding& encoding) {
  std::vector<tensor::IntegerTensor> layers;
  for (const tensor::TensorView& array : arrays) {
    if (array.dtype != arrays[0].dtype) {
      return Error{ErrorCode::kMismatch, "layer " + array.name,
                   "its dtype is " + std::string(short_name(array.dtype)) +
                       ", that of the layers before it " + std::string(short_name(arrays[0].dtype))};
    }
    const Result<tensor::IntegerArray> values = encode::encode(array, encoding);
    if (!values.ok()) {
      return Error{values.error().code, "layer " + values.error().place, values.error().reason};
    }
    layers.push_back({array.name, array.shape, *values, ""});
  }
  return layers;
}

/// Layers of integers, and what they were.
struct Encoded {
  std::vector<tensor::IntegerTensor> layers;
  encode::Encoding encoding;
  std::optional<tensor::Dtype> dtype;
};

Result<Encoded> encode(const std::vector<tensor::TensorView>& arrays,
                       const std::vector<tensor::IntegerTensor>& integers,
                       const std::optional<std::string>& encoding_name,
                       const std::map<std::string, std::string>& taps) {
  if (!arrays.empty() && !integers.empty()) {
    return Error{ErrorCode::kMismatch, "layer " + integers[0].name,
                 "Python integers beside arrays of another dtype"};
  }
  Encoded encoded;
  if (!arrays.empty()) encoded.dtype = arrays[0].dtype;
  const Result<encode::Encoding> encoding = choose_encoding(encoding_name, encoded.dtype);
  if (!encoding.ok()) return encoding.error();
  encoded.encoding = *encoding;
  if (!integers.empty() && encoding->kind != encode::Encoding::Kind::kInt) {
    return Error{ErrorCode::kUnsupported, "layer " + integers[0].name,
                 "Python integers have the encoding \"int\" alone"};
  }
  Result<std::vector<tensor::IntegerTensor>> layers = encode_layers(arrays, *encoding);
  if (!layers.ok()) return layers.error();
  encoded.layers = integers.empty() ? std::move(layers).value() : integers;
  for (tensor::IntegerTensor& layer : encoded.layers) {
    const auto tap = taps.find(layer.name);
    if (tap != taps.end()) layer.tap = tap->second;
  }
  return encoded;
}

/// Where nothing is said, one array keeps its shape, and of several a model is made.
Result<EncodedTensor> encode(const std::vector<tensor::TensorView>& arrays,
                             const std::vector<tensor::IntegerTensor>& integers, const Wishes& wishes) {
  const std::optional<claim::CaptureMode> mode = claim::capture_mode(wishes.capture_mode);
  if (!mode) {
    return no_capture_mode(wishes.capture_mode);
  }
  const Result<Encoded> encoded = encode(arrays, integers, wishes.encoding, wishes.taps);
  if (!encoded.ok()) return encoded.error();
  std::optional<Axes> axes;
  if (wishes.axes) {
    const Result<Axes> given = Axes::from(*wishes.axes, "axes");
    if (!given.ok()) return given.error();
    axes = *given;
  }
  const std::string by_default = axes || encoded->layers.size() == 1 ? "flat" : "model";
  Result<encode::Layout> layout =
      plan(wishes.layout.value_or(by_default), encode::shapes_of(encoded->layers), axes, wishes.cube);
  if (!layout.ok()) return layout.error();
  Result<tensor::IntegerArray> values = encode::apply_layout(*layout, encoded->layers);
  if (!values.ok()) return values.error();
  return EncodedTensor{std::move(layout).value(), encoded->encoding, encoded->dtype, *mode,
                       std::move(values).value()};
}

bool same_layers(const encode::Layout& layout, const std::vector<tensor::IntegerTensor>& layers) {
  return std::equal(layers.begin(), layers.end(), layout.layer_map.begin(), layout.layer_map.end(),
                    [](const tensor::IntegerTensor& layer, const encode::LayerEntry& entry) {
                      return layer.name == entry.name && layer.shape == entry.original_shape &&
                             layer.tap == entry.tap;
                    });
}

/// The arrays in the layout of the header; in a flat one, which is another, where the layers are not the
/// header's.
Result<EncodedTensor> encode_like(const tensor::TensorFile& held, const claim::Header& header,
                                  const std::map<std::string, std::string>& taps) {
  const Result<Encoded> encoded =
      encode(held.tensors, held.integer_tensors, header.encoding.to_string(), taps);
  if (!encoded.ok()) return encoded.error();
  encode::Layout layout = header.layout;
  if (!same_layers(layout, encoded->layers)) {
    Result<encode::Layout> flat = encode::plan_flat(encode::shapes_of(encoded->layers));
    if (!flat.ok()) return flat.error();
    layout = std::move(flat).value();
  }
  Result<tensor::IntegerArray> values = encode::apply_layout(layout, encoded->layers);
  if (!values.ok()) return values.error();
  return EncodedTensor{std::move(layout), encoded->encoding, encoded->dtype, claim::CaptureMode::kUnknown,
                       std::move(values).value()};
}

Result<claim::SubjectOptions> subject_options(const std::optional<std::string>& encoding,
                                              const std::optional<std::string>& layout,
                                              const std::optional<std::vector<std::uint64_t>>& axes,
                                              const std::optional<std::string>& capture_mode) {
  claim::SubjectOptions options;
  if (encoding) {
    const Result<encode::Encoding> parsed = encode::Encoding::parse(*encoding, "encoding");
    if (!parsed.ok()) return parsed.error();
    options.encoding = *parsed;
  }
  if (layout) {
    options.layout = encode::layout_kind(*layout);
    if (!options.layout) return no_layout(*layout);
  }
  if (axes) {
    const Result<Axes> given = Axes::from(*axes, "axes");
    if (!given.ok()) return given.error();
    options.axes = *given;
  }
  if (capture_mode) {
    options.capture_mode = claim::capture_mode(*capture_mode);
    if (!options.capture_mode) return no_capture_mode(*capture_mode);
  }
  return options;
}

/// Options that there are not are no fault of the file.
EncodedTensor read(const std::string& path, const claim::SubjectOptions& options) {
  const Result<claim::Subject> subject = without_gil([&] { return pipeline::read_subject(path, options); });
  if (!subject.ok()) {
    const ErrorCode code = subject.error().code;
    throw Failure{subject.error(), code == ErrorCode::kMalformed || code == ErrorCode::kNonCanonical};
  }
  const claim::Header& header = subject->header;
  return EncodedTensor{header.layout, header.encoding, header.dtype, header.capture_mode, subject->values};
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

nb::tuple layers_of(const encode::Layout& layout) {
  nb::list layers;
  for (const encode::LayerEntry& entry : layout.layer_map) {
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
  nb::class_<encode::Layout>(m, "Layout")
      .def_prop_ro("kind", [](const encode::Layout& l) { return encode::to_string(l.kind); })
      .def_prop_ro("axes", [](const encode::Layout& l) { return to_tuple(l.axes.sizes()); })
      .def_prop_ro("real_count", [](const encode::Layout& l) { return l.real_count; })
      .def_prop_ro("padding", &encode::Layout::padding)
      .def_prop_ro("pad_seed", [](const encode::Layout& l) { return l.pad_seed; })
      .def_prop_ro("layers", [](const encode::Layout& l) { return Layers(layers_of(l)); });

  nb::class_<Wishes>(m, "Wishes")
      .def(
          "__init__",
          [](Wishes* wishes, std::optional<std::string> encoding, std::optional<std::string> layout,
             std::optional<std::vector<std::uint64_t>> axes, std::string capture_mode,
             std::pair<std::uint32_t, std::uint32_t> cube_sizes, std::optional<std::uint32_t> cube_dims,
             std::uint64_t pad_seed, std::map<std::string, std::string> taps) {
            new (wishes) Wishes{std::move(encoding),
                                std::move(layout),
                                std::move(axes),
                                std::move(capture_mode),
                                {cube_sizes.first, cube_sizes.second, cube_dims, pad_seed},
                                std::move(taps)};
          },
          nb::arg("encoding").none(), nb::arg("layout").none(), nb::arg("axes").none(),
          nb::arg("capture_mode"), nb::arg("cube_sizes"), nb::arg("cube_dims").none(), nb::arg("pad_seed"),
          nb::arg("taps"));

  nb::class_<EncodedTensor>(m, "Tensor")
      .def_static(
          "encode",
          [](const std::vector<Source>& sources, const Wishes& wishes) {
            return unwrap(without_gil([&]() -> Result<EncodedTensor> {
              const Result<tensor::TensorFile> held = hold(sources);
              if (!held.ok()) return held.error();
              return encode(held->tensors, held->integer_tensors, wishes);
            }));
          },
          nb::arg("sources"), nb::arg("wishes"),
          nb::sig("def encode(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                  "wishes: Wishes) -> Tensor"))
      .def_static(
          "encode_like",
          [](const std::vector<Source>& sources, const claim::Header& header,
             const std::map<std::string, std::string>& taps) {
            return unwrap(without_gil([&]() -> Result<EncodedTensor> {
              const Result<tensor::TensorFile> held = hold(sources);
              if (!held.ok()) return held.error();
              return encode_like(*held, header, taps);
            }));
          },
          nb::arg("sources"), nb::arg("header"), nb::arg("taps"),
          nb::sig("def encode_like(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                  "header: Header, taps: collections.abc.Mapping[str, str]) -> Tensor"))
      .def_static(
          "read",
          [](const std::string& path, const std::optional<std::string>& encoding,
             const std::optional<std::string>& layout, const std::optional<std::vector<std::uint64_t>>& axes,
             const std::optional<std::string>& capture_mode) {
            return read(path, unwrap(subject_options(encoding, layout, axes, capture_mode)));
          },
          nb::arg("path"), nb::arg("encoding").none(), nb::arg("layout").none(), nb::arg("axes").none(),
          nb::arg("capture_mode").none())
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
