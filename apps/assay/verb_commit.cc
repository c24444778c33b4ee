// `assay commit`: 32 bytes for a tensor.
#include <fmt/format.h>

#include "arguments.h"
#include "base/file.h"
#include "base/try.h"
#include "base/within.h"
#include "parameters.h"
#include "pipeline/results.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

/// What flags say about a tensor; "" where they say nothing.
struct InputOptions {
  std::string path;
  std::string encoding;
  std::string layout;
  std::string axes;
  std::string capture_mode;
};

struct CommitOptions {
  InputOptions input;
  std::string srs;
  std::string out;
  std::string keep;
  std::string poly_dir;
  std::string hypercube_dir;
  std::string output_dir;
  std::uint64_t srs_seed = 7;
  bool plan = false;
};

// None for "".
Result<std::optional<claim::CaptureMode>> parse_capture_mode(const std::string& text) {
  if (text.empty()) return std::optional<claim::CaptureMode>{};
  const std::optional<claim::CaptureMode> mode = claim::capture_mode(text);
  if (mode) return mode;
  return Error{ErrorCode::kMalformed, "--capture-mode",
               fmt::format("'{}' is none of unknown, decode, prefill, recompute", text)};
}

Result<claim::Subject> load_input(const InputOptions& options) {
  claim::SubjectOptions parsed;
  if (!options.encoding.empty())
    parsed.encoding = ASSAY_TRY(encode::Encoding::parse(options.encoding, "--encoding"));
  if (!options.layout.empty()) {
    parsed.layout = encode::layout_kind(options.layout);
    if (!parsed.layout)
      return Error{ErrorCode::kMalformed, "--layout",
                   fmt::format("'{}' is none of flat, cube, model", options.layout)};
  }
  if (!options.axes.empty()) parsed.axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  parsed.capture_mode = ASSAY_TRY(parse_capture_mode(options.capture_mode));
  return pipeline::read_subject(options.path, parsed);
}

Status check_axes(const Axes& tensor, const std::string& tensor_path, const pst::Srs& srs,
                  const std::string& srs_path) {
  if (tensor == srs.axes()) return {};
  return Error{
      ErrorCode::kMismatch, srs_path,
      fmt::format("is for axes {} ({} values), but {} has axes {} ({} values)", srs.axes().to_string(),
                  srs.axes().volume(), tensor_path, tensor.to_string(), tensor.volume())};
}

Json json_of_commitment(const claim::Commitment& commitment, const Digest& digest) {
  Json json;
  json["commitment_hex"] = to_hex(commitment.value);
  json["commitment_bytes"] = 32;
  json["digest"] = to_hex(digest);
  json["header"] = claim::json_of(commitment.header);
  return json;
}

std::vector<std::string> lines_of_commitment(const claim::Commitment& commitment, std::string_view digest,
                                             double seconds) {
  const claim::Header& header = commitment.header;
  return {fmt::format("{} values in axes {}, layout {}, encoding {}, {} positions of padding",
                      grouped(header.layout.real_count), header.layout.axes.to_string(),
                      encode::to_string(header.layout.kind), header.encoding.to_string(),
                      grouped(header.layout.padding())),
          "commitment " + to_hex(commitment.value), fmt::format("digest     {}", digest),
          fmt::format("committed in {:.3f} s", seconds)};
}

// The axes that an SRS must have for this tensor.
Result<int> plan_tensor(const CommitOptions& options, const Console& console) {
  const claim::Header header = ASSAY_TRY(load_input(options.input)).header;
  const encode::Layout& layout = header.layout;
  Json json = claim::json_of(header);
  json.erase("srs_digest");
  json["count"] = layout.real_count;
  return console.report(
      json,
      {fmt::format("axes {}, layout {}, encoding {}, {} values, {} positions of padding",
                   layout.axes.to_string(), encode::to_string(layout.kind), header.encoding.to_string(),
                   grouped(layout.real_count), grouped(layout.padding())),
       fmt::format("an SRS for it: assay srs dev --axes {} --seed N --out FILE", layout.axes.to_string())});
}

Result<int> commit_tensor(const CommitOptions& options, const Console& console) {
  if (options.srs.empty()) return Error{ErrorCode::kMalformed, "--srs", "is needed with --tensor"};
  if (options.out.empty()) return Error{ErrorCode::kMalformed, "--out", "is needed with --tensor"};
  const Stopwatch loading;
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.srs));
  const claim::Subject subject = ASSAY_TRY(load_input(options.input));
  ASSAY_TRY(check_axes(subject.header.layout.axes, options.input.path, srs, options.srs));
  const double load_seconds = loading.seconds();
  const Stopwatch committing;
  const claim::Commitment commitment =
      ASSAY_TRY(within(options.input.path, claim::commit(srs, subject.header, subject.values.view())));
  const double seconds = committing.seconds();
  const Digest digest = commitment.digest();
  const Stopwatch keeping;
  if (!options.keep.empty()) {
    const pst::KeptQuotients kept = ASSAY_TRY(claim::keep_first_axis(srs, commitment, subject.values.view()));
    ASSAY_TRY(kept.write(options.keep, digest));
  }
  const double keep_seconds = keeping.seconds();
  ASSAY_TRY(commitment.write(options.out));

  Json json = json_of_commitment(commitment, digest);
  json["out"] = options.out;
  json["timing"] = {{"load_time_s", load_seconds}, {"commit_time_s", seconds}};
  std::vector<std::string> lines = lines_of_commitment(commitment, to_hex(digest), seconds);
  lines.push_back("written to " + options.out);
  if (!options.keep.empty()) {
    json["kept"] = options.keep;
    json["timing"]["keep_time_s"] = keep_seconds;
    lines.push_back(fmt::format("kept for openings in {:.3f} s: {}", keep_seconds, options.keep));
  }
  return console.report(json, lines);
}

// The SRS that was given, or one made on the spot, which binds nobody.
Result<pst::Srs> srs_for(const CommitOptions& options, const pipeline::Directories& dirs, const Axes& axes,
                         const Console& console) {
  if (!options.srs.empty()) {
    const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.srs));
    ASSAY_TRY(check_axes(axes, dirs.polynomial.string(), srs, options.srs));
    return srs;
  }
  const fs::path path = dirs.output / pipeline::kDevSrs;
  console.warn(fmt::format(
      "WARNING: no --srs was given: {} is made from the seed {}. Whoever knows this seed can open the "
      "commitment to anything: it is worth nothing to anybody but yourself.",
      path.string(), options.srs_seed));
  return make_dev_srs(axes, options.srs_seed, path);
}

Result<int> commit_directory(const CommitOptions& options, const Console& console) {
  const pipeline::Directories dirs =
      pipeline::find_directories(options.poly_dir, options.hypercube_dir, options.output_dir);
  pipeline::PolynomialTensor tensor = ASSAY_TRY(pipeline::read_polynomial_tensor(dirs));
  tensor.header.capture_mode =
      ASSAY_TRY(parse_capture_mode(options.input.capture_mode)).value_or(claim::CaptureMode::kUnknown);
  ASSAY_TRY(make_directory(dirs.output));
  const Stopwatch setup;
  const pst::Srs srs = ASSAY_TRY(srs_for(options, dirs, tensor.polynomial.axes, console));
  const double setup_seconds = setup.seconds();
  const Stopwatch committing;
  const claim::Commitment commitment =
      ASSAY_TRY(within(dirs.polynomial.string(), claim::commit(srs, tensor.header, tensor.values.view())));
  const double seconds = committing.seconds();

  Json json = pipeline::results_json(commitment, dirs, setup_seconds, seconds);
  json["srs"] = options.srs.empty() ? (dirs.output / pipeline::kDevSrs).string() : options.srs;
  json["srs_trust"] = pst::to_string(srs.verifier_key().trust);
  ASSAY_TRY(commitment.write(dirs.output / pipeline::kCommitmentFile));
  ASSAY_TRY(write_file(dirs.output / pipeline::kCommitmentText, to_hex(commitment.value) + "\n"));
  ASSAY_TRY(write_file(dirs.output / pipeline::kResultsJson, dump_json(json) + "\n"));
  json["output_dir"] = dirs.output.string();
  std::vector<std::string> lines =
      lines_of_commitment(commitment, json["digest"].get<std::string>(), seconds);
  lines.push_back("written to " + dirs.output.string());
  return console.report(json, lines);
}

Result<int> run_commit(const CommitOptions& options, const Console& console) {
  if (options.input.path.empty() == options.poly_dir.empty())
    return Error{ErrorCode::kMalformed, "", "give exactly one of --tensor and --poly-dir"};
  if (!options.poly_dir.empty()) {
    if (!options.keep.empty()) return Error{ErrorCode::kMalformed, "--keep", "goes with --tensor"};
    if (options.plan) return Error{ErrorCode::kMalformed, "--plan", "goes with --tensor"};
    return commit_directory(options, console);
  }
  return options.plan ? plan_tensor(options, console) : commit_tensor(options, console);
}

}  // namespace

void add_commit(Program& program) {
  const auto [verb, options] =
      program.add("commit", "Commit to a tensor in 32 bytes",
                  "assay commit --tensor cube.npy --srs six.srs --out cube.commitment --json", run_commit);
  InputOptions& input = options.input;
  add_option(verb, "--tensor FILE", input.path,
             ".npy, .safetensors, .pt, .gotact, or a directory of reshape");
  add_option(verb, "--srs FILE", options.srs, "public parameters for the tensor's axes");
  add_option(verb, "--out FILE", options.out, "the commitment");
  add_option(verb, "--keep FILE", options.keep,
             "also make the quotients of the first axis, which `prove --kept` takes from here");
  add_option(verb, "--encoding E", input.encoding,
             "int, bits or decimal:S; default: int for integers, bits for floats");
  add_option(verb, "--layout L", input.layout,
             "flat, cube or model; default: flat for one array, model for a capture or several layers");
  add_option(verb, "--axes A,B,..", input.axes, "axes for the layout flat; default: the array's shape");
  add_option(verb, "--capture-mode MODE", input.capture_mode,
             "where a plain tensor comes from: unknown, decode, prefill or recompute");
  verb->add_flag("--plan", options.plan, "commit to nothing, say which axes the SRS must have");
  add_option(verb, "--poly-dir DIR", options.poly_dir, "instead of --tensor: a directory of interpolate");
  add_option(verb, "--hypercube-dir DIR", options.hypercube_dir,
             "with --poly-dir; default: its sibling without _polynomial, if there is one");
  add_option(verb, "--output-dir DIR", options.output_dir, "with --poly-dir; default: <name>_commitment");
  add_option(verb, "--srs-seed N", options.srs_seed, "with --poly-dir, without --srs: seed of a dev SRS")
      ->capture_default_str();
}

}  // namespace assay::cli
