// `assay convert`: captured floats to integers, one .npy for each layer.
#include <fmt/format.h>

#include "assay/pipeline.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct ConvertOptions {
  std::string input;
  std::string output_dir;
  pipeline::ConvertOptions how;
  std::string encoding = "decimal";
  std::string format = "compact";
};

Result<int> run_convert(const ConvertOptions& options, const Console& console) {
  pipeline::ConvertOptions how = options.how;
  how.output_dir = options.output_dir;
  if (options.encoding == "bits") how.encoding = encode::Encoding::Kind::kBits;
  if (options.encoding == "bits" && (how.scale_factor || how.quantize_pct != 0))
    return Error{ErrorCode::kMismatch, "--encoding", "bits takes neither --scale-factor nor --quantize"};
  how.object_storage = options.format == "seed";
  const fs::path dir = ASSAY_TRY(pipeline::convert(options.input, how));

  const pipeline::Conversion conversion = ASSAY_TRY(pipeline::read_conversion(dir));
  Json json;
  json["output_dir"] = dir.string();
  json["encoding"] = conversion.encoding.to_string();
  json["scale_factor"] = conversion.scale_factor;
  json["quantize_pct"] = conversion.quantize_pct;
  json["effective_scale"] = conversion.encoding.scale;
  json["storage"] = tensor::to_string(conversion.storage);
  json["layers"] = Json::array();
  std::uint64_t values = 0;
  for (const pipeline::ConversionLayer& layer : conversion.layers) {
    values += layer.values.size();
    json["layers"].push_back({{"layer", layer.name},
                              {"npy_file", layer.npy_file},
                              {"original_shape", layer.original_shape},
                              {"num_elements", layer.values.size()}});
  }
  json["num_elements"] = values;
  return console.report(
      json,
      {fmt::format("{} layers, {} values, encoding {}, stored as {}", conversion.layers.size(),
                   grouped(values), conversion.encoding.to_string(), tensor::to_string(conversion.storage)),
       "written to " + dir.string()});
}

}  // namespace

void add_convert(Program& program) {
  const auto [verb, options] =
      program.add("convert", "Turn captured floats into integers, one .npy for each layer",
                  "assay convert --input model_activations.pt --scale-factor 16 --quantize 50", run_convert);
  add_option(verb, "--input FILE", options.input, "captured activations, .pt or .safetensors")->required();
  add_option(verb, "--output-dir DIR", options.output_dir,
             "default: <model>_int_activations beside the input");
  add_option(verb, "--scale-factor N", options.how.scale_factor,
             "decimal digits kept; default 32 for fp32, 16 for fp16 and bf16");
  add_option(verb, "--quantize PCT", options.how.quantize_pct, "percentage of those digits to leave out")
      ->capture_default_str();
  add_option(verb, "--encoding", options.encoding, "decimal: value * 10^scale; bits: the float's bit pattern")
      ->check(CLI::IsMember({"decimal", "bits"}))
      ->capture_default_str();
  add_option(verb, "--format", options.format, "compact: int64 or 32-byte rows; seed: Python integers")
      ->check(CLI::IsMember({"compact", "seed"}))
      ->capture_default_str();
}

}  // namespace assay::cli
