// `assay prove`: openings of a commitment.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "arguments.h"
#include "base/file.h"
#include "base/try.h"
#include "commitment_dir.h"
#include "program.h"
#include "proving.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct ProveOptions {
  std::string tensor;
  std::string srs;
  std::string commitment;
  std::string out;
  PointOptions points;
  std::string kept;
  bool no_check = false;
  std::string poly_dir;
  std::string hypercube_dir;
  std::string output_dir;
  std::uint64_t num_queries = 10;
};

constexpr std::uint64_t kSeedOfQueries = 42;

Json json_of_proven(const claim::Commitment& commitment, const Proven& proven, bool checked,
                    const std::vector<ProofReport>& reports) {
  Json json;
  json["digest"] = to_hex(commitment.digest());
  json["num_proofs"] = reports.size();
  json["proof_bytes"] = 32 * commitment.header.layout.axes.count();
  json["verified_by_prover"] = checked;
  json["proofs"] = Json::array();
  for (const ProofReport& report : reports) json["proofs"].push_back(json_of(report));
  json["timing"] = {{"prove_time_s", proven.prove_seconds},
                    {"verify_time_s", checked ? Json(proven.verify_seconds) : Json(nullptr)}};
  return json;
}

std::vector<std::string> lines_of_proven(const claim::Commitment& commitment, const Proven& proven,
                                         const std::vector<ProofReport>& reports, const std::string& out) {
  std::vector<std::string> lines = {fmt::format("{} values of commitment {} opened in {:.3f} s",
                                                reports.size(), to_hex(commitment.digest()),
                                                proven.prove_seconds)};
  for (const ProofReport& report : reports) lines.push_back(line_of(report));
  lines.push_back("written to " + printable(out));
  return lines;
}

std::optional<bool> when(bool known) { return known ? std::optional<bool>(true) : std::nullopt; }

// Nothing is kept yet where there is no file.
Result<pst::KeptQuotients> read_kept(const std::string& path, const claim::Commitment& commitment) {
  const Axes& axes = commitment.header.layout.axes;
  std::error_code failure;
  if (!fs::exists(path, failure)) return pst::KeptQuotients(axes);
  return pst::KeptQuotients::read(path, axes, commitment.digest());
}

Result<int> prove_tensor(const ProveOptions& options, const Console& console) {
  for (const auto& [flag, value] :
       {std::pair("--srs", &options.srs), {"--commitment", &options.commitment}, {"--out", &options.out}}) {
    if (value->empty()) return Error{ErrorCode::kMalformed, flag, "is needed with --tensor"};
  }
  const claim::Commitment commitment = ASSAY_TRY(claim::Commitment::read(options.commitment));
  const std::vector<claim::Point> points = ASSAY_TRY(points_of(options.points, commitment));
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.srs));
  const tensor::IntegerArray values =
      ASSAY_TRY(pipeline::read_values_like(commitment.header, options.tensor));
  std::optional<pst::KeptQuotients> kept;
  if (!options.kept.empty()) kept = ASSAY_TRY(read_kept(options.kept, commitment));
  const std::size_t kept_before = kept ? kept->size() : 0;
  const Proven proven = ASSAY_TRY(prove_points(srs, commitment, values.view(), points, !options.no_check,
                                               options.tensor, options.srs, kept ? &*kept : nullptr));
  if (kept && kept->size() != kept_before) ASSAY_TRY(kept->write(options.kept, commitment.digest()));
  ASSAY_TRY(proven.proofs.write(options.out));
  const std::vector<ProofReport> reports =
      describe_proofs(proven.proofs.proofs, &commitment.header.layout, when(!options.no_check));
  Json json = json_of_proven(commitment, proven, !options.no_check, reports);
  json["out"] = options.out;
  return console.report(json, lines_of_proven(commitment, proven, reports, options.out));
}

// The results that commit wrote, or new ones where there are none.
Result<Json> earlier_results(const pipeline::Directories& dirs, const claim::Commitment& commitment) {
  const fs::path path = dirs.output / kResultsJson;
  std::error_code failure;
  if (!fs::exists(path, failure)) return results_json(commitment, dirs, 0, 0);
  Json json = ASSAY_TRY(read_json_file(path));
  if (!json.is_object() || !json.contains("timing") || !json["timing"].is_object())
    return Error{ErrorCode::kMalformed, path.string(), "not the results of commit: remove it"};
  return json;
}

Result<int> prove_directory(const ProveOptions& options, const Console& console) {
  const pipeline::Directories dirs =
      pipeline::find_directories(options.poly_dir, options.hypercube_dir, options.output_dir);
  const std::string srs_path = options.srs.empty() ? (dirs.output / kDevSrs).string() : options.srs;
  const claim::Commitment commitment = ASSAY_TRY(claim::Commitment::read(dirs.output / kCommitmentFile));
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(srs_path));
  const pipeline::PolynomialTensor tensor = ASSAY_TRY(pipeline::read_polynomial_tensor(dirs));

  PointOptions wanted = options.points;
  const bool named = !wanted.at.empty() || !wanted.entries.empty() || !wanted.at_field.empty() ||
                     !wanted.challenge.empty() || wanted.random.has_value();
  if (!named) {
    wanted.random = std::min(options.num_queries, commitment.header.layout.real_count);
    if (!wanted.seed) wanted.seed = kSeedOfQueries;
  }
  const std::vector<claim::Point> points = ASSAY_TRY(points_of(wanted, commitment));
  const Proven proven = ASSAY_TRY(prove_points(srs, commitment, tensor.values.view(), points,
                                               !options.no_check, dirs.polynomial.string(), srs_path));
  std::vector<ProofReport> reports =
      describe_proofs(proven.proofs.proofs, &commitment.header.layout, when(!options.no_check));
  if (tensor.ground_truth) {
    const std::vector<bool> matches = match_captured(commitment, proven.proofs, tensor.ground_truth->view());
    for (std::size_t i = 0; i < matches.size(); ++i) reports[i].matched = matches[i];
  }
  Json results = ASSAY_TRY(earlier_results(dirs, commitment));
  add_figures(results, {reports, proven.prove_seconds, proven.verify_seconds});
  ASSAY_TRY(proven.proofs.write(dirs.output / kProofsFile));
  ASSAY_TRY(write_file(dirs.output / kProofsJson, pipeline::proofs_json(commitment, proven.proofs)));
  ASSAY_TRY(write_file(dirs.output / kResultsJson, dump_json(results) + "\n"));

  Json json = json_of_proven(commitment, proven, !options.no_check, reports);
  json["output_dir"] = dirs.output.string();
  json["verification_summary"] = results["verification_summary"];
  const bool contradicted = std::ranges::any_of(
      reports, [](const ProofReport& report) { return report.matched && !*report.matched; });
  if (contradicted)
    console.warn("the polynomial does not take the hypercube's values: see the points that do not match");
  return console.report(json, lines_of_proven(commitment, proven, reports, dirs.output.string()),
                        contradicted ? exit_code(Outcome::kRejected) : kDone);
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
  const auto options = std::make_shared<ProveOptions>();
  CLI::App* verb = program.add(
      "prove", "Open values of a committed tensor",
      "assay prove --tensor cube.npy --srs six.srs --commitment cube.commitment --at 0,5,2 --out cube.proofs",
      options, run_prove);
  PointOptions& points = options->points;
  verb->add_option("--tensor", options->tensor, "what was committed to; the commitment says how to read it")
      ->type_name("FILE");
  verb->add_option("--srs", options->srs, "the parameters it was committed with")->type_name("FILE");
  verb->add_option("--commitment", options->commitment, "the commitment")->type_name("FILE");
  verb->add_option("--out", options->out, "the proofs")->type_name("FILE");
  verb->add_option("--at", points.at, "a grid point; may be repeated")
      ->allow_extra_args(false)
      ->type_name("C,C,..");
  verb->add_option("--entry", points.entries, "LAYER:POSITION, flat or as coordinates; may be repeated")
      ->allow_extra_args(false)
      ->type_name("ENTRY");
  verb->add_option("--at-field", points.at_field,
                   "any point, its coordinates in decimal or 0x..; may be repeated")
      ->allow_extra_args(false)
      ->type_name("Z,Z,..");
  verb->add_option("--random", points.random, "this many positions of real values")->type_name("N");
  verb->add_option("--seed", points.seed, "draw them from a seed; with --poly-dir default 42")
      ->type_name("N");
  verb->add_option("--challenge", points.challenge, "the points that a verifier asks for")->type_name("FILE");
  verb->add_option("--kept", options->kept,
                   "what is kept of the openings so far, to make the next ones cheaper; made where it is not")
      ->type_name("FILE");
  verb->add_flag("--no-check", options->no_check, "do not verify the proofs before they are written");
  verb->add_option("--poly-dir", options->poly_dir, "instead of --tensor: a directory of interpolate")
      ->type_name("DIR");
  verb->add_option("--hypercube-dir", options->hypercube_dir, "with --poly-dir: what to compare with")
      ->type_name("DIR");
  verb->add_option("--output-dir", options->output_dir, "with --poly-dir: where commit wrote")
      ->type_name("DIR");
  verb->add_option("--num-queries", options->num_queries, "with --poly-dir: how many points to open")
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace assay::cli
