// `assay commit-prove-verify`: the last two steps of the original pipeline in one.
#include <fmt/format.h>

#include <optional>

#include "base/try.h"
#include "base/within.h"
#include "polynomial_directory.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct PipelineOptions {
  DirectoryOptions directory;
  std::uint64_t num_queries = 10;
  std::uint64_t seed = 42;
};

Result<int> run(const PipelineOptions& options, const Console& console) {
  CommittedDirectory made =
      ASSAY_TRY(commit_directory(options.directory, claim::CaptureMode::kUnknown, console));
  std::optional<claim::Captured> captured;
  if (made.tensor.ground_truth) captured = claim::Captured{*made.tensor.ground_truth, {}};
  const claim::Captured* const compared = captured ? &*captured : nullptr;
  const std::vector<claim::Query> points =
      ASSAY_TRY(pipeline::points_of_seed(made.commitment, options.num_queries, options.seed));
  const pipeline::OpenedPoints opened =
      ASSAY_TRY(within(made.directories.polynomial.string(),
                       pipeline::open_one_by_one(made.srs, made.commitment, made.tensor, points, compared)));
  pipeline::add_openings(made.results, made.commitment, opened.proofs, opened.found, opened.times, compared);
  ASSAY_TRY(pipeline::write_openings(made.directories, made.commitment, opened.proofs, made.results));

  const Verdict& verdict = opened.found.verdict;
  Json json = made.results;
  json.erase("point_results");
  json["output_dir"] = made.directories.output.string();
  json.update(json_of(verdict));
  const double count = static_cast<double>(opened.proofs.size());
  std::vector<std::string> lines =
      lines_of_commitment(made.commitment, to_hex(made.commitment.digest()), made.commit_seconds);
  lines.push_back(fmt::format("{} points, opened in {:.3f} s each and verified in {:.4f} s each",
                              opened.proofs.size(), opened.times.prove / count, opened.times.verify / count));
  Rows rows = rows_of(opened.proofs, &made.commitment.header, &opened.found);
  rows.name = "point_results";
  rows.json = [&made](std::size_t k) { return made.results["point_results"][k]; };
  Lines ending(verdict);
  if (compared == nullptr) ending.texts.emplace_back("no hypercube was found: nothing was compared with it");
  ending.texts.push_back("written to " + made.directories.output.string());
  return console.report(json, lines, rows, ending, exit_code(verdict.outcome()));
}

}  // namespace

void add_commit_prove_verify(Program& program) {
  const auto [verb, options] = program.add(
      "commit-prove-verify", "Commit to a polynomial, open values of it, verify them and compare them",
      "assay commit-prove-verify --poly-dir model_int_activations_hypercube_polynomial", run);
  DirectoryOptions& directory = options.directory;
  add_option(verb, "--poly-dir DIR", directory.poly_dir, "directory of interpolate")->required();
  add_option(
      verb, "--hypercube-dir DIR", directory.hypercube_dir,
      "directory of reshape, to compare with; default: its sibling without _polynomial, if there is one");
  add_option(verb, "--output-dir DIR", directory.output_dir, "default: <name>_commitment");
  add_option(verb, "--num-queries N", options.num_queries, "how many points to open")
      ->check(not_zero())
      ->capture_default_str();
  add_option(verb, "--seed N", options.seed, "what the points behind the first four are drawn from")
      ->capture_default_str();
  add_option(verb, "--srs FILE", directory.srs, "public parameters; default: made from --srs-seed");
  add_option(verb, "--srs-seed N", directory.srs_seed, "without --srs: seed of a dev SRS")
      ->capture_default_str();
  program.refuse(verb, {"--srs-seed"}, Program::Idle::kBeside, "--srs");
}

}  // namespace assay::cli
