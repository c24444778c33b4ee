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

/// What an array's elements are: of the dtype that is named for it, where it holds the bits of that (numpy
/// has no bfloat16); otherwise its own.
tensor::Dtype dtype_of(const AnyArray& array, const std::string& named, const std::string& place,
                       DtypeName strength) {
  const std::optional<tensor::Dtype> own = dtype_of(array);
  if (!own) throw Failure{{ErrorCode::kUnsupported, place, "an element type that has no encoding"}};
  if (named.empty()) return *own;
  const std::optional<tensor::Dtype> meant = tensor::from_torch_name("torch." + named);
  if (!meant) throw Failure{{ErrorCode::kUnsupported, place, "no dtype is called \"" + named + "\""}};
  const bool bits = !tensor::is_float(*own) && *own != tensor::Dtype::kBool &&
                    tensor::size_of(*own) == tensor::size_of(*meant);
  if (*meant != *own && !bits) {
    if (strength == DtypeName::kWhereItFits) return *own;
    throw Failure{{ErrorCode::kMismatch, place,
                   "elements of " + std::string(tensor::short_name(*own)) + " cannot be read as " + named}};
  }
  return *meant;
}

tensor::Shape shape_of(const AnyArray& array) {
  tensor::Shape shape;
  for (std::size_t i = 0; i < array.ndim(); ++i) shape.push_back(array.shape(i));
  return shape;
}

}  // namespace

claim::Arrays hold(const std::vector<Source>& sources, bool named, DtypeName strength) {
  claim::Arrays arrays;
  arrays.named = named;
  for (const auto& [name, array, dtype_name] : sources) {
    const std::string place = "layer " + name;
    tensor::Shape shape = shape_of(array);
    const ByteSpan bytes{static_cast<const std::uint8_t*>(array.data()), array.nbytes()};
    if (dtype_name == "scalar") {
      if (shape.empty() || shape.back() != 32 || array.itemsize() != 1) {
        throw Failure{{ErrorCode::kMismatch, place, "rows of 32 bytes expected"}};
      }
      shape.pop_back();
      arrays.integers.push_back(
          {name, std::move(shape), tensor::IntegerArray::own(read_rows(bytes, place)), ""});
      continue;
    }
    const tensor::Dtype dtype = dtype_of(array, dtype_name, place, strength);
    // Sharing the array keeps its memory alive as long as any part of it is looked at.
    arrays.views.push_back({name, dtype, std::move(shape), bytes, std::make_shared<const AnyArray>(array)});
  }
  return arrays;
}

std::optional<std::string_view> dtype_name_of(const claim::Header& header) {
  return header.dtype ? std::optional(tensor::short_name(*header.dtype)) : std::nullopt;
}

claim::CaptureMode read_capture_mode(const std::string& name) {
  const std::optional<claim::CaptureMode> mode = claim::capture_mode(name);
  if (!mode) throw Failure{{ErrorCode::kUnsupported, "capture mode", "none is called \"" + name + "\""}};
  return *mode;
}

namespace {

constexpr std::string_view kLayers = "layers";

claim::SubjectOptions read_options(const std::optional<std::string>& encoding,
                                   const std::optional<std::string>& layout,
                                   const std::optional<std::vector<std::uint64_t>>& axes,
                                   const std::optional<std::string>& capture_mode) {
  claim::SubjectOptions options;
  if (encoding) options.encoding = unwrap(encode::Encoding::parse(*encoding, "encoding"));
  if (layout) {
    options.layout = encode::layout_kind(*layout);
    if (!options.layout)
      throw Failure{{ErrorCode::kUnsupported, "layout", "no layout is called \"" + *layout + "\""}};
  }
  if (axes) options.axes = to_axes(*axes);
  if (capture_mode) options.capture_mode = read_capture_mode(*capture_mode);
  return options;
}

/// Options that there are not are no fault of the file.
claim::Subject read(const std::string& path, const claim::SubjectOptions& options) {
  Result<claim::Subject> subject = without_gil([&] { return pipeline::read_subject(path, options); });
  if (subject.ok()) return std::move(subject).value();
  const ErrorCode code = subject.error().code;
  throw Failure{subject.error(), code == ErrorCode::kMalformed || code == ErrorCode::kNonCanonical};
}

/// Scalars have one more axis, of 32 bytes.
nb::ndarray<nb::numpy, nb::ro> values_of_subject(const claim::Subject& tensor) {
  const auto sizes = tensor.header.layout.axes.sizes();
  std::vector<std::size_t> shape(sizes.begin(), sizes.end());
  const bool rows = tensor.values.kind() == IntegerView::Kind::kScalar;
  if (rows) shape.push_back(32);
  nb::dlpack::dtype dtype = rows ? nb::dtype<std::uint8_t>() : nb::dtype<std::int8_t>();
  if (!rows) dtype.bits = static_cast<std::uint8_t>(8 * tensor.values.view().element_size());
  const nb::capsule owner(new tensor::IntegerArray(tensor.values),
                          [](void* p) noexcept { delete static_cast<tensor::IntegerArray*>(p); });
  return {tensor.values.view().data(), shape.size(), shape.data(), owner, nullptr, dtype};
}

/// The header's bytes, under a digest of zeros where a header has one: a tensor has none yet.
nb::bytes header_of_subject(const claim::Subject& tensor) {
  claim::Header header = tensor.header;
  header.setup_digest = Digest{};
  return to_python(header.encode());
}

template <class T>
tensor::IntegerArray copy_of(const AnyArray& array) {
  const T* first = static_cast<const T*>(array.data());
  return tensor::IntegerArray::own(std::vector<T>(first, first + array.size()));
}

/// What values_of_subject() gave. Errors: kUnsupported (another element type), those of read_rows.
tensor::IntegerArray integers_of(const AnyArray& array) {
  constexpr std::string_view kPlace = "values";
  const auto code = static_cast<nb::dlpack::dtype_code>(array.dtype().code);
  if (code == nb::dlpack::dtype_code::UInt && array.itemsize() == 1)
    return tensor::IntegerArray::own(
        read_rows(ByteSpan(static_cast<const std::uint8_t*>(array.data()), array.nbytes()), kPlace));
  if (code == nb::dlpack::dtype_code::Int && array.itemsize() == 1) return copy_of<std::int8_t>(array);
  if (code == nb::dlpack::dtype_code::Int && array.itemsize() == 2) return copy_of<std::int16_t>(array);
  if (code == nb::dlpack::dtype_code::Int && array.itemsize() == 4) return copy_of<std::int32_t>(array);
  if (code == nb::dlpack::dtype_code::Int && array.itemsize() == 8) return copy_of<std::int64_t>(array);
  throw Failure{{ErrorCode::kUnsupported, std::string(kPlace), "signed integers or rows are expected"}};
}

/// A tensor from what header_of_subject() and values_of_subject() gave.
claim::Subject subject_of(const nb::bytes& header_bytes, const AnyArray& values) {
  claim::Header header = unwrap_read(claim::Header::decode(span_of(header_bytes), "header"));
  header.setup_digest.reset();
  tensor::IntegerArray integers = integers_of(values);
  if (integers.size() != header.layout.axes.volume())
    throw Failure{{ErrorCode::kMismatch, "values", "another number of them than the header says"}};
  return {std::move(header), std::move(integers)};
}

nb::tuple layers_of(const encode::Layout& layout) {
  nb::list layers;
  for (const encode::LayerEntry& entry : layout.layer_map) {
    const nb::tuple shape(nb::cast(entry.original_shape));
    layers.append(nb::make_tuple(entry.name, shape, entry.tap, entry.flat_offset));
  }
  return nb::tuple(layers);
}

}  // namespace

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

  nb::class_<claim::SubjectOptions>(m, "SubjectOptions")
      .def(
          "__init__",
          [](claim::SubjectOptions* options, const std::optional<std::string>& encoding,
             const std::optional<std::string>& layout, const std::optional<std::vector<std::uint64_t>>& axes,
             const std::string& capture_mode, std::pair<std::uint32_t, std::uint32_t> cube_sizes,
             std::optional<std::uint32_t> cube_dims, std::uint64_t pad_seed,
             const std::map<std::string, std::string>& taps) {
            claim::SubjectOptions made = read_options(encoding, layout, axes, capture_mode);
            made.cube = {cube_sizes.first, cube_sizes.second, cube_dims, pad_seed};
            made.taps = claim::Taps(taps.begin(), taps.end());
            new (options) claim::SubjectOptions(std::move(made));
          },
          nb::arg("encoding").none(), nb::arg("layout").none(), nb::arg("axes").none(),
          nb::arg("capture_mode"), nb::arg("cube_sizes"), nb::arg("cube_dims").none(), nb::arg("pad_seed"),
          nb::arg("taps"));

  nb::class_<claim::Subject>(m, "Tensor")
      .def_static(
          "encode",
          [](const std::vector<Source>& sources, const claim::SubjectOptions& options) {
            return without_gil([&] { return unwrap(claim::make_subject(hold(sources), options, kLayers)); });
          },
          nb::arg("sources"), nb::arg("options"),
          nb::sig("def encode(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], "
                  "options: SubjectOptions) -> Tensor"))
      .def_static(
          "read",
          [](const std::string& path, const std::optional<std::string>& encoding,
             const std::optional<std::string>& layout, const std::optional<std::vector<std::uint64_t>>& axes,
             const std::optional<std::string>& capture_mode) {
            return read(path, read_options(encoding, layout, axes, capture_mode));
          },
          nb::arg("path"), nb::arg("encoding").none(), nb::arg("layout").none(), nb::arg("axes").none(),
          nb::arg("capture_mode").none())
      .def("header", &header_of_subject)
      .def_static("of_parts", &subject_of, nb::arg("header"), nb::arg("values"),
                  nb::sig("def of_parts(header: bytes, values: typing.Any) -> Tensor"))
      .def_prop_ro("layout", [](const claim::Subject& t) { return t.header.layout; })
      .def_prop_ro("encoding", [](const claim::Subject& t) { return t.header.encoding.to_string(); })
      .def_prop_ro("dtype", [](const claim::Subject& t) { return dtype_name_of(t.header); })
      .def_prop_ro("capture_mode",
                   [](const claim::Subject& t) { return claim::to_string(t.header.capture_mode); })
      .def("values", &values_of_subject, nb::sig("def values(self) -> numpy.typing.NDArray[typing.Any]"))
      .def(
          "value_at",
          [](const claim::Subject& t, const std::vector<std::uint32_t>& coordinates) {
            return to_python(t.values.view()[unwrap(t.header.layout.axes.index_of(coordinates))].to_bytes());
          },
          nb::arg("coordinates"));

  nb::class_<claim::Captured>(m, "Captured")
      .def_static(
          "of_arrays",
          [](const std::vector<Source>& sources, bool named, const claim::Header& header,
             const std::map<std::string, std::string>& taps) {
            return without_gil([&] {
              return unwrap(claim::captured_like(header, hold(sources, named, DtypeName::kWhereItFits),
                                                 claim::Taps(taps.begin(), taps.end()), kLayers));
            });
          },
          nb::arg("sources"), nb::arg("named"), nb::arg("header"), nb::arg("taps"),
          nb::sig(
              "def of_arrays(sources: collections.abc.Sequence[tuple[str, typing.Any, str]], named: bool, "
              "header: Header, taps: collections.abc.Mapping[str, str]) -> Captured"))
      .def_static(
          "read",
          [](const std::string& path, const claim::Header& header) {
            return unwrap_read(without_gil([&] { return pipeline::read_captured(header, path); }));
          },
          nb::arg("path"), nb::arg("header"))
      .def_static(
          "of_tensor",
          [](const claim::Subject& tensor, const claim::Header& header) {
            return claim::captured_like(header, tensor);
          },
          nb::arg("tensor"), nb::arg("header"));
}

}  // namespace assay::python
