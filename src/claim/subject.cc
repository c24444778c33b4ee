#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "assay/claim.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::claim {
namespace {

namespace fs = std::filesystem;
using tensor::Dtype;
using tensor::Encoding;
using tensor::IntegerTensor;
using tensor::Layout;
using tensor::TensorFile;
using tensor::TensorView;

constexpr std::string_view kCaptureFormat = "assay/capture/v1";
constexpr std::size_t kMaxTapsBytes = std::size_t{1} << 26;
constexpr std::size_t kMaxTapText = 1024;  // as long as the header's texts may be

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
      return bad(
          ErrorCode::kMismatch, path,
          fmt::format("'{}' is {} and '{}' is {}: all must be of one element type", arrays[0].name,
                      tensor::torch_name(arrays[0].dtype), array.name, tensor::torch_name(array.dtype)));
  }
  return std::optional<Dtype>{arrays[0].dtype};
}

// The tap as the header writes it, from one entry of a capture's list.
Result<std::string> tap_name(const JsonFields& entry) {
  if (!entry.has("tap")) return std::string();
  std::string tap = ASSAY_TRY(entry["tap"].text(kMaxTapText));
  if (tap == "unknown") return std::string();
  if (tap != "residual" || !entry.has("block") || entry["block"].is_null()) return tap;
  return fmt::format("block:{}", ASSAY_TRY(entry["block"].integer<std::uint32_t>()));
}

Status add_taps(const TensorFile& file, std::vector<IntegerTensor>& layers, const fs::path& path) {
  const std::string_view text = file.metadata_value("taps");
  if (text.empty()) return {};
  const JsonText taps = ASSAY_TRY(JsonText::parse(text, path.string() + ": taps", kMaxTapsBytes));
  const JsonArray entries = ASSAY_TRY(taps.root().array(Layout::kMaxLayers));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const JsonFields entry = ASSAY_TRY(entries[i].open_fields());
    const std::string name = ASSAY_TRY(entry["name"].text(kMaxTapText));
    for (IntegerTensor& layer : layers)
      if (layer.name == name) layer.tap = ASSAY_TRY(tap_name(entry));
  }
  return {};
}

Result<CaptureMode> mode_of(const TensorFile& file, const SubjectOptions& options, const fs::path& path) {
  const std::string held = is_capture(file) ? std::string(file.metadata_value("capture_mode")) : "";
  if (held.empty()) return options.capture_mode.value_or(CaptureMode::kUnknown);
  const std::optional<CaptureMode> mode = capture_mode(held);
  if (!mode)
    return Error{ErrorCode::kMalformed, path.string() + ": capture_mode", "'" + held + "' is no mode"};
  if (options.capture_mode && *options.capture_mode != *mode)
    return bad(ErrorCode::kMismatch, path,
               fmt::format("a capture of mode {}, not {}", held, to_string(*options.capture_mode)));
  return *mode;
}

Result<std::vector<IntegerTensor>> encode_all(const TensorFile& file, const std::vector<TensorView>& arrays,
                                              const Encoding& encoding, const fs::path& path) {
  std::vector<IntegerTensor> layers;
  for (const TensorView& array : arrays) {
    Result<tensor::IntegerArray> values = tensor::encode(array, encoding);
    if (!values.ok()) return within(path.string(), values.error());
    layers.push_back({array.name, array.shape, *std::move(values), ""});
  }
  if (!arrays.empty()) return layers;
  if (file.integer_tensors.empty()) return bad(ErrorCode::kMalformed, path, "holds no array");
  if (encoding.kind != Encoding::Kind::kInt)
    return bad(ErrorCode::kUnsupported, path, "Python integers take the encoding int alone");
  return file.integer_tensors;
}

Encoding default_encoding(const std::optional<Dtype>& dtype) {
  return {dtype && tensor::is_float(*dtype) ? Encoding::Kind::kBits : Encoding::Kind::kInt, 0};
}

Result<Layout> plan(const SubjectOptions& options, const std::vector<IntegerTensor>& layers, bool as_model) {
  const std::vector<tensor::LayerShape> shapes = tensor::shapes_of(layers);
  const Layout::Kind kind =
      options.layout.value_or(as_model && !options.axes ? Layout::Kind::kModel : Layout::Kind::kFlat);
  if (options.axes && kind != Layout::Kind::kFlat)
    return Error{ErrorCode::kMismatch, "axes",
                 fmt::format("the layout {} chooses its own", tensor::to_string(kind))};
  switch (kind) {
    case Layout::Kind::kCube:
      return tensor::plan_cube(shapes);
    case Layout::Kind::kModel:
      return tensor::plan_model(shapes);
    case Layout::Kind::kFlat:
      break;
  }
  return tensor::plan_flat(shapes, options.axes);
}

// A directory of `reshape` says itself what its integers are.
Result<Subject> read_cube(const fs::path& path, const SubjectOptions& options) {
  if (options.encoding || options.layout || options.axes)
    return bad(ErrorCode::kMismatch, path,
               "a directory of reshape has its own encoding, layout and axes: choose none");
  tensor::Hypercube cube = ASSAY_TRY(tensor::read_hypercube(path));
  const CaptureMode mode = options.capture_mode.value_or(CaptureMode::kUnknown);
  return Subject{{std::move(cube.layout), cube.encoding.value_or(Encoding{}), std::nullopt, mode, {}},
                 std::move(cube.values)};
}

bool names_directory(const fs::path& path) {
  std::error_code failure;
  return fs::is_directory(path, failure);
}

template <class T>
Result<T> in_file(const fs::path& path, Result<T> result) {
  if (result.ok()) return result;
  return within(path.string(), result.error());
}

}  // namespace

Result<Subject> read_subject(const fs::path& path, const SubjectOptions& options) {
  if (names_directory(path)) return read_cube(path, options);
  const TensorFile file = ASSAY_TRY(tensor::open(path));
  const std::vector<TensorView> arrays = arrays_of(file);
  const std::optional<Dtype> dtype = ASSAY_TRY(common_dtype(arrays, path));
  const Encoding encoding = options.encoding.value_or(default_encoding(dtype));
  if (dtype) ASSAY_TRY(tensor::check_encoding(encoding, *dtype, path.string()));
  std::vector<IntegerTensor> layers = ASSAY_TRY(encode_all(file, arrays, encoding, path));
  if (is_capture(file)) ASSAY_TRY(add_taps(file, layers, path));
  const bool as_model = layers.size() > 1 || is_capture(file);
  Layout layout = ASSAY_TRY(in_file(path, plan(options, layers, as_model)));
  tensor::IntegerArray values = ASSAY_TRY(in_file(path, tensor::apply_layout(layout, layers)));
  const CaptureMode mode = ASSAY_TRY(mode_of(file, options, path));
  return Subject{{std::move(layout), encoding, dtype, mode, {}}, std::move(values)};
}

Result<tensor::IntegerArray> read_values_like(const Header& header, const fs::path& path) {
  if (names_directory(path)) return ASSAY_TRY(tensor::read_hypercube(path)).values;
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

}  // namespace assay::claim
