// Arrays that become tensors to commit to.
#include <fmt/format.h>

#include <algorithm>

#include "assay/prover.h"
#include "base/json_fields.h"
#include "base/try.h"
#include "base/within.h"
#include "claim/encode_arrays.h"

namespace assay::claim {
namespace {

namespace fs = std::filesystem;
using encode::Encoding;
using encode::Layout;
using tensor::Dtype;
using tensor::TensorFile;

constexpr std::string_view kCaptureFormat = "assay/capture/v1";
constexpr std::size_t kMaxTapsBytes = std::size_t{1} << 26;
constexpr std::size_t kMaxTapText = 1024;  // as long as the header's texts may be

bool is_capture(const TensorFile& file) { return file.metadata_value("format") == kCaptureFormat; }

// The tap as the header writes it, from one entry of a capture's list.
Result<std::string> tap_name(const JsonFields& entry) {
  if (!entry.has("tap")) return std::string();
  std::string tap = ASSAY_TRY(entry["tap"].text(kMaxTapText));
  if (tap == "unknown") return std::string();
  if (tap != "residual" || !entry.has("block") || entry["block"].is_null()) return tap;
  return fmt::format("block:{}", ASSAY_TRY(entry["block"].integer<std::uint32_t>()));
}

Result<Taps> taps_of(const TensorFile& file, std::string_view place) {
  const std::string_view text = file.metadata_value("taps");
  if (text.empty()) return Taps{};
  const JsonText list = ASSAY_TRY(JsonText::parse(text, fmt::format("{}: taps", place), kMaxTapsBytes));
  const JsonArray entries = ASSAY_TRY(list.root().array(Layout::kMaxLayers));
  Taps taps;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const JsonFields entry = ASSAY_TRY(entries[i].open_fields());
    taps[ASSAY_TRY(entry["name"].text(kMaxTapText))] = ASSAY_TRY(tap_name(entry));
  }
  return taps;
}

Result<std::optional<CaptureMode>> mode_of(const TensorFile& file, std::optional<CaptureMode> asked,
                                           std::string_view place) {
  const std::string_view held = file.metadata_value("capture_mode");
  if (held.empty()) return asked;
  const std::optional<CaptureMode> mode = capture_mode(held);
  if (!mode)
    return Error{ErrorCode::kMalformed, fmt::format("{}: capture_mode", place),
                 fmt::format("'{}' is not a mode", held)};
  if (asked && *asked != *mode)
    return Error{ErrorCode::kMismatch, std::string(place),
                 fmt::format("a capture of mode {}, not {}", held, to_string(*asked))};
  return mode;
}

// Its layers have the name of the block behind which their rows were taken.
SubjectOptions options_of_gotact(const TensorFile& file, SubjectOptions options) {
  constexpr std::string_view kLayer = "layer_";
  for (const tensor::TensorView& layer : file.tensors)
    options.taps.try_emplace(layer.name, fmt::format("block:{}", layer.name.substr(kLayer.size())));
  if (!options.axes && !options.layout) options.layout = Layout::Kind::kModel;
  return options;
}

Result<Layout> plan(const SubjectOptions& options, std::span<const encode::LayerShape> shapes) {
  const bool flat = options.axes || shapes.size() == 1;
  const Layout::Kind kind = options.layout.value_or(flat ? Layout::Kind::kFlat : Layout::Kind::kModel);
  if (options.axes && kind != Layout::Kind::kFlat)
    return Error{ErrorCode::kMismatch, "axes",
                 fmt::format("the layout {} chooses its own: leave them out, or choose flat",
                             encode::to_string(kind))};
  switch (kind) {
    case Layout::Kind::kCube:
      return encode::plan_cube(shapes, options.cube);
    case Layout::Kind::kModel:
      return encode::plan_model(shapes);
    case Layout::Kind::kFlat:
      break;
  }
  return encode::plan_flat(shapes, options.axes);
}

Encoding default_encoding(const std::optional<Dtype>& dtype) {
  return {dtype && tensor::is_float(*dtype) ? Encoding::Kind::kBits : Encoding::Kind::kInt, 0};
}

}  // namespace

Arrays arrays_of(const TensorFile& file) {
  std::vector<tensor::TensorView> layers = file.layers();
  if (layers.empty()) layers = file.tensors;
  return {std::move(layers), file.integer_tensors, file.container != tensor::Container::kNpy};
}

Result<SubjectOptions> options_of_capture(const TensorFile& file, SubjectOptions options,
                                          std::string_view place) {
  if (file.container == tensor::Container::kGotact) return options_of_gotact(file, std::move(options));
  if (!is_capture(file)) return options;
  options.capture_mode = ASSAY_TRY(mode_of(file, options.capture_mode, place));
  const Taps taps = ASSAY_TRY(taps_of(file, place));
  // A list in a .pt file has names by its order: with one left out the rest would have another's.
  const std::size_t layers = file.layers().size();
  if (file.container == tensor::Container::kTorch && !taps.empty() && taps.size() != layers)
    return Error{ErrorCode::kMismatch, fmt::format("{}: taps", place),
                 fmt::format("of {} layers, the file has {}", taps.size(), layers)};
  for (const auto& [name, tap] : taps) options.taps.try_emplace(name, tap);
  if (!options.axes && !options.layout) options.layout = Layout::Kind::kModel;
  return options;
}

Result<Header> plan_subject(const Arrays& arrays, const SubjectOptions& options, std::string_view place) {
  const std::optional<Dtype> dtype = ASSAY_TRY(internal::common_dtype(arrays, place));
  const Encoding encoding = options.encoding.value_or(default_encoding(dtype));
  if (dtype) ASSAY_TRY(encode::check_encoding(encoding, *dtype, place));
  Result<Layout> layout = plan(options, internal::shapes_of(arrays, options.taps));
  if (!layout.ok()) return within(place, layout.error());
  return Header{*std::move(layout), encoding, dtype, options.capture_mode.value_or(CaptureMode::kUnknown)};
}

Result<Subject> make_subject(const Arrays& arrays, const SubjectOptions& options, std::string_view place) {
  Header header = ASSAY_TRY(plan_subject(arrays, options, place));
  const std::vector<tensor::IntegerTensor> layers =
      ASSAY_TRY(internal::encode_arrays(arrays, header.encoding, place));
  Result<tensor::IntegerArray> values = encode::apply_layout(header.layout, layers);
  if (!values.ok()) return within(place, values.error());
  return Subject{std::move(header), *std::move(values)};
}

Result<Subject> read_subject(const fs::path& path, const SubjectOptions& options) {
  const TensorFile file = ASSAY_TRY(tensor::open(path));
  return make_subject(arrays_of(file), ASSAY_TRY(options_of_capture(file, options, path.string())),
                      path.string());
}

}  // namespace assay::claim
