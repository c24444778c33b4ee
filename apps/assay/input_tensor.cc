#include "input_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "arguments.h"
#include "base/json.h"
#include "base/try.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;
using tensor::Dtype;
using tensor::Encoding;
using tensor::IntegerTensor;
using tensor::Layout;
using tensor::TensorFile;
using tensor::TensorView;

constexpr std::string_view kCaptureFormat = "assay/capture/v1";

Error bad(ErrorCode code, const fs::path& path, std::string reason) {
  return {code, path.string(), std::move(reason)};
}

bool is_capture(const TensorFile& file) { return file.metadata_value("format") == kCaptureFormat; }

// The arrays of a file that are to be committed to: layers where there are floats, else every array.
std::vector<TensorView> arrays_of(const TensorFile& file) {
  std::vector<TensorView> layers = file.layers();
  return layers.empty() ? file.tensors : layers;
}

Result<std::optional<Dtype>> common_dtype(const std::vector<TensorView>& arrays, const fs::path& path) {
  if (arrays.empty()) return std::optional<Dtype>{};
  for (const TensorView& array : arrays) {
    if (array.dtype != arrays[0].dtype)
      return bad(ErrorCode::kMismatch, path,
                 fmt::format("'{}' is {} and '{}' is {}: all must be of one element type", arrays[0].name,
                             tensor::torch_name(arrays[0].dtype), array.name,
                             tensor::torch_name(array.dtype)));
  }
  return std::optional<Dtype>{arrays[0].dtype};
}

// The tap as the header writes it, from one entry of a capture's list.
std::string tap_name(const Json& entry) {
  if (!entry.contains("tap") || !entry["tap"].is_string()) return "";
  const std::string tap = entry["tap"].get<std::string>();
  if (tap == "residual" && entry.contains("block") && entry["block"].is_number_unsigned())
    return fmt::format("block:{}", entry["block"].get<std::uint64_t>());
  return tap == "unknown" ? "" : tap;
}

Status add_taps(const TensorFile& file, std::vector<IntegerTensor>& layers, const fs::path& path) {
  const std::string_view text = file.metadata_value("taps");
  if (text.empty()) return {};
  const std::string place = path.string() + ": taps";
  const Json taps = ASSAY_TRY(parse_json(text, place));
  if (!taps.is_array()) return Error{ErrorCode::kMalformed, place, "not a list"};
  for (const Json& entry : taps) {
    if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string())
      return Error{ErrorCode::kMalformed, place, "an entry without a name"};
    const std::string name = entry["name"].get<std::string>();
    for (IntegerTensor& layer : layers)
      if (layer.name == name) layer.tap = tap_name(entry);
  }
  return {};
}

Result<claim::CaptureMode> mode_of(const TensorFile& file, const InputOptions& options) {
  const std::string given = options.capture_mode;
  const std::string held = is_capture(file) ? std::string(file.metadata_value("capture_mode")) : "";
  if (!given.empty() && !held.empty() && given != held)
    return bad(ErrorCode::kMismatch, options.path,
               fmt::format("a capture of mode {}, not {}: leave --capture-mode out", held, given));
  const std::string name = given.empty() ? held : given;
  if (name.empty()) return claim::CaptureMode::kUnknown;
  const auto mode = claim::capture_mode(name);
  if (!mode)
    return Error{ErrorCode::kMalformed, given.empty() ? options.path + ": capture_mode" : "--capture-mode",
                 fmt::format("'{}' is none of unknown, decode, prefill, recompute", name)};
  return *mode;
}

Result<std::vector<IntegerTensor>> encode_all(const TensorFile& file, const std::vector<TensorView>& arrays,
                                              const Encoding& encoding, const fs::path& path) {
  std::vector<IntegerTensor> layers;
  for (const TensorView& array : arrays) {
    Result<tensor::IntegerArray> values = tensor::encode(array, encoding);
    if (!values.ok()) return within_file(path, values.error());
    layers.push_back({array.name, array.shape, *std::move(values), ""});
  }
  if (!arrays.empty()) return layers;
  if (file.integer_tensors.empty()) return bad(ErrorCode::kMalformed, path, "holds no array");
  if (encoding.kind != Encoding::Kind::kInt)
    return bad(ErrorCode::kUnsupported, path, "Python integers take the encoding int alone");
  return file.integer_tensors;
}

Result<Encoding> choose_encoding(const std::string& given, const std::optional<Dtype>& dtype) {
  if (!given.empty()) return Encoding::parse(given, "--encoding");
  return Encoding{dtype && tensor::is_float(*dtype) ? Encoding::Kind::kBits : Encoding::Kind::kInt, 0};
}

Result<Layout> plan(const InputOptions& options, const std::vector<IntegerTensor>& layers, bool as_model) {
  const std::vector<tensor::LayerShape> shapes = tensor::shapes_of(layers);
  Layout::Kind kind = as_model && options.axes.empty() ? Layout::Kind::kModel : Layout::Kind::kFlat;
  if (!options.layout.empty()) {
    const auto named = tensor::layout_kind(options.layout);
    if (!named)
      return Error{ErrorCode::kMalformed, "--layout",
                   fmt::format("'{}' is none of flat, cube, model", options.layout)};
    kind = *named;
  }
  if (!options.axes.empty() && kind != Layout::Kind::kFlat)
    return Error{ErrorCode::kMismatch, "--axes",
                 fmt::format("the layout {} chooses its own axes", tensor::to_string(kind))};
  switch (kind) {
    case Layout::Kind::kCube:
      return tensor::plan_cube(shapes);
    case Layout::Kind::kModel:
      return tensor::plan_model(shapes);
    case Layout::Kind::kFlat:
      break;
  }
  std::optional<Axes> axes;
  if (!options.axes.empty()) axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  return tensor::plan_flat(shapes, axes);
}

// A directory of `reshape` says itself what its integers are.
Result<InputTensor> load_hypercube(const InputOptions& options) {
  for (const std::string* flag : {&options.encoding, &options.layout, &options.axes}) {
    if (!flag->empty())
      return bad(ErrorCode::kMismatch, options.path,
                 "a directory of reshape has its own encoding, layout and axes: leave the flags out");
  }
  tensor::Hypercube cube = ASSAY_TRY(tensor::read_hypercube(options.path));
  const claim::CaptureMode mode = ASSAY_TRY(mode_of(TensorFile{}, options));
  return InputTensor{{std::move(cube.layout), cube.encoding.value_or(Encoding{}), std::nullopt, mode, {}},
                     std::move(cube.values)};
}

bool is_directory(const fs::path& path) {
  std::error_code failure;
  return fs::is_directory(path, failure);
}

template <class T>
Result<T> in_file(const fs::path& path, Result<T> result) {
  if (result.ok() || result.error().place.starts_with("--")) return result;
  return within_file(path, result.error());
}

}  // namespace

Result<InputTensor> load_input(const InputOptions& options) {
  const fs::path path = options.path;
  if (is_directory(path)) return load_hypercube(options);
  const TensorFile file = ASSAY_TRY(tensor::open(path));
  const std::vector<TensorView> arrays = arrays_of(file);
  const std::optional<Dtype> dtype = ASSAY_TRY(common_dtype(arrays, path));
  const Encoding encoding = ASSAY_TRY(choose_encoding(options.encoding, dtype));
  if (dtype) ASSAY_TRY(tensor::check_encoding(encoding, *dtype, path.string()));
  std::vector<IntegerTensor> layers = ASSAY_TRY(encode_all(file, arrays, encoding, path));
  if (is_capture(file)) ASSAY_TRY(add_taps(file, layers, path));
  const bool as_model = layers.size() > 1 || is_capture(file);
  Layout layout = ASSAY_TRY(in_file(path, plan(options, layers, as_model)));
  tensor::IntegerArray values = ASSAY_TRY(in_file(path, tensor::apply_layout(layout, layers)));
  const claim::CaptureMode mode = ASSAY_TRY(mode_of(file, options));
  return InputTensor{{std::move(layout), encoding, dtype, mode, {}}, std::move(values)};
}

Result<tensor::IntegerArray> load_input_like(const claim::Header& header, const fs::path& path) {
  if (is_directory(path)) return ASSAY_TRY(tensor::read_hypercube(path)).values;
  const TensorFile file = ASSAY_TRY(tensor::open(path));
  const std::vector<TensorView> arrays = arrays_of(file);
  const std::optional<Dtype> dtype = ASSAY_TRY(common_dtype(arrays, path));
  if (dtype && header.dtype && *dtype != *header.dtype)
    return bad(ErrorCode::kMismatch, path,
               fmt::format("holds {}, the commitment is to {}", tensor::torch_name(*dtype),
                           tensor::torch_name(*header.dtype)));
  // A cube of integers stands for floats in whatever way its header says; its file holds the integers alone.
  Encoding encoding = header.encoding;
  if (!dtype || !tensor::is_float(*dtype)) encoding = Encoding{};
  std::vector<IntegerTensor> layers = ASSAY_TRY(encode_all(file, arrays, encoding, path));
  const std::vector<tensor::LayerEntry>& map = header.layout.layer_map;
  const Axes& axes = header.layout.axes;
  if (layers.size() == 1 &&
      std::equal(layers[0].shape.begin(), layers[0].shape.end(), axes.sizes().begin(), axes.sizes().end()) &&
      (map.size() > 1 || layers[0].shape != map[0].original_shape))
    return layers[0].values;  // the committed tensor itself, padding and all
  if (layers.size() == 1 && map.size() == 1) layers[0].name = map[0].name;
  return in_file(path, tensor::apply_layout(header.layout, layers));
}

}  // namespace assay::cli
