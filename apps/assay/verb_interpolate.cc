// `assay interpolate`: the coefficients of the polynomial that takes a hypercube's values.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "arguments.h"
#include "assay/pipeline.h"
#include "base/file.h"
#include "base/new_directory.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/within.h"
#include "integers/signed_integer.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct InterpolateOptions {
  std::string input_dir;
  std::string npy;
  std::string file;  ///< the same as `npy`, by its place
  std::string output_dir;
  std::string coeffs;
  std::string format = "compact";
  std::string poly_project;
  bool skip_build = false;
};

struct Source {
  fs::path npy;
  fs::path directory;  ///< of reshape; empty for a lone array
  Axes axes;
  tensor::IntegerArray values;
};

Result<Source> from_directory(const fs::path& dir) {
  pipeline::Hypercube cube = ASSAY_TRY(pipeline::read_hypercube(dir));
  return Source{dir / pipeline::kHypercubeNpy, dir, std::move(cube.layout.axes), std::move(cube.values)};
}

Result<Source> read_source(const InterpolateOptions& options) {
  const std::string& array = options.npy.empty() ? options.file : options.npy;
  if (!options.npy.empty() && !options.file.empty())
    return Error{ErrorCode::kMalformed, "--npy", "names the array that is given already: leave one out"};
  if (options.input_dir.empty() == array.empty())
    return Error{ErrorCode::kMalformed, "", "give exactly one of --input-dir and an .npy file"};
  if (!options.input_dir.empty()) return from_directory(options.input_dir);
  // An array that reshape wrote is read with what it says about it: rows of 32 bytes look like any others.
  const fs::path npy = array;
  std::error_code failure;
  if (npy.filename() == pipeline::kHypercubeNpy &&
      fs::exists(npy.parent_path() / pipeline::kHypercubeJson, failure))
    return from_directory(npy.has_parent_path() ? npy.parent_path() : ".");
  tensor::IntegerTensor read = ASSAY_TRY(tensor::open_integers(npy));
  Axes axes = ASSAY_TRY(Axes::from(read.shape, npy.string()));
  return Source{npy, {}, std::move(axes), std::move(read.values)};
}

// X_polynomial for the directory X, and file_polynomial beside file.npy.
fs::path default_output(const InterpolateOptions& options, const Source& source) {
  fs::path base = options.input_dir.empty() ? fs::path(source.npy).replace_extension("") : source.directory;
  if (!base.has_filename()) base = base.parent_path();
  return base.concat("_polynomial");
}

// Least and largest of the signed integers.
Json data_stats(const IntegerView& values) {
  Scalar least = values[0];
  Scalar most = values[0];
  for (std::size_t i = 1; i < values.size(); ++i) {
    const Scalar value = values[i];
    if (signed_less(value, least)) least = value;
    if (signed_less(most, value)) most = value;
  }
  return {{"value_min", json_integer(least.to_signed_decimal())},
          {"value_max", json_integer(most.to_signed_decimal())},
          {"has_negative_values", least.is_negative()},
          {"negative_encoding", "a negative integer -x is the residue r - x"},
          {"num_values", values.size()}};
}

Json polynomial_json(const pipeline::Polynomial& polynomial) {
  Json json;
  json["dims"] = polynomial.axes.sizes();
  json["num_variables"] = polynomial.axes.count();
  json["degree_bound"] = *std::ranges::max_element(polynomial.axes.sizes());
  json["num_coefficients"] = polynomial.coefficients.size();
  json["field"] = "BN254 scalar field";
  json["field_modulus"] = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
  json["coefficient_order"] = "C order over the exponents (a_0, a_1, .., a_{d-1})";
  json["monomial_meaning"] =
      "index a_0 n_1 .. n_{d-1} + .. + a_{d-1} is the coefficient of x_0^a_0 .. x_{d-1}^a_{d-1}";
  return json;
}

Status write_json_to(const pipeline::Polynomial& polynomial, const std::string& where) {
  if (where == "-")
    return pipeline::write_coefficients_json(polynomial.axes, polynomial.coefficients, write_stdout);
  const fs::path folder = fs::path(where).parent_path();
  std::optional<NewDirectory> made;
  if (!folder.empty()) made.emplace(ASSAY_TRY(NewDirectory::create(folder)));
  AtomicFile file = ASSAY_TRY(AtomicFile::create(where));
  ASSAY_TRY(pipeline::write_coefficients_json(polynomial.axes, polynomial.coefficients,
                                              [&file](std::string_view text) { return file.write(text); }));
  return file.publish();
}

struct Timing {
  double load = 0;
  double interpolation = 0;
  double save = 0;
};

/// The file of coefficients in the directory, in the form that was asked for.
Result<fs::path> write_directory(const pipeline::Polynomial& polynomial, const fs::path& dir,
                                 const std::string& format) {
  const NewDirectory made = ASSAY_TRY(NewDirectory::create(dir));
  const fs::path rows = dir / pipeline::kCoefficientsSafetensors;
  if (format == "compact") {
    ASSAY_TRY(pipeline::write_coefficients(polynomial, rows));
    return rows;
  }
  const fs::path text = dir / pipeline::kCoefficientsJson;
  ASSAY_TRY(write_json_to(polynomial, text.string()));
  // Where it is there it is read first, and would be of another run.
  std::error_code failure;
  fs::remove(rows, failure);
  if (failure) return Error{ErrorCode::kIo, rows.string(), failure.message()};
  return text;
}

// What the report says, and where the values came from.
Result<Json> metadata_json(const Source& source, const Json& report, const fs::path& coefficients) {
  Json json;
  const fs::path npy = fs::absolute(source.npy);
  json["source_npy"] = npy.string();
  json["source_dir"] = npy.parent_path().string();
  std::error_code failure;
  const fs::path metadata = source.directory / pipeline::kHypercubeJson;
  json["hypercube_metadata"] = source.directory.empty() || !fs::exists(metadata, failure)
                                   ? Json(nullptr)
                                   : ASSAY_TRY(read_json_file(metadata, pipeline::kMaxDirectoryJson));
  json["polynomial"] = report["polynomial"];
  json["data_stats"] = report["data_stats"];
  json["timing"] = report["timing"];
  const std::uint64_t bytes = fs::file_size(coefficients, failure);
  if (failure) return Error{ErrorCode::kIo, coefficients.string(), failure.message()};
  const bool text = coefficients.filename() == pipeline::kCoefficientsJson;
  json["artifacts"] = {{"coefficients_json", text ? Json(coefficients.string()) : Json(nullptr)},
                       {"coefficients_file", coefficients.string()},
                       {"coefficients_size_bytes", bytes}};
  return json;
}

void say_what_is_not_needed(const InterpolateOptions& options, const Console& console) {
  if (!options.poly_project.empty()) console.note("--poly-project has no effect: nothing is built");
  if (options.skip_build) console.note("--skip-build has no effect: nothing is built");
}

Result<int> run_interpolate(const InterpolateOptions& options, const Console& console) {
  const bool to_stdout = options.coeffs == "-";
  if (to_stdout && console.json())
    return Error{ErrorCode::kMismatch, "--coeffs", "'-' and --json both want standard output"};
  say_what_is_not_needed(options, console);
  Timing timing;
  const Stopwatch loading;
  const Source source = ASSAY_TRY(read_source(options));
  timing.load = loading.seconds();
  const Stopwatch interpolating;
  const pipeline::Polynomial polynomial{
      source.axes,
      ASSAY_TRY(within(source.npy.string(), pst::interpolate(source.axes, source.values.view())))};
  timing.interpolation = interpolating.seconds();

  const Stopwatch saving;
  if (!options.coeffs.empty()) ASSAY_TRY(write_json_to(polynomial, options.coeffs));
  // Asked for the text alone, it writes nothing else.
  const bool to_directory = options.coeffs.empty() || !options.output_dir.empty();
  const fs::path dir =
      options.output_dir.empty() ? default_output(options, source) : fs::path(options.output_dir);
  fs::path written;
  if (to_directory) written = ASSAY_TRY(write_directory(polynomial, dir, options.format));
  timing.save = saving.seconds();

  Json json;
  json["output_dir"] = to_directory ? Json(dir.string()) : Json(nullptr);
  json["coefficients_json"] = options.coeffs.empty() ? Json(nullptr) : Json(options.coeffs);
  json["coefficients_file"] = to_directory ? written.string() : options.coeffs;
  json["polynomial"] = polynomial_json(polynomial);
  json["data_stats"] = data_stats(source.values.view());
  json["timing"] = {{"load_time_s", timing.load},
                    {"dtype_convert_time_s", 0.0},
                    {"interpolation_time_s", timing.interpolation},
                    {"save_time_s", timing.save},
                    {"total_time_s", timing.load + timing.interpolation + timing.save}};
  if (to_directory) {
    const Json metadata = ASSAY_TRY(metadata_json(source, json, written));
    ASSAY_TRY(write_file(dir / "interpolation_metadata.json", dump_json(metadata) + "\n"));
  }
  const std::string summary =
      fmt::format("{} coefficients of axes {}, interpolated in {:.2f} s",
                  grouped(polynomial.coefficients.size()), source.axes.to_string(), timing.interpolation);
  if (to_stdout) return console.note(summary), kDone;
  return console.report(json, {summary, "written to " + (to_directory ? dir.string() : options.coeffs)});
}

}  // namespace

void add_interpolate(Program& program) {
  const auto [verb, options] =
      program.add("interpolate", "Find the polynomial over the BN254 field that takes a cube's values",
                  "assay interpolate --input-dir model_int_activations_hypercube", run_interpolate);
  add_option(verb, "--input-dir DIR", options.input_dir, "directory of reshape");
  add_option(verb, "--npy FILE", options.npy, "or an .npy file of integers");
  add_option(verb, "file FILE", options.file, "the same, without the flag");
  add_option(verb, "--output-dir DIR", options.output_dir,
             "default: <input-dir>_polynomial, or <file>_polynomial beside the .npy file");
  writes_file(
      add_option(verb, "--coeffs FILE", options.coeffs,
                 "write coefficients.json, as the earlier tools read it, here; - is standard output"));
  add_option(verb, "--format", options.format,
             "of the file in the directory. compact: coefficients.safetensors; seed: coefficients.json")
      ->check(CLI::IsMember({"compact", "seed"}))
      ->capture_default_str();
  add_option(verb, "--poly-project PATH", options.poly_project, "accepted and not needed");
  verb->add_flag("--skip-build", options.skip_build, "accepted and not needed");
}

}  // namespace assay::cli
