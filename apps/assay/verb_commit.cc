// `assay commit`: 32 bytes for a tensor.
#include <fmt/format.h>

#include "arguments.h"
#include "assay/claim_log.h"
#include "base/file.h"
#include "base/new_directory.h"
#include "base/try.h"
#include "base/within.h"
#include "parameters.h"
#include "polynomial_directory.h"
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
  DirectoryOptions directory;  ///< its SRS is that of --tensor too
  std::string scheme;
  std::string out;
  std::string keep;
  bool plan = false;
  std::optional<std::uint64_t> blocks;
  bool append = false;
};

// None for "".
Result<std::optional<claim::CaptureMode>> parse_capture_mode(const std::string& text) {
  if (text.empty()) return std::optional<claim::CaptureMode>{};
  const std::optional<claim::CaptureMode> mode = claim::capture_mode(text);
  if (mode) return mode;
  return Error{ErrorCode::kMalformed, "--capture-mode",
               fmt::format("'{}' is none of unknown, decode, prefill, recompute", text)};
}

Result<claim::SubjectOptions> subject_options(const InputOptions& options) {
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
  return parsed;
}

Result<claim::Subject> load_input(const InputOptions& options) {
  return pipeline::read_subject(options.path, ASSAY_TRY(subject_options(options)));
}

/// A run, to be committed to in blocks.
struct Run {
  claim::Arrays arrays;
  claim::SubjectOptions options;
};
Result<Run> load_run(const InputOptions& options) {
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(options.path));
  const claim::SubjectOptions given = ASSAY_TRY(subject_options(options));
  return Run{claim::arrays_of(file), ASSAY_TRY(claim::options_of_capture(file, given, options.path))};
}

Json json_of_commitment(const claim::Commitment& commitment, const Digest& digest) {
  Json json;
  json["commitment_hex"] = to_hex(commitment.value);
  json["commitment_bytes"] = 32;
  json["digest"] = to_hex(digest);
  json["header"] = claim::json_of(commitment.header);
  return json;
}

Result<claim::Header> plan_block_of(const Run& run, const CommitOptions& options, std::uint64_t first_token) {
  return named_by_flags(
      claim::plan_block(run.arrays, run.options, *options.blocks, first_token, options.input.path),
      {{"tokens of a block", "--blocks"}});
}

Result<claim::Header> plan_input(const CommitOptions& options) {
  if (!options.blocks) return ASSAY_TRY(load_input(options.input)).header;
  const Run run = ASSAY_TRY(load_run(options.input));
  return plan_block_of(run, options, 0);
}

// How to make parameters that the tensor could be committed with.
std::string parameters_for(const encode::Layout& layout, const std::string& scheme) {
  if (scheme == "merkle") return "the scheme merkle needs no parameters";
  if (scheme == "kzg")
    return fmt::format("an SRS for it: assay srs dev --scheme kzg --log-size {} --seed N --out FILE",
                       claim::KzgCommitter::log_size_of(layout));
  return fmt::format("an SRS for it: assay srs dev --axes {} --seed N --out FILE", layout.axes.to_string());
}

// The axes that an SRS must have for this tensor.
Result<int> plan_tensor(const CommitOptions& options, const Console& console) {
  const claim::Header header = ASSAY_TRY(plan_input(options));
  const encode::Layout& layout = header.layout;
  Json json = claim::json_of(header);
  json.erase("srs_digest");
  json["count"] = layout.real_count;
  json["log_size"] = claim::KzgCommitter::log_size_of(layout);
  return console.report(
      json, {fmt::format("axes {}, layout {}, encoding {}, {} values, {} positions of padding",
                         layout.axes.to_string(), encode::to_string(layout.kind), header.encoding.to_string(),
                         grouped(layout.real_count), grouped(layout.padding())),
             parameters_for(layout, options.scheme)});
}

Result<int> commit_tensor(const CommitOptions& options, const Console& console) {
  if (options.out.empty()) return Error{ErrorCode::kMalformed, "--out", "is needed with --tensor"};
  const Stopwatch loading;
  const std::unique_ptr<claim::Committer> committer =
      ASSAY_TRY(open_committer(options.scheme, options.directory.srs));
  if (!options.keep.empty() && committer->scheme() != claim::Scheme::kTensor)
    return Error{ErrorCode::kMalformed, "--keep",
                 "goes with the scheme tensor: the others keep no quotients"};
  const claim::Subject subject = ASSAY_TRY(load_input(options.input));
  if (const Status fits = committer->check_layout(subject.header.layout); !fits)
    return Error{fits.error().code,
                 options.directory.srs.empty() ? options.input.path : options.directory.srs,
                 fmt::format("{}: the tensor is {}", fits.error().reason, options.input.path)};
  const double load_seconds = loading.seconds();
  // Made first: where one cannot be written, neither is, and nothing is computed for it.
  AtomicFile out = ASSAY_TRY(AtomicFile::create(options.out));
  std::optional<AtomicFile> keep;
  if (!options.keep.empty()) keep = ASSAY_TRY(AtomicFile::create(options.keep));
  const Stopwatch committing;
  const claim::Commitment commitment =
      ASSAY_TRY(within(options.input.path, claim::commit(*committer, subject.header, subject.values.view())));
  const double seconds = committing.seconds();
  const Digest digest = commitment.digest();
  const Stopwatch keeping;
  if (keep) {
    const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.directory.srs));
    const pst::KeptQuotients kept = ASSAY_TRY(claim::keep_first_axis(srs, commitment, subject.values.view()));
    ASSAY_TRY(keep->write(kept.encode(digest)));
    ASSAY_TRY(keep->publish());
  }
  const double keep_seconds = keeping.seconds();
  ASSAY_TRY(out.write(commitment.encode()));
  ASSAY_TRY(out.publish());

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

constexpr std::string_view kLogFile = "log";

fs::path block_file(const fs::path& folder, std::uint64_t index) {
  return folder / fmt::format("block-{:06}.commitment", index);
}

// The log last: what it names is there.
Status write_run(const std::vector<claim::Commitment>& blocks, claim::Log& log, const fs::path& folder) {
  for (const claim::Commitment& block : blocks) {
    ASSAY_TRY(block.write(block_file(folder, log.size())));
    ASSAY_TRY(log.append(block));
  }
  return log.write(folder / kLogFile);
}

// A commitment for every so many tokens, and the log of them.
Result<int> commit_run(const CommitOptions& options, const Console& console) {
  if (options.directory.srs.empty()) return Error{ErrorCode::kMalformed, "--srs", "is needed with --tensor"};
  if (options.out.empty()) return Error{ErrorCode::kMalformed, "--out", "is needed: a folder, with --blocks"};
  if (!options.keep.empty()) return Error{ErrorCode::kMalformed, "--keep", "does not go with --blocks"};
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.directory.srs));
  const Run run = ASSAY_TRY(load_run(options.input));
  const fs::path folder = options.out;
  const NewDirectory made = ASSAY_TRY(NewDirectory::create(folder));
  std::error_code failure;
  const bool there = fs::exists(folder / kLogFile, failure);
  if (there != options.append)
    return Error{ErrorCode::kMismatch, (folder / kLogFile).string(),
                 there ? "is there already: --append adds another turn to it" : "is not there to append to"};
  claim::Log log;
  if (there) log = ASSAY_TRY(claim::Log::read(folder / kLogFile));
  if (there && log.size() > 0 && log.tokens() != *options.blocks)
    return Error{ErrorCode::kMismatch, "--blocks",
                 fmt::format("{}, and the blocks of {} have room for {} tokens", *options.blocks,
                             (folder / kLogFile).string(), log.tokens())};
  const std::uint64_t before = log.size();
  claim::Header header = ASSAY_TRY(plan_block_of(run, options, before * *options.blocks));
  ASSAY_TRY(check_axes(header.layout.axes, "a block of " + options.input.path, srs, options.directory.srs));
  const Stopwatch committing;
  claim::BlockStream stream = ASSAY_TRY(claim::BlockStream::begin(srs, std::move(header)));
  if (const Status added = stream.add(run.arrays.views); !added)
    return within(options.input.path, added.error());
  ASSAY_TRY(stream.end_turn());
  const std::vector<claim::Commitment> blocks = stream.take();
  const double seconds = committing.seconds();
  if (Status written = write_run(blocks, log, folder); !written) {
    for (std::uint64_t i = before; i < before + blocks.size(); ++i)
      fs::remove(block_file(folder, i), failure);
    return written.error();
  }
  const claim::LogHead head = ASSAY_TRY(log.head());
  Json json;
  json["out"] = options.out;
  json["log"] = (folder / kLogFile).string();
  json["tokens_of_a_block"] = *options.blocks;
  json["num_blocks"] = log.size();
  json["new_blocks"] = blocks.size();
  json["root"] = to_hex(head.root);
  json["timing"] = {{"commit_time_s", seconds}};
  const Rows rows{"blocks",
                  blocks.size(),
                  [&](std::size_t i) {
                    Json row = json_of_commitment(blocks[i], blocks[i].digest());
                    row["file"] = block_file(folder, before + i).string();
                    return row;
                  },
                  {}};
  return console.report(json,
                        {fmt::format("{} blocks of {} tokens committed to in {:.3f} s, {} in the log",
                                     blocks.size(), *options.blocks, seconds, log.size()),
                         "log root " + to_hex(head.root), "written to " + options.out},
                        rows, {}, kDone);
}

Result<int> commit_polynomial(const CommitOptions& options, const Console& console) {
  const claim::CaptureMode mode =
      ASSAY_TRY(parse_capture_mode(options.input.capture_mode)).value_or(claim::CaptureMode::kUnknown);
  const CommittedDirectory made = ASSAY_TRY(commit_directory(options.directory, mode, console));
  Json json = made.results;
  json["output_dir"] = made.directories.output.string();
  std::vector<std::string> lines =
      lines_of_commitment(made.commitment, json["digest"].get<std::string>(), made.commit_seconds);
  lines.push_back("written to " + made.directories.output.string());
  return console.report(json, lines);
}

Result<int> run_commit(const CommitOptions& options, const Console& console) {
  if (!options.scheme.empty() && !claim::scheme_of(options.scheme))
    return Error{ErrorCode::kMalformed, "--scheme",
                 fmt::format("'{}' is none of tensor, kzg and merkle", options.scheme)};
  if ((options.blocks || !options.directory.poly_dir.empty()) && !options.scheme.empty() &&
      options.scheme != "tensor")
    return Error{ErrorCode::kUnsupported, "--scheme",
                 fmt::format("{} go with the scheme tensor: commit to the whole run with --tensor alone",
                             options.blocks ? "--blocks" : "directories of interpolate")};
  if (options.input.path.empty() == options.directory.poly_dir.empty())
    return Error{ErrorCode::kMalformed, "", "give exactly one of --tensor and --poly-dir"};
  if (!options.directory.poly_dir.empty()) {
    if (!options.keep.empty()) return Error{ErrorCode::kMalformed, "--keep", "goes with --tensor"};
    if (options.plan) return Error{ErrorCode::kMalformed, "--plan", "goes with --tensor"};
    if (options.blocks) return Error{ErrorCode::kMalformed, "--blocks", "goes with --tensor"};
    return commit_polynomial(options, console);
  }
  if (options.append && !options.blocks)
    return Error{ErrorCode::kMalformed, "--append", "goes with --blocks"};
  if (options.plan) return plan_tensor(options, console);
  return options.blocks ? commit_run(options, console) : commit_tensor(options, console);
}

}  // namespace

void add_commit(Program& program) {
  const auto [verb, options] =
      program.add("commit", "Commit to a tensor in 32 bytes",
                  "assay commit --tensor cube.npy --srs six.srs --out cube.commitment --json", run_commit);
  InputOptions& input = options.input;
  add_option(verb, "--tensor FILE", input.path,
             ".npy, .safetensors, .pt, .gotact, or a directory of reshape");
  add_option(verb, "--scheme S", options.scheme,
             "how the numbers are bound: tensor, kzg or merkle; default: the one that --srs is for");
  add_option(verb, "--srs FILE", options.directory.srs,
             "public parameters for the tensor's axes, or for the scheme kzg for as many values");
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
  add_option(verb, "--blocks N", options.blocks,
             "one commitment for each N tokens of a run, and a log of them, in the folder --out");
  verb->add_flag("--append", options.append, "with --blocks: add another turn to the log that is there");
  verb->add_flag("--plan", options.plan, "commit to nothing, say which axes the SRS must have");
  add_option(verb, "--poly-dir DIR", options.directory.poly_dir,
             "instead of --tensor: a directory of interpolate");
  add_option(verb, "--hypercube-dir DIR", options.directory.hypercube_dir,
             "with --poly-dir; default: its sibling without _polynomial, if there is one");
  add_option(verb, "--output-dir DIR", options.directory.output_dir,
             "with --poly-dir; default: <name>_commitment");
  add_option(verb, "--srs-seed N", options.directory.srs_seed,
             "with --poly-dir, without --srs: seed of a dev SRS")
      ->capture_default_str();
  program.refuse(verb, {"--hypercube-dir", "--output-dir", "--srs-seed"}, Program::Idle::kWithout,
                 "--poly-dir");
  program.refuse(verb, {"--out", "--encoding", "--layout", "--axes", "--append"}, Program::Idle::kBeside,
                 "--poly-dir");
  program.refuse(verb, {"--srs-seed"}, Program::Idle::kBeside, "--srs");
}

}  // namespace assay::cli
