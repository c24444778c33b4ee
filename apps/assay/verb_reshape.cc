// `assay reshape`: all layers in one cube.
#include <fmt/format.h>

#include "assay/pipeline.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct ReshapeOptions {
  std::string input_dir;
  std::string output_dir;
  pipeline::ReshapeOptions how;
  std::string format = "compact";
};

Result<int> run_reshape(const ReshapeOptions& options, const Console& console) {
  pipeline::ReshapeOptions how = options.how;
  how.output_dir = options.output_dir;
  how.object_storage = options.format == "seed";
  const fs::path dir = ASSAY_TRY(pipeline::reshape(options.input_dir, how));

  const pipeline::Hypercube cube = ASSAY_TRY(pipeline::read_hypercube(dir));
  const encode::Layout& layout = cube.layout;
  const double sparsity =
      100 * static_cast<double>(layout.padding()) / static_cast<double>(layout.axes.volume());
  Json json;
  json["output_dir"] = dir.string();
  json["dimensions"] = layout.axes.sizes();
  json["product"] = layout.axes.volume();
  json["total_real_elements"] = layout.real_count;
  json["padding_elements"] = layout.padding();
  json["sparsity_pct"] = sparsity;
  json["pad_seed"] = layout.pad_seed;
  json["num_layers"] = layout.layer_map.size();
  return console.report(json, {fmt::format("Optimal shape: ({})   product={}   padding={}   sparsity={:.2f}%",
                                           fmt::join(layout.axes.sizes(), ", "), layout.axes.volume(),
                                           layout.padding(), sparsity),
                               "written to " + dir.string()});
}

}  // namespace

void add_reshape(Program& program) {
  const auto [verb, options] =
      program.add("reshape", "Lay all layers out in the cube that needs the least padding",
                  "assay reshape --input-dir model_int_activations --num-dims 4", run_reshape);
  add_option(verb, "--input-dir DIR", options.input_dir, "directory of convert")->required();
  add_option(verb, "--output-dir DIR", options.output_dir, "default: <input-dir>_hypercube");
  add_option(verb, "--min-dim N", options.how.cube.min_dim, "least size of an axis")->capture_default_str();
  add_option(verb, "--max-dim N", options.how.cube.max_dim, "largest size of an axis")->capture_default_str();
  add_option(verb, "--num-dims N", options.how.cube.num_dims,
             "number of axes; default: as few as hold the values");
  add_option(verb, "--pad-seed N", options.how.cube.pad_seed, "seed that the padding is drawn from")
      ->capture_default_str();
  add_option(verb, "--format", options.format, "compact: int64 or 32-byte rows; seed: Python integers")
      ->check(CLI::IsMember({"compact", "seed"}))
      ->capture_default_str();
}

}  // namespace assay::cli
