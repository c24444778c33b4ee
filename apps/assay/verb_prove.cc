// `assay prove`: openings of a commitment.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "arguments.h"
#include "assay/claim_log.h"
#include "assay/pipeline.h"
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

struct PointOptions {
  std::vector<std::string> at;
  std::vector<std::string> entries;
  std::vector<std::string> at_field;
  SliceFlags slice;
  std::string challenge;
  std::optional<std::uint64_t> random;
  std::optional<std::uint64_t> seed;
  bool together = false;
};

struct ProveOptions {
  std::string tensor;
  std::string srs;
  std::string commitment;
  std::string out;
  PointOptions points;
  std::string kept;
  bool block = false;
  bool no_check = false;
  std::string poly_dir;
  std::string hypercube_dir;
  std::string output_dir;
  std::uint64_t num_queries = 10;
};

constexpr std::uint64_t kSeedOfQueries = 42;

Result<std::vector<claim::Query>> points_of_challenge(const std::string& path,
                                                      const claim::Commitment& commitment) {
  const claim::Challenge challenge = ASSAY_TRY(claim::Challenge::read(path));
  if (const Status suits = challenge.check(commitment); !suits) return within(path, suits.error());
  return challenge.queries;
}

Result<std::vector<claim::Query>> points_of_draw(const PointOptions& options,
                                                 const claim::Commitment& commitment) {
  if (!options.random) return std::vector<claim::Query>{};
  return ASSAY_TRY(named_by_flags(
                       options.seed ? claim::Challenge::from_seed(commitment, *options.random, *options.seed)
                                    : claim::Challenge::draw(commitment, *options.random),
                       {{"count of points", "--random"}}))
      .queries;
}

Result<claim::Query> field_point(const std::string& text, const Axes& axes) {
  std::vector<Fr> coordinates = ASSAY_TRY(parse_field_point(text, "--at-field"));
  if (coordinates.size() != axes.count())
    return Error{ErrorCode::kMismatch, "--at-field",
                 fmt::format("'{}' has {} coordinates, the axes {} need {}", text, coordinates.size(),
                             axes.to_string(), axes.count())};
  return claim::Query::anywhere(std::move(coordinates), axes);
}

// All of them as one set.
Result<std::vector<claim::Query>> entries_together(const std::vector<claim::Query>& points,
                                                   const Axes& axes) {
  std::vector<std::vector<std::uint32_t>> entries;
  for (const claim::Query& point : points) {
    if (!point.is_on_grid())
      return Error{ErrorCode::kMalformed, "--together", "is for entries: leave slices and other points out"};
    entries.push_back(point.grid);
  }
  return std::vector{ASSAY_TRY(claim::query_of_set(axes, entries))};
}

// In the order of the flags: a challenge alone, or all others, each once.
Result<std::vector<claim::Query>> points_of(const PointOptions& options,
                                            const claim::Commitment& commitment) {
  const encode::Layout& layout = commitment.header.layout;
  if (options.seed && !options.random) return Error{ErrorCode::kMalformed, "--seed", "goes with --random"};
  std::vector<claim::Query> points;
  const auto add = [&points](claim::Query point) {
    if (std::find(points.begin(), points.end(), point) == points.end()) points.push_back(std::move(point));
  };
  for (const std::string& text : options.at) {
    std::vector<std::uint32_t> coordinates = ASSAY_TRY(parse_coordinates(text, "--at"));
    const Result<std::uint64_t> index = layout.axes.index_of(coordinates);
    if (!index.ok())
      return Error{index.error().code, "--at " + text,
                   fmt::format("not a point of the axes {}", layout.axes.to_string())};
    add(claim::Query::on_grid(std::move(coordinates)));
  }
  for (const std::string& text : options.entries)
    add(claim::Query::on_grid(ASSAY_TRY(parse_entry(text, layout, "--entry")).coordinates));
  for (const std::string& text : options.at_field) add(ASSAY_TRY(field_point(text, layout.axes)));
  if (options.slice.any()) add(ASSAY_TRY(options.slice.query(layout)));
  // Sorted out by hand above; what is drawn is distinct by itself, and there may be a million of it.
  std::vector<claim::Query> drawn = ASSAY_TRY(points_of_draw(options, commitment));
  const std::vector<claim::Query> named = points;
  for (claim::Query& point : drawn)
    if (std::find(named.begin(), named.end(), point) == named.end()) points.push_back(std::move(point));
  if (options.challenge.empty()) {
    if (points.empty())
      return Error{
          ErrorCode::kMalformed, "",
          "no points: give --at, --entry, --at-field, --layer, --token, --dim, --random or --challenge"};
    if (options.together) return entries_together(points, layout.axes);
    return points;
  }
  if (options.together) return Error{ErrorCode::kMalformed, "--together", "a challenge is answered as it is"};
  if (!points.empty())
    return Error{ErrorCode::kMalformed, "--challenge",
                 "a challenge is answered as it is: leave the other points out"};
  return points_of_challenge(options.challenge, commitment);
}

/// What was opened, with what it cost.
struct Opened {
  claim::CheckedProofs made;
  bool checked = false;
};

/// What the commitment was made with.
struct Parameters {
  std::optional<pst::Srs> tensor;  // of the scheme tensor, which alone can keep quotients
  std::unique_ptr<claim::Committer> committer;
  std::unique_ptr<claim::Checker> checker;
};

Result<Parameters> open_parameters(const std::string& srs, const claim::Commitment& commitment) {
  Parameters parameters;
  const claim::Scheme scheme = commitment.header.scheme;
  parameters.committer = ASSAY_TRY(open_committer(std::string(claim::to_string(scheme)), srs));
  parameters.checker = ASSAY_TRY(open_checker(srs, scheme));
  if (scheme == claim::Scheme::kTensor) parameters.tensor = ASSAY_TRY(pst::Srs::open(srs));
  return parameters;
}

// Where nothing is checked nothing is kept either: quotients that do not verify would spoil later proofs.
Result<Opened> open_points(const ProveOptions& options, const Parameters& parameters,
                           const claim::Commitment& commitment, const tensor::IntegerArray& values,
                           const std::vector<claim::Query>& queries, pst::KeptQuotients* kept,
                           const claim::Captured* captured) {
  if (!options.no_check) {
    if (parameters.tensor)
      return Opened{ASSAY_TRY(claim::prove_checked(*parameters.tensor, commitment, values.view(), queries,
                                                   kept, captured)),
                    true};
    return Opened{ASSAY_TRY(claim::prove_checked(*parameters.committer, *parameters.checker, commitment,
                                                 values.view(), queries, captured)),
                  true};
  }
  std::optional<pst::KeptQuotients> unchecked;
  if (kept != nullptr) unchecked = *kept;
  const Stopwatch proving;
  claim::Proofs proofs =
      unchecked ? ASSAY_TRY(claim::prove(*parameters.tensor, commitment, values.view(), queries, &*unchecked))
                : ASSAY_TRY(claim::prove(*parameters.committer, commitment, values.view(), queries));
  return Opened{
      {std::move(proofs), {Verdict::inconclusive("not checked", "--no-check"), {}, {}}, proving.seconds(), 0},
      false};
}

Result<int> report_opened(const Console& console, const claim::Commitment& commitment, const Opened& opened,
                          const Json& json, const std::string& out, int exit_code) {
  const claim::CheckedProofs& made = opened.made;
  Json all;
  all["digest"] = to_hex(made.proofs.commitment_digest);
  all["num_proofs"] = made.proofs.size();
  all["proof_bytes"] = made.proofs.evidence(0).size();
  all["verified_by_prover"] = opened.checked;
  all["timing"] = {{"prove_time_s", made.prove_seconds},
                   {"verify_time_s", opened.checked ? Json(made.verify_seconds) : Json(nullptr)}};
  all.update(json);
  const claim::Verification* found = opened.checked ? &made.found : nullptr;
  const std::vector<std::string> lines = {
      fmt::format("{} values of commitment {} opened in {:.3f} s", made.proofs.size(),
                  to_hex(made.proofs.commitment_digest), made.prove_seconds)};
  return console.report(all, lines, rows_of(made.proofs, &commitment.header, found), {"written to " + out},
                        exit_code);
}

Error in_its_file(Error error, const std::string& tensor, const std::string& srs) {
  const std::string& file = error.place == "SRS" ? srs : tensor;
  return within(file, std::move(error));
}

// Nothing is kept yet where there is no file.
Result<pst::KeptQuotients> read_kept(const std::string& path, const claim::Commitment& commitment) {
  const Axes& axes = commitment.header.layout.axes;
  std::error_code failure;
  if (!fs::exists(path, failure)) return pst::KeptQuotients(axes);
  return pst::KeptQuotients::read(path, axes, commitment.digest());
}

Result<int> prove_tensor(const ProveOptions& options, const Console& console) {
  for (const auto& [flag, value] :
       {std::pair("--commitment", &options.commitment), {"--out", &options.out}}) {
    if (value->empty()) return Error{ErrorCode::kMalformed, flag, "is needed with --tensor"};
  }
  const claim::Commitment commitment = ASSAY_TRY(claim::Commitment::read(options.commitment));
  const std::vector<claim::Query> queries = ASSAY_TRY(points_of(options.points, commitment));
  const Parameters parameters = ASSAY_TRY(open_parameters(options.srs, commitment));
  if (!options.kept.empty() && !parameters.tensor)
    return Error{ErrorCode::kMalformed, "--kept",
                 "goes with the scheme tensor: the others keep no quotients"};
  // Asked first: what the header says of the layout costs as much as it likes.
  if (const Status same = claim::check_committer(*parameters.committer, commitment.header); !same)
    return in_its_file(same.error(), options.tensor, options.srs);
  const claim::Captured read = options.block
                                   ? ASSAY_TRY(claim::read_captured_block(commitment.header, options.tensor))
                                   : ASSAY_TRY(pipeline::read_captured(commitment.header, options.tensor));
  if (!read.fault.empty())
    return Error{ErrorCode::kMismatch, options.tensor, "not the tensor that was committed to: " + read.fault};
  const Result<tensor::IntegerArray> values = read.laid_out(commitment.header.layout);
  if (!values.ok()) return within(options.tensor, values.error());
  std::optional<pst::KeptQuotients> kept;
  if (!options.kept.empty()) kept = ASSAY_TRY(read_kept(options.kept, commitment));
  const std::size_t kept_before = kept ? kept->size() : 0;
  const Result<Opened> opened =
      open_points(options, parameters, commitment, *values, queries, kept ? &*kept : nullptr, nullptr);
  if (!opened.ok()) return in_its_file(opened.error(), options.tensor, options.srs);
  if (kept && kept->size() != kept_before)
    ASSAY_TRY(kept->write(options.kept, opened->made.proofs.commitment_digest));
  ASSAY_TRY(opened->made.proofs.write(options.out));
  return report_opened(console, commitment, *opened, {{"out", options.out}}, options.out, kDone);
}

Result<int> prove_directory(const ProveOptions& options, const Console& console) {
  const pipeline::Directories dirs =
      pipeline::find_directories(options.poly_dir, options.hypercube_dir, options.output_dir);
  const std::string srs_path = options.srs.empty() ? (dirs.output / pipeline::kDevSrs).string() : options.srs;
  const claim::Commitment commitment =
      ASSAY_TRY(claim::Commitment::read(dirs.output / pipeline::kCommitmentFile));
  if (commitment.header.scheme != claim::Scheme::kTensor)
    return Error{ErrorCode::kUnsupported, (dirs.output / pipeline::kCommitmentFile).string(),
                 "directories of interpolate go with the scheme tensor"};
  const Parameters parameters = ASSAY_TRY(open_parameters(srs_path, commitment));
  pipeline::PolynomialTensor tensor = ASSAY_TRY(pipeline::read_polynomial_tensor(dirs));

  const PointOptions& wanted = options.points;
  const bool named = !wanted.at.empty() || !wanted.entries.empty() || !wanted.at_field.empty() ||
                     wanted.slice.any() || !wanted.challenge.empty() || wanted.random.has_value();
  const std::vector<claim::Query> queries =
      named ? ASSAY_TRY(points_of(wanted, commitment))
            : ASSAY_TRY(named_by_flags(pipeline::points_of_seed(commitment, options.num_queries,
                                                                wanted.seed.value_or(kSeedOfQueries)),
                                       {{"count of points", "--num-queries"}}));
  if (std::ranges::any_of(queries, &claim::Query::is_of_parts))
    return Error{ErrorCode::kUnsupported, pipeline::kProofsJson.data(),
                 "it has no slices: open them with --tensor"};
  std::optional<claim::Captured> captured;
  if (tensor.ground_truth) captured = claim::Captured{std::move(*tensor.ground_truth), {}};
  const Result<Opened> opened = open_points(options, parameters, commitment, tensor.values, queries, nullptr,
                                            captured ? &*captured : nullptr);
  if (!opened.ok()) return in_its_file(opened.error(), dirs.polynomial.string(), srs_path);
  const claim::CheckedProofs& made = opened->made;
  Json results = ASSAY_TRY(pipeline::read_results(dirs, commitment));
  pipeline::add_openings(results, commitment, made.proofs, made.found,
                         {made.prove_seconds, made.verify_seconds}, captured ? &*captured : nullptr);
  ASSAY_TRY(pipeline::write_openings(dirs, commitment, made.proofs, results));

  const bool contradicted = opened->checked && !made.found.verdict.ok();
  if (contradicted)
    console.warn("the polynomial does not take the hypercube's values: see the points that do not match");
  const Json json = {{"output_dir", dirs.output.string()},
                     {"verification_summary", results["verification_summary"]}};
  return report_opened(console, commitment, *opened, json, dirs.output.string(),
                       contradicted ? exit_code(made.found.verdict.outcome()) : kDone);
}

Result<int> run_prove(const ProveOptions& options, const Console& console) {
  if (options.tensor.empty() == options.poly_dir.empty())
    return Error{ErrorCode::kMalformed, "", "give exactly one of --tensor and --poly-dir"};
  if (!options.kept.empty() && !options.poly_dir.empty())
    return Error{ErrorCode::kMalformed, "--kept", "goes with --tensor"};
  return options.poly_dir.empty() ? prove_tensor(options, console) : prove_directory(options, console);
}

}  // namespace

void add_prove(Program& program) {
  const auto [verb, options] = program.add(
      "prove", "Open values of a committed tensor",
      "assay prove --tensor cube.npy --srs six.srs --commitment cube.commitment --at 0,5,2 --out cube.proofs",
      run_prove);
  PointOptions& points = options.points;
  add_option(verb, "--tensor FILE", options.tensor,
             "what was committed to; the commitment says how to read it");
  add_option(verb, "--srs FILE", options.srs,
             "the parameters it was committed with; the scheme merkle has none");
  add_option(verb, "--commitment FILE", options.commitment, "the commitment");
  add_option(verb, "--out FILE", options.out, "the proofs");
  add_option(verb, "--at C,C,..", points.at, "a grid point; may be repeated")->allow_extra_args(false);
  add_option(verb, "--entry ENTRY", points.entries, "LAYER:POSITION, flat or as coordinates; may be repeated")
      ->allow_extra_args(false);
  add_option(verb, "--at-field Z,Z,..", points.at_field,
             "any point, its coordinates in decimal or 0x..; may be repeated")
      ->allow_extra_args(false);
  add_slice_flags(verb, points.slice);
  add_option(verb, "--random N", points.random, "open this many positions of real values, drawn here");
  add_option(verb, "--seed N", points.seed,
             "for --random, the seed to draw from; with --poly-dir default 42");
  verb->add_flag("--together", points.together,
                 "entries as one set, whose proof shares what it can; by the scheme kzg it has 64 bytes");
  add_option(verb, "--challenge FILE", points.challenge, "the points that a verifier asks for");
  add_option(verb, "--kept FILE", options.kept,
             "quotients of earlier openings, which make later ones cheaper; created if missing");
  verb->add_flag(
      "--block", options.block,
      "the commitment is to a block of a run: --tensor has the whole run, from its first token on");
  verb->add_flag("--no-check", options.no_check, "do not verify the proofs before they are written");
  add_option(verb, "--poly-dir DIR", options.poly_dir, "instead of --tensor: a directory of interpolate");
  add_option(verb, "--hypercube-dir DIR", options.hypercube_dir, "with --poly-dir: what to compare with");
  add_option(verb, "--output-dir DIR", options.output_dir, "with --poly-dir: where commit wrote");
  add_option(verb, "--num-queries N", options.num_queries, "with --poly-dir: how many points to open")
      ->capture_default_str();
  program.refuse(verb, {"--hypercube-dir", "--output-dir", "--num-queries"}, Program::Idle::kWithout,
                 "--poly-dir");
  program.refuse(verb, {"--commitment", "--out", "--block", "--together"}, Program::Idle::kBeside,
                 "--poly-dir");
  for (const char* const named :
       {"--at", "--entry", "--at-field", "--layer", "--token", "--dim", "--random", "--challenge"})
    program.refuse(verb, {"--num-queries"}, Program::Idle::kBeside, named);
}

}  // namespace assay::cli
