// `assay reshape`: all layers in one cube.
#include <fmt/format.h>

#include "assay/pipeline.h"
#include "base/try.h"
#include "base/within.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct ReshapeOptions {
  std::string input_dir;
  std::string output_dir;
  encode::CubeOptions cube;
  std::string format = "compact";
};

Result<int> run_reshape(const ReshapeOptions& options, const Console& console) {
  pipeline::ReshapeOptions how;
  how.output_dir = options.output_dir;
  how.cube = options.cube;
  how.object_storage = options.format == "seed";
  const Result<std::filesystem::path> dir = pipeline::reshape(options.input_dir, how);
  if (!dir.ok()) return within(options.input_dir, dir.error());

  const pipeline::Hypercube cube = ASSAY_TRY(pipeline::read_hypercube(*dir));
  const encode::Layout& layout = cube.layout;
  const double sparsity =
      100 * static_cast<double>(layout.padding()) / static_cast<double>(layout.axes.volume());
  Json json;
  json["output_dir"] = dir->string();
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
                               "written to " + printable(dir->string())});
}

}  // namespace

void add_reshape(Program& program) {
  const auto options = std::make_shared<ReshapeOptions>();
  CLI::App* verb =
      program.add("reshape", "Lay all layers out in the cube that needs the least padding",
                  "assay reshape --input-dir model_int_activations --num-dims 4", options, run_reshape);
  verb->add_option("--input-dir", options->input_dir, "directory of convert")->required()->type_name("DIR");
  verb->add_option("--output-dir", options->output_dir, "default: <input-dir>_hypercube")->type_name("DIR");
  verb->add_option("--min-dim", options->cube.min_dim, "least size of an axis")
      ->type_name("N")
      ->capture_default_str();
  verb->add_option("--max-dim", options->cube.max_dim, "largest size of an axis")
      ->type_name("N")
      ->capture_default_str();
  verb->add_option("--num-dims", options->cube.num_dims, "number of axes; default: as few as hold the values")
      ->type_name("N");
  verb->add_option("--pad-seed", options->cube.pad_seed, "seed that the padding is drawn from")
      ->type_name("N")
      ->capture_default_str();
  verb->add_option("--format", options->format, "compact: int64 or 32-byte rows; seed: Python integers")
      ->check(CLI::IsMember({"compact", "seed"}))
      ->capture_default_str();
}

}  // namespace assay::cli
