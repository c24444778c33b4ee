// The pipeline's third step: all layers in one cube, with what it takes to find each value again.
#include <fmt/format.h>

#include <algorithm>

#include "assay/pipeline.h"
#include "base/try.h"
#include "pipeline/directory_json.h"
#include "tensor/npy_write.h"

namespace assay::pipeline {
namespace {

Json hypercube_json(const encode::Layout& layout, tensor::Storage storage) {
  const double total = static_cast<double>(layout.axes.volume());
  Json json;
  json["dimensions"] = layout.axes.sizes();
  json["num_dimensions"] = layout.axes.count();
  json["dimension_size"] = layout.axes[0];
  json["total_real_elements"] = layout.real_count;
  json["total_elements"] = layout.axes.volume();
  json["padding_elements"] = layout.padding();
  json["sparsity_pct"] = 100 * static_cast<double>(layout.padding()) / total;
  json["pad_seed"] = layout.pad_seed;
  json["storage"] = to_string(storage);
  return json;
}

Json layer_map_json(const encode::Layout& layout) {
  Json entries = Json::array();
  for (const encode::LayerEntry& entry : layout.layer_map) {
    Json json;
    json["layer"] = entry.name;
    json["original_shape"] = entry.original_shape;
    json["num_elements"] = entry.num_elements;
    json["flat_offset"] = entry.flat_offset;
    json["flat_end"] = entry.flat_end;
    entries.push_back(std::move(json));
  }
  return entries;
}

std::filesystem::path default_output(std::filesystem::path input) {
  if (!input.has_filename()) input = input.parent_path();  // "dir/"
  return input.concat("_hypercube");
}

Result<encode::LayerEntry> read_layer(const JsonValue& value) {
  const JsonFields fields = ASSAY_TRY(value.open_fields());
  encode::LayerEntry entry;
  entry.name = ASSAY_TRY(fields["layer"].text(kMaxText));
  entry.original_shape = ASSAY_TRY(fields["original_shape"].integers<std::uint64_t>(Axes::kMaxCount));
  entry.num_elements = ASSAY_TRY(fields["num_elements"].integer<std::uint64_t>());
  entry.flat_offset = ASSAY_TRY(fields["flat_offset"].integer<std::uint64_t>());
  entry.flat_end = ASSAY_TRY(fields["flat_end"].integer<std::uint64_t>());
  return entry;
}

Result<encode::Layout> read_layout(const JsonFields& fields, const JsonFields& cube) {
  const tensor::Shape dimensions = ASSAY_TRY(cube["dimensions"].integers<std::uint64_t>(Axes::kMaxCount));
  Axes axes = ASSAY_TRY(cube["dimensions"].located(Axes::from(dimensions, {})));
  const auto real_count = ASSAY_TRY(cube["total_real_elements"].integer<std::uint64_t>());
  encode::Layout layout{encode::Layout::Kind::kCube, std::move(axes), real_count, 0, {}};
  const JsonArray layers = ASSAY_TRY(fields["layer_map"].array(encode::Layout::kMaxLayers));
  layout.layer_map = ASSAY_TRY(layers.all(read_layer));
  if (cube.has("pad_seed")) layout.pad_seed = ASSAY_TRY(cube["pad_seed"].integer<std::uint64_t>());
  ASSAY_TRY(layout.validate());
  return layout;
}

// The figures that follow from the layout, where they are given.
Status check_figures(const JsonFields& cube, const encode::Layout& layout) {
  const std::pair<std::string_view, std::uint64_t> figures[] = {
      {"num_dimensions", layout.axes.count()},
      {"dimension_size", layout.axes[0]},
      {"total_elements", layout.axes.volume()},
      {"padding_elements", layout.padding()},
  };
  for (const auto& [key, expected] : figures) {
    if (cube.has(key) && ASSAY_TRY(cube[key].integer<std::uint64_t>()) != expected) {
      return cube[key].error(ErrorCode::kMismatch, fmt::format("should be {}", expected));
    }
  }
  return {};
}

Status check_padding(const encode::Layout& layout, const IntegerView& values, const std::string& place) {
  const std::vector<std::uint64_t> sources = encode::padding_sources(layout);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (values[layout.real_count + i] != values[sources[i]]) {
      return Error{ErrorCode::kMismatch, fmt::format("{}: value {}", place, layout.real_count + i),
                   "padding that the pad seed does not give"};
    }
  }
  return {};
}

}  // namespace

Result<std::filesystem::path> reshape(const std::filesystem::path& input_dir, const ReshapeOptions& options) {
  JsonText metadata = ASSAY_TRY(JsonText::read(input_dir / kConversionJson, kMaxDirectoryJson));
  const Conversion conversion = ASSAY_TRY(read_conversion_layers(metadata, input_dir));
  const std::vector<tensor::IntegerTensor> layers = conversion.tensors();
  const encode::Layout layout = ASSAY_TRY(encode::plan_cube(encode::shapes_of(layers), options.cube));
  const tensor::IntegerArray values = ASSAY_TRY(encode::apply_layout(layout, layers));

  const std::filesystem::path dir =
      options.output_dir.empty() ? default_output(input_dir) : options.output_dir;
  ASSAY_TRY(make_directory(dir));
  const tensor::Storage storage = choose_storage(values.view(), options.object_storage);
  const tensor::Shape shape(layout.axes.sizes().begin(), layout.axes.sizes().end());
  std::vector<AtomicFile> staged;
  staged.push_back(ASSAY_TRY(tensor::stage_npy(dir / kHypercubeNpy, values.view(), shape, storage)));
  Json json;
  json["hypercube"] = hypercube_json(layout, storage);
  json["layer_map"] = layer_map_json(layout);
  json["conversion_metadata"] = std::move(metadata).take();
  staged.push_back(ASSAY_TRY(stage_json(dir / kHypercubeJson, json)));
  ASSAY_TRY(publish_all(staged));
  return dir;
}

Result<Hypercube> read_hypercube(const std::filesystem::path& dir) {
  const std::filesystem::path path = dir / kHypercubeJson;
  const JsonText json = ASSAY_TRY(JsonText::read(path, kMaxDirectoryJson));
  const JsonFields fields = ASSAY_TRY(json.root().open_fields());
  const JsonFields cube = ASSAY_TRY(fields["hypercube"].open_fields());
  Hypercube result{ASSAY_TRY(read_layout(fields, cube)), {}, {}, {}};
  ASSAY_TRY(check_figures(cube, result.layout));

  const auto storage = ASSAY_TRY(storage_field(cube));
  const std::filesystem::path npy = dir / kHypercubeNpy;
  tensor::IntegerTensor array = ASSAY_TRY(tensor::open_integers(npy, storage == tensor::Storage::kScalar32));
  if (!std::equal(array.shape.begin(), array.shape.end(), result.layout.axes.sizes().begin(),
                  result.layout.axes.sizes().end())) {
    return Error{ErrorCode::kMismatch, npy.string(), "its shape is not the metadata's dimensions"};
  }
  result.values = std::move(array.values);
  // Files without "storage" are the original pipeline's: numpy's generator chose their padding.
  if (storage) ASSAY_TRY(check_padding(result.layout, result.values.view(), npy.string()));
  if (fields.has("conversion_metadata")) {
    const JsonFields metadata = ASSAY_TRY(fields["conversion_metadata"].open_fields());
    const Conversion conversion = ASSAY_TRY(read_conversion_header(metadata));
    result.model_name = conversion.model_name;
    result.encoding = conversion.encoding;
  }
  return result;
}

}  // namespace assay::pipeline
