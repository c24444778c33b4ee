// `assay challenge`: the verifier's questions.
#include <fmt/format.h>

#include "arguments.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct DrawOptions {
  std::string commitment;
  std::string out;
  std::uint64_t count = 10;
  std::string unit = "entry";
  std::optional<std::uint64_t> seed;
};

Result<int> run_draw(const DrawOptions& options, const Console& console) {
  const claim::Commitment commitment = ASSAY_TRY(claim::Commitment::read(options.commitment));
  const std::optional<claim::Unit> unit = claim::unit_of(options.unit);
  if (!unit)
    return Error{ErrorCode::kMalformed, "--unit",
                 fmt::format("'{}' is none of entry, token and layer", options.unit)};
  const claim::Challenge challenge = ASSAY_TRY(named_by_flags(
      options.seed ? claim::Challenge::from_seed(commitment, options.count, *options.seed, *unit)
                   : claim::Challenge::draw(commitment, options.count, World::system(), *unit),
      {{"count of points", "--num-queries"}, {"count of units", "--num-queries"}}));
  ASSAY_TRY(challenge.write(options.out));
  if (options.seed)
    console.warn(
        "a challenge from a seed is not for real use: a prover that knows the seed knows the points");

  Json json;
  json["out"] = options.out;
  json["digest"] = to_hex(challenge.commitment_digest);
  const std::string drawn = to_hex(challenge.digest());
  json["challenge_digest"] = drawn;
  json["num_queries"] = challenge.queries.size();
  json["unit"] = options.unit;
  json["num_units"] = options.count;
  json["from_seed"] = options.seed ? Json(*options.seed) : Json(nullptr);
  const Rows rows{"points",
                  challenge.queries.size(),
                  [&](std::size_t k) { return claim::json_of(challenge.queries[k]); },
                  {}};
  return console.report(
      json,
      {fmt::format("{} {} of commitment {}", options.count,
                   *unit == claim::Unit::kEntry ? "points" : options.unit + "s",
                   to_hex(challenge.commitment_digest)),
       "written to " + options.out, "challenge digest, for verify --challenge-digest: " + drawn},
      rows, {}, kDone);
}

}  // namespace

void add_challenge(Program& program) {
  const auto [verb, options] = program.add(
      "challenge", "Draw the points that a prover must open",
      "assay challenge --commitment cube.commitment --num-queries 10 --out cube.challenge", run_draw);
  add_option(verb, "--commitment FILE", options.commitment, "the prover's commitment")->required();
  add_option(verb, "--unit UNIT", options.unit,
             "what is drawn: entry, or of a model layout token (over all layers) or layer")
      ->capture_default_str();
  add_option(verb, "--num-queries N", options.count, "how many of them, all different")
      ->capture_default_str();
  add_option(verb, "--out FILE", options.out, "the challenge")->required();
  add_option(verb, "--seed N", options.seed,
             "not for real use: repeatable points, which anybody who knows the seed knows");
}

}  // namespace assay::cli
