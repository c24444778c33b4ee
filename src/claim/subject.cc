#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "assay/claim.h"
#include "base/json.h"
#include "base/try.h"

namespace assay::claim {
namespace {

using tensor::Encoding;
using tensor::IntegerTensor;
using tensor::Layout;
using tensor::TensorFile;
using tensor::TensorView;

constexpr std::string_view kCaptureFormat = "assay/capture/v1";

Error bad(ErrorCode code, const std::filesystem::path& path, std::string reason) {
  return Error{code, path.string(), std::move(reason)};
}

/// The taps that a capture file lists in its metadata: {name, tap, block}. Other files have none.
Result<std::vector<std::pair<std::string, std::string>>> read_taps(const TensorFile& file,
                                                                   const std::filesystem::path& path) {
  std::vector<std::pair<std::string, std::string>> taps;
  const std::string_view text = file.metadata_value("taps");
  if (file.metadata_value("format") != kCaptureFormat || text.empty()) return taps;
  const std::string place = path.string() + ": metadata taps";
  const Json list = ASSAY_TRY(parse_json(text, place));
  const auto malformed = [&] {
    return Error{ErrorCode::kMalformed, place, "a list of {name, tap, block} is expected"};
  };
  if (!list.is_array()) return malformed();
  for (const Json& each : list) {
    if (!each.is_object() || !each.contains("name") || !each["name"].is_string() || !each.contains("tap") ||
        !each["tap"].is_string()) {
      return malformed();
    }
    auto tap = each["tap"].get<std::string>();
    if (tap == "residual") {
      if (!each.contains("block") || !each["block"].is_number_unsigned()) return malformed();
      tap = fmt::format("block:{}", each["block"].get<std::uint64_t>());
    } else if (tap == "unknown") {
      tap.clear();
    }
    taps.emplace_back(each["name"].get<std::string>(), std::move(tap));
  }
  return taps;
}

struct Layers {
  std::vector<IntegerTensor> tensors;
  Encoding encoding;
  std::optional<tensor::Dtype> dtype;
};

Result<Layers> encode_layers(const TensorFile& file, const std::filesystem::path& path,
                             const std::optional<Encoding>& wanted) {
  if (!file.integer_tensors.empty()) {
    const Encoding encoding = wanted.value_or(Encoding{});
    if (encoding.kind != Encoding::Kind::kInt) {
      return bad(ErrorCode::kUnsupported, path,
                 "Python integers are committed to as they are (encoding int)");
    }
    return Layers{file.integer_tensors, encoding, std::nullopt};
  }
  std::vector<TensorView> views = file.layers();
  if (views.empty() && file.tensors.size() == 1) views = file.tensors;
  if (views.empty()) {
    return bad(ErrorCode::kMalformed, path, "no layer of floats and not one array of integers in it");
  }
  const tensor::Dtype dtype = views.front().dtype;
  Layers out;
  out.encoding =
      wanted.value_or(Encoding{tensor::is_float(dtype) ? Encoding::Kind::kBits : Encoding::Kind::kInt, 0});
  out.dtype = dtype;
  const auto taps = ASSAY_TRY(read_taps(file, path));
  for (const TensorView& view : views) {
    if (view.dtype != dtype) {
      return bad(ErrorCode::kMismatch, path,
                 fmt::format("layer {} is of another dtype than layer {}", view.name, views.front().name));
    }
    IntegerTensor layer{view.name, view.shape, {}, {}};
    Result<tensor::IntegerArray> values = tensor::encode(view, out.encoding);
    if (!values.ok()) {
      Error error = values.error();
      error.place = path.string() + ": " + error.place;
      return error;
    }
    layer.values = *std::move(values);
    for (const auto& [name, tap] : taps) {
      if (name == view.name) layer.tap = tap;
    }
    out.tensors.push_back(std::move(layer));
  }
  return out;
}

Result<Layout> plan(Layout::Kind kind, const std::vector<tensor::LayerShape>& shapes,
                    const SubjectOptions& options) {
  switch (kind) {
    case Layout::Kind::kFlat:
      break;
    case Layout::Kind::kCube:
      return tensor::plan_cube(shapes, options.cube);
    case Layout::Kind::kModel:
      return tensor::plan_model(shapes);
  }
  return tensor::plan_flat(shapes, options.axes);
}

}  // namespace

Result<Subject> read_subject(const std::filesystem::path& path, const SubjectOptions& options) {
  const TensorFile file = ASSAY_TRY(tensor::open(path));
  Layers layers = ASSAY_TRY(encode_layers(file, path, options.encoding));
  const Layout::Kind kind = options.layout.value_or(
      layers.tensors.size() > 1 && !options.axes ? Layout::Kind::kModel : Layout::Kind::kFlat);
  if (options.axes && kind != Layout::Kind::kFlat) {
    return bad(ErrorCode::kMismatch, path, "axes can be chosen for the layout flat alone");
  }

  Layout layout = ASSAY_TRY(plan(kind, tensor::shapes_of(layers.tensors), options));
  tensor::IntegerArray values = ASSAY_TRY(tensor::apply_layout(layout, layers.tensors));
  CaptureMode mode = options.capture_mode.value_or(CaptureMode::kUnknown);
  if (!options.capture_mode && file.metadata_value("format") == kCaptureFormat) {
    mode = capture_mode(file.metadata_value("capture_mode")).value_or(CaptureMode::kUnknown);
  }
  return Subject{std::move(layout), layers.encoding, layers.dtype, mode, std::move(values)};
}

}  // namespace assay::claim
