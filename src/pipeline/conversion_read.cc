#include <fmt/format.h>

#include "assay/pipeline.h"
#include "base/try.h"
#include "pipeline/directory_json.h"

namespace assay::pipeline {
namespace {

Result<std::string> optional_text(const JsonFields& fields, std::string_view name) {
  return fields.has(name) ? fields[name].text(kMaxDirectoryJson) : Result<std::string>(std::string());
}

// A file name of this directory, not a path out of it, in printable ASCII.
Result<std::string> file_name(const JsonValue& value) {
  std::string name = ASSAY_TRY(value.ascii(kMaxText));
  if (name.empty() || name[0] == '.' || name.find_first_of("/\\") != name.npos) {
    return value.error(ErrorCode::kMalformed, "must be a plain file name");
  }
  return name;
}

Result<ConversionLayer> read_entry(const JsonFields& fields, const encode::Encoding& encoding) {
  ConversionLayer layer;
  layer.name = ASSAY_TRY(fields["layer"].text(kMaxText));
  layer.original_shape = ASSAY_TRY(fields["original_shape"].integers<std::uint64_t>(Axes::kMaxCount));
  const auto dtype = tensor::from_torch_name(ASSAY_TRY(fields["original_dtype"].text(kMaxText)));
  if (!dtype)
    return fields["original_dtype"].error(ErrorCode::kUnsupported, "no element type that is known here");
  layer.npy_file = ASSAY_TRY(file_name(fields["npy_file"]));
  const std::uint64_t count = ASSAY_TRY(tensor::element_count(layer.original_shape, layer.name));
  if (count == 0 || ASSAY_TRY(fields["num_elements"].integer<std::uint64_t>()) != count) {
    return fields["num_elements"].error(ErrorCode::kMismatch, "is not the volume of original_shape");
  }
  ASSAY_TRY(encode::check_encoding(encoding, *dtype, layer.name));
  return layer;
}

Status read_values(const std::filesystem::path& dir, const JsonFields& fields, ConversionLayer& layer) {
  const auto storage = ASSAY_TRY(storage_field(fields));
  const std::filesystem::path path = dir / layer.npy_file;
  tensor::IntegerTensor array = ASSAY_TRY(tensor::open_integers(path, storage == tensor::Storage::kScalar32));
  if (array.shape != layer.original_shape) {
    return Error{ErrorCode::kMismatch, path.string(), "its shape is not the metadata's original_shape"};
  }
  layer.values = std::move(array.values);
  if (fields.has("sample_converted")) {
    const std::string sample = ASSAY_TRY(fields["sample_converted"].decimal());
    if (sample != layer.values.view()[0].to_signed_decimal()) {
      return fields["sample_converted"].error(ErrorCode::kMismatch, "is not the first value of the array");
    }
  }
  return {};
}

}  // namespace

Result<std::optional<tensor::Storage>> storage_field(const JsonFields& fields) {
  if (!fields.has("storage")) return std::optional<tensor::Storage>();
  const auto storage = storage_from(ASSAY_TRY(fields["storage"].text(kMaxText)));
  if (!storage) return fields["storage"].error(ErrorCode::kMalformed, "must be int64, scalar32 or object");
  return storage;
}

Status read_scaling(const JsonFields& scaling, Conversion& conversion) {
  const std::uint64_t scale = ASSAY_TRY(scaling["effective_scale"].integer<std::uint64_t>());
  const std::uint64_t factor = ASSAY_TRY(scaling["scale_factor"].integer<std::uint64_t>());
  const std::uint64_t truncated = ASSAY_TRY(scaling["truncated_digits"].integer<std::uint64_t>());
  conversion.quantize_pct = ASSAY_TRY(scaling["quantize_pct"].real());
  if (factor > encode::Encoding::kMaxScale)
    return scaling["scale_factor"].error(
        ErrorCode::kOutOfRange,
        fmt::format("is {}, at most {} digits are kept", factor, encode::Encoding::kMaxScale));
  if (scale > factor || factor - scale != truncated) {
    return scaling["effective_scale"].error(ErrorCode::kMismatch,
                                            "is not scale_factor less truncated_digits");
  }
  conversion.scale_factor = static_cast<std::uint32_t>(factor);
  conversion.encoding = {encode::Encoding::Kind::kDecimal, static_cast<std::uint32_t>(scale)};
  if (scaling.has("encoding")) {
    const std::string name = ASSAY_TRY(scaling["encoding"].text(kMaxText));
    conversion.encoding = ASSAY_TRY(scaling["encoding"].located(encode::Encoding::parse(name, {})));
    if (conversion.encoding.scale != scale) {
      return scaling["encoding"].error(ErrorCode::kMismatch, "has another scale than effective_scale");
    }
  }
  const auto storage = ASSAY_TRY(storage_field(scaling));
  conversion.storage = storage.value_or(tensor::Storage::kObject);
  return {};
}

Result<Conversion> read_conversion_header(const JsonFields& fields) {
  Conversion conversion;
  conversion.model_name = ASSAY_TRY(optional_text(fields, "model_name"));
  const JsonFields scaling = ASSAY_TRY(fields["conversion"].open_fields());
  ASSAY_TRY(read_scaling(scaling, conversion));
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
  if (!has_file(dir, kConversionJson)) return read_undescribed_layers(dir);
  const JsonText json = ASSAY_TRY(JsonText::read(dir / kConversionJson, kMaxDirectoryJson));
  Conversion conversion = ASSAY_TRY(read_conversion_layers(json, dir));
  const JsonFields fields = ASSAY_TRY(json.root().open_fields());
  conversion.prompt = ASSAY_TRY(optional_text(fields, "prompt"));
  conversion.generated_text = ASSAY_TRY(optional_text(fields, "generated_text"));
  return conversion;
}

Result<Conversion> read_conversion_layers(const JsonText& json, const std::filesystem::path& dir) {
  const JsonFields fields = ASSAY_TRY(json.root().open_fields());
  Conversion conversion = ASSAY_TRY(read_conversion_header(fields));
  const JsonArray entries = ASSAY_TRY(fields["layers"].array(kMaxDirectoryLayers));
  if (entries.size() == 0) {
    return fields["layers"].error(ErrorCode::kOutOfRange,
                                  fmt::format("must be 1 to {}", kMaxDirectoryLayers));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const JsonFields entry = ASSAY_TRY(entries[i].open_fields());
    ConversionLayer layer = ASSAY_TRY(read_entry(entry, conversion.encoding));
    ASSAY_TRY(read_values(dir, entry, layer));
    conversion.layers.push_back(std::move(layer));
  }
  return conversion;
}

}  // namespace assay::pipeline
