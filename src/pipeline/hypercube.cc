// The pipeline's third step: all layers in one cube, with what it takes to find each value again.
#include <fmt/format.h>

#include <algorithm>

#include "assay/pipeline.h"
#include "base/new_directory.h"
#include "base/try.h"
#include "base/within.h"
#include "encode/cube_options.h"
#include "pipeline/directory_json.h"
#include "tensor/npy_write.h"

namespace assay::pipeline {
namespace {

Json hypercube_json(const encode::Layout& layout, const encode::CubeOptions& options,
                    tensor::Storage storage) {
  const double total = static_cast<double>(layout.axes.volume());
  Json json;
  json["dimensions"] = layout.axes.sizes();
  json["num_dimensions"] = layout.axes.count();
  json["dimension_size"] = layout.axes[0];
  json["product"] = layout.axes.volume();
  json["total_real_elements"] = layout.real_count;
  json["padding_elements"] = layout.padding();
  json["sparsity_pct"] = 100 * static_cast<double>(layout.padding()) / total;
  json["pad_fill"] = "random (sampled from real activations)";
  json["pad_seed"] = layout.pad_seed;
  json["dim_range"] = {options.min_dim, options.max_dim};
  json["flatten_order"] = "C (row-major)";
  json["storage"] = to_string(storage);
  return json;
}

// For people: how to find a value again.
Json recovery_json(const encode::Layout& layout) {
  Json json;
  json["description"] =
      "indices are in C order; layers stand one after the other as layer_map lists them, padding behind them";
  json["flat_to_hypercube"] = "coords = numpy.unravel_index(flat_index, dimensions)";
  json["hypercube_to_flat"] = "flat_index = numpy.ravel_multi_index(coords, dimensions)";
  json["flat_to_layer"] =
      "the entry of layer_map with flat_offset <= flat_index < flat_end; within the layer it is "
      "numpy.unravel_index(flat_index - flat_offset, original_shape)";
  json["is_padding"] = fmt::format("flat_index >= {}", layout.real_count);
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
      {"product", layout.axes.volume()},
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

Result<Hypercube> read_undescribed_cube(const std::filesystem::path& dir) {
  tensor::IntegerTensor array = ASSAY_TRY(open_undescribed(dir / kHypercubeNpy));
  const Axes axes = ASSAY_TRY(Axes::from(array.shape, (dir / kHypercubeNpy).string()));
  return Hypercube{ASSAY_TRY(plain_layout(axes)), std::move(array.values), {}, {}};
}

/// Model and encoding: of all of conversion_metadata.json, or of what the original pipeline keeps of it.
/// Where the original had no such file, its "conversion_params" are empty.
Status read_origin(const JsonFields& fields, Hypercube& cube) {
  if (fields.has("model_name")) cube.model_name = ASSAY_TRY(fields["model_name"].text(kMaxDirectoryJson));
  if (fields.has("conversion_params")) {
    const JsonFields scaling = ASSAY_TRY(fields["conversion_params"].open_fields());
    Conversion conversion;
    if (scaling.size() > 0) {
      ASSAY_TRY(read_scaling(scaling, conversion));
      cube.encoding = conversion.encoding;
    }
  }
  if (!fields.has("conversion_metadata")) return {};
  const JsonFields metadata = ASSAY_TRY(fields["conversion_metadata"].open_fields());
  const Conversion conversion = ASSAY_TRY(read_conversion_header(metadata));
  if (cube.encoding && *cube.encoding != conversion.encoding)
    return fields["conversion_params"].error(ErrorCode::kMismatch, "are not those of conversion_metadata");
  cube.model_name = conversion.model_name;
  cube.encoding = conversion.encoding;
  return {};
}

}  // namespace

Result<std::filesystem::path> reshape(const std::filesystem::path& input_dir, const ReshapeOptions& options) {
  ASSAY_TRY(encode::check_cube_options(options.cube));
  ASSAY_TRY(require_directory(input_dir));
  Json metadata;
  Conversion conversion;
  if (has_file(input_dir, kConversionJson)) {
    JsonText text = ASSAY_TRY(JsonText::read(input_dir / kConversionJson, kMaxDirectoryJson));
    conversion = ASSAY_TRY(read_conversion_layers(text, input_dir));
    metadata = std::move(text).take();
  } else {
    conversion = ASSAY_TRY(read_undescribed_layers(input_dir));
  }
  const std::vector<tensor::IntegerTensor> layers = conversion.tensors();
  const encode::Layout layout =
      ASSAY_TRY(within(input_dir.string(), encode::plan_cube(encode::shapes_of(layers), options.cube)));
  const tensor::IntegerArray values =
      ASSAY_TRY(within(input_dir.string(), encode::apply_layout(layout, layers)));

  const std::filesystem::path dir =
      options.output_dir.empty() ? default_output(input_dir) : options.output_dir;
  const NewDirectory made = ASSAY_TRY(NewDirectory::create(dir));
  const tensor::Storage storage = choose_storage(values.view(), options.object_storage);
  const tensor::Shape shape(layout.axes.sizes().begin(), layout.axes.sizes().end());
  std::vector<AtomicFile> staged;
  staged.push_back(ASSAY_TRY(tensor::stage_npy(dir / kHypercubeNpy, values.view(), shape, storage)));
  Json json;
  json["source_dir"] = std::filesystem::absolute(input_dir).string();
  json["model_name"] = conversion.model_name.empty() ? "unknown" : conversion.model_name;
  json["conversion_params"] = metadata.is_null() ? Json::object() : metadata["conversion"];
  json["hypercube"] = hypercube_json(layout, options.cube, storage);
  json["layer_map"] = layer_map_json(layout);
  json["recovery"] = recovery_json(layout);
  if (!metadata.is_null()) json["conversion_metadata"] = std::move(metadata);
  staged.push_back(ASSAY_TRY(stage_json(dir / kHypercubeJson, json)));
  ASSAY_TRY(publish_all(staged));
  return dir;
}

Result<encode::Layout> plain_layout(const Axes& axes) {
  const encode::LayerShape layer{"array", tensor::Shape(axes.sizes().begin(), axes.sizes().end()), ""};
  return encode::plan_flat(std::span(&layer, 1));
}

Result<Hypercube> read_hypercube(const std::filesystem::path& dir) {
  ASSAY_TRY(require_directory(dir));
  if (!has_file(dir, kHypercubeJson) && has_file(dir, kHypercubeNpy)) return read_undescribed_cube(dir);
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
  ASSAY_TRY(read_origin(fields, result));
  return result;
}

}  // namespace assay::pipeline
