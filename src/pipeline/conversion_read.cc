#include <fmt/format.h>

#include <algorithm>

#include "assay/pipeline.h"
#include "base/try.h"
#include "pipeline/conversion_json.h"
#include "pipeline/directory_json.h"

namespace assay::pipeline {
namespace {

// A file name of this directory, not a path out of it, in printable ASCII.
Result<std::string> file_name(const JsonFields& fields) {
  std::string name = ASSAY_TRY(fields.text("npy_file"));
  const bool plain = std::all_of(name.begin(), name.end(),
                                 [](char c) { return c >= ' ' && c <= '~' && c != '/' && c != '\\'; });
  if (!plain || name.empty() || name[0] == '.') {
    return fields.error(ErrorCode::kMalformed, "npy_file", "must be a plain file name");
  }
  return name;
}

Result<ConversionLayer> read_entry(const JsonFields& fields) {
  ConversionLayer layer;
  layer.name = ASSAY_TRY(fields.text("layer"));
  layer.original_shape = ASSAY_TRY(fields.counts("original_shape"));
  const std::string dtype_name = ASSAY_TRY(fields.text("original_dtype"));
  const auto dtype = tensor::from_torch_name(dtype_name);
  if (!dtype)
    return fields.error(ErrorCode::kUnsupported, "original_dtype", "no element type that is known here");
  layer.original_dtype = *dtype;
  layer.npy_file = ASSAY_TRY(file_name(fields));
  const std::uint64_t count = ASSAY_TRY(tensor::element_count(layer.original_shape, layer.name));
  if (count == 0 || ASSAY_TRY(fields.count("num_elements")) != count) {
    return fields.error(ErrorCode::kMismatch, "num_elements", "is not the volume of original_shape");
  }
  return layer;
}

Status read_values(const std::filesystem::path& dir, const JsonFields& fields,
                   const encode::Encoding& encoding, ConversionLayer& layer) {
  const auto storage = ASSAY_TRY(storage_field(fields));
  const std::filesystem::path path = dir / layer.npy_file;
  tensor::IntegerTensor array = ASSAY_TRY(tensor::open_integers(path, storage == tensor::Storage::kScalar32));
  if (array.shape != layer.original_shape) {
    return Error{ErrorCode::kMismatch, path.string(), "its shape is not the metadata's original_shape"};
  }
  layer.values = std::move(array.values);
  if (fields.has("sample_converted")) {
    const std::string sample = ASSAY_TRY(fields.decimal("sample_converted"));
    if (sample != layer.values.view()[0].to_signed_decimal()) {
      return fields.error(ErrorCode::kMismatch, "sample_converted", "is not the first value of the array");
    }
  }
  return encode::check_encoding(encoding, layer.original_dtype, layer.name);
}

}  // namespace

Result<std::optional<tensor::Storage>> storage_field(const JsonFields& fields) {
  if (!fields.has("storage")) return std::optional<tensor::Storage>();
  const std::string name = ASSAY_TRY(fields.text("storage"));
  const auto storage = storage_from(name);
  if (!storage) return fields.error(ErrorCode::kMalformed, "storage", "must be int64, scalar32 or object");
  return storage;
}

Result<Conversion> read_conversion_header(const JsonFields& fields) {
  Conversion conversion;
  conversion.model_name = ASSAY_TRY(fields.optional_text("model_name"));
  conversion.prompt = ASSAY_TRY(fields.optional_text("prompt"));
  conversion.generated_text = ASSAY_TRY(fields.optional_text("generated_text"));
  const JsonFields scaling = ASSAY_TRY(fields.object("conversion"));
  const std::uint64_t scale = ASSAY_TRY(scaling.count("effective_scale"));
  const std::uint64_t factor = ASSAY_TRY(scaling.count("scale_factor"));
  const std::uint64_t truncated = ASSAY_TRY(scaling.count("truncated_digits"));
  conversion.quantize_pct = ASSAY_TRY(scaling.real("quantize_pct"));
  if (factor > encode::Encoding::kMaxScale || scale > factor || factor - scale != truncated) {
    return scaling.error(ErrorCode::kMismatch, "effective_scale",
                         "is not scale_factor less truncated_digits");
  }
  conversion.scale_factor = static_cast<std::uint32_t>(factor);
  conversion.encoding = {encode::Encoding::Kind::kDecimal, static_cast<std::uint32_t>(scale)};
  if (scaling.has("encoding")) {
    const std::string name = ASSAY_TRY(scaling.text("encoding"));
    conversion.encoding = ASSAY_TRY(encode::Encoding::parse(name, "encoding"));
    if (conversion.encoding.scale != scale) {
      return scaling.error(ErrorCode::kMismatch, "encoding", "has another scale than effective_scale");
    }
  }
  const auto storage = ASSAY_TRY(storage_field(scaling));
  conversion.storage = storage.value_or(tensor::Storage::kObject);
  return conversion;
}

std::vector<tensor::IntegerTensor> Conversion::tensors() const {
  std::vector<tensor::IntegerTensor> tensors;
  for (const ConversionLayer& layer : layers) {
    tensors.push_back({layer.name, layer.original_shape, layer.values, {}});
  }
  return tensors;
}

Result<Conversion> read_conversion(const std::filesystem::path& dir) {
  const std::filesystem::path path = dir / kConversionJson;
  const Json json = ASSAY_TRY(read_json_file(path));
  const JsonFields fields = ASSAY_TRY(JsonFields::of(json, path.string()));
  Conversion conversion = ASSAY_TRY(read_conversion_header(fields));
  const std::vector<JsonFields> entries = ASSAY_TRY(fields.objects("layers"));
  if (entries.empty() || entries.size() > kMaxDirectoryLayers) {
    return fields.error(ErrorCode::kOutOfRange, "layers", "must be 1 to 512");
  }
  for (const JsonFields& entry : entries) {
    ConversionLayer layer = ASSAY_TRY(read_entry(entry));
    ASSAY_TRY(read_values(dir, entry, conversion.encoding, layer));
    conversion.layers.push_back(std::move(layer));
  }
  return conversion;
}

}  // namespace assay::pipeline
