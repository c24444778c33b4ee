// The pipeline's second step: one .npy of integers for each layer, and what it takes to reverse it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "assay/pipeline.h"
#include "base/new_directory.h"
#include "base/try.h"
#include "base/within.h"
#include "encode/float_parts.h"
#include "pipeline/directory_json.h"
#include "tensor/limits.h"
#include "tensor/npy_write.h"

namespace assay::pipeline {
namespace {

bool is_plain_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-' || c == '.';
         });
}

// As in the original pipeline: <model>_int_activations beside <model>_activations.pt. The owner of a model is
// part of its name, also where the file is called after the rest of it.
std::filesystem::path default_output(const std::filesystem::path& input, std::string_view model_name) {
  std::string stem = input.stem().string();
  constexpr std::string_view kSuffix = "_activations";
  if (stem.ends_with(kSuffix)) stem.resize(stem.size() - kSuffix.size());
  if (model_name.substr(model_name.rfind('/') + 1) == stem) {
    std::string whole(model_name);
    std::ranges::replace(whole, '/', '_');
    if (is_plain_file_name(whole)) stem = whole;
  }
  return input.parent_path() / (stem + "_int_activations");
}

Result<std::uint32_t> scale_factor_of(const ConvertOptions& options,
                                      std::span<const tensor::TensorView> layers) {
  if (options.scale_factor) return *options.scale_factor;
  const std::uint32_t first = encode::default_scale_factor(layers[0].dtype);
  for (const tensor::TensorView& layer : layers) {
    if (encode::default_scale_factor(layer.dtype) != first) {
      return Error{ErrorCode::kMismatch, layer.name, "layers of several element types: give a scale factor"};
    }
  }
  return first;
}

struct Formula {
  std::string_view forward;
  std::string_view reverse;
};

Formula formula_of(encode::Encoding::Kind kind) {
  switch (kind) {
    case encode::Encoding::Kind::kInt:
      return {"integer = value", "value = integer"};
    case encode::Encoding::Kind::kBits:
      return {"integer = bit pattern of the float as two's complement",
              "float = the float with this bit pattern"};
    case encode::Encoding::Kind::kDecimal:
      break;
  }
  return {"integer = round(float_value * 10^effective_scale)", "float_approx = integer / 10^effective_scale"};
}

// What the options come to for these layers.
struct Plan {
  encode::Encoding encoding;
  std::uint32_t scale_factor = 0;
};

Result<Plan> plan_for(const std::filesystem::path& input, const ConvertOptions& options,
                      std::span<const tensor::TensorView> layers) {
  if (options.encoding != encode::Encoding::Kind::kDecimal) return Plan{{options.encoding, 0}, 0};
  Plan plan{{options.encoding, 0}, ASSAY_TRY(within(input.string(), scale_factor_of(options, layers)))};
  plan.encoding.scale = ASSAY_TRY(encode::effective_scale(plan.scale_factor, options.quantize_pct));
  return plan;
}

Json conversion_json(const ConvertOptions& options, const Plan& plan, tensor::Storage storage) {
  const Formula formula = formula_of(plan.encoding.kind);
  const bool decimal = plan.encoding.kind == encode::Encoding::Kind::kDecimal;
  Json json;
  json["scale_factor"] = plan.scale_factor;
  json["quantize_pct"] = decimal ? options.quantize_pct : 0.0;
  json["truncated_digits"] = plan.scale_factor - plan.encoding.scale;
  json["effective_scale"] = plan.encoding.scale;
  json["formula"] = formula.forward;
  json["reverse"] = formula.reverse;
  json["encoding"] = plan.encoding.to_string();
  json["storage"] = to_string(storage);
  return json;
}

Json first_value(const tensor::TensorView& layer) {
  const ByteSpan first = layer.bytes.first(tensor::size_of(layer.dtype));
  std::uint64_t bits = 0;
  std::memcpy(&bits, first.data(), first.size());
  const encode::FloatParts parts = encode::format_of(layer.dtype).split(bits);
  const double magnitude = std::ldexp(static_cast<double>(parts.mantissa), parts.exponent);
  return parts.negative ? -magnitude : magnitude;
}

Json layer_json(const tensor::TensorView& layer, const std::string& npy_file, const IntegerView& values,
                tensor::Storage storage) {
  const Json converted = json_integer(values[0].to_signed_decimal());
  Json json;
  json["layer"] = layer.name;
  json["original_shape"] = layer.shape;
  json["num_elements"] = values.size();
  json["original_dtype"] = tensor::torch_name(layer.dtype);
  json["npy_file"] = npy_file;
  json["sample_original"] = tensor::is_float(layer.dtype) ? first_value(layer) : converted;
  json["sample_converted"] = converted;
  json["storage"] = to_string(storage);
  return json;
}

Status check_layers(const std::filesystem::path& input, std::span<const tensor::TensorView> layers) {
  if (layers.empty()) {
    return Error{ErrorCode::kMalformed, input.string(),
                 "holds no hidden_states and no floating-point tensor"};
  }
  if (layers.size() > kMaxDirectoryLayers) {
    return Error{ErrorCode::kTooLarge, input.string(), "over 512 layers for one directory"};
  }
  for (const tensor::TensorView& layer : layers) {
    if (layer.size() == 0) return Error{ErrorCode::kOutOfRange, layer.name, "an empty layer"};
    // Whoever reads the directory would refuse it.
    if (layer.name.size() > tensor::kMaxNameBytes)
      return Error{ErrorCode::kTooLarge, input.string(),
                   fmt::format("the name of a tensor has {} bytes, at most {} are taken: '{}..'",
                               layer.name.size(), tensor::kMaxNameBytes, layer.name.substr(0, 32))};
  }
  return {};
}

}  // namespace

Result<std::filesystem::path> convert(const std::filesystem::path& input, const ConvertOptions& options) {
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(input));
  const std::vector<tensor::TensorView> layers = file.layers();
  if (const Status taken = check_layers(input, layers); !taken) return within(input.string(), taken.error());
  const Plan plan = ASSAY_TRY(plan_for(input, options, layers));
  const std::filesystem::path dir = options.output_dir.empty()
                                        ? default_output(input, file.metadata_value("model_name"))
                                        : options.output_dir;
  const NewDirectory made = ASSAY_TRY(NewDirectory::create(dir));

  const bool plain_names = std::all_of(layers.begin(), layers.end(), [](const tensor::TensorView& layer) {
    return is_plain_file_name(layer.name);
  });
  Json entries = Json::array();
  std::vector<AtomicFile> staged;
  tensor::Storage widest = tensor::Storage::kInt64;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const tensor::IntegerArray values =
        ASSAY_TRY(within(input.string(), encode::encode(layers[i], plan.encoding)));
    const tensor::Storage storage = choose_storage(values.view(), options.object_storage);
    widest = std::max(widest, storage);
    const std::string name = plain_names ? layers[i].name + ".npy" : fmt::format("tensor_{}.npy", i);
    staged.push_back(ASSAY_TRY(tensor::stage_npy(dir / name, values.view(), layers[i].shape, storage)));
    entries.push_back(layer_json(layers[i], name, values.view(), storage));
  }
  Json json;
  for (const std::string_view key : {"model_name", "prompt", "generated_text"}) {
    json[std::string(key)] = file.metadata_value(key);
  }
  json["conversion"] = conversion_json(options, plan, widest);
  json["layers"] = std::move(entries);
  staged.push_back(ASSAY_TRY(stage_json(dir / kConversionJson, json)));
  ASSAY_TRY(publish_all(staged));
  return dir;
}

}  // namespace assay::pipeline
