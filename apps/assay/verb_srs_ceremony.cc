// `assay srs new`, `contribute`, `beacon`, `finalize` and `transcript`: public parameters of many makers.
#include <fmt/format.h>

#include "arguments.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wipe.h"
#include "parameters.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct NewOptions {
  std::string axes;
  std::string out;
};

struct ContributeOptions {
  std::string powers;
  std::string name;
  std::string entropy;
  std::string out;
};

struct BeaconOptions {
  std::string powers;
  std::string value;
  std::uint32_t log_iterations = 20;
  std::string name = "beacon";
  std::string out;
};

struct FinalizeOptions {
  std::string powers;
  std::string axes;
  std::string out;
};

struct TranscriptOptions {
  std::string in;
  std::string out;
};

/// What every verb says of a ceremony.
Json json_of_ceremony(const setup::Ceremony& ceremony) {
  Json json;
  json["axes"] = ceremony.axes.sizes();
  json["contributors"] = ceremony.contributors();
  json["transcript_digest"] = to_hex(ceremony.digest());
  json["contributions"] = Json::array();
  const std::vector<Digest> digests = ceremony.digests();
  for (std::size_t k = 0; k < ceremony.contributions.size(); ++k) {
    const setup::Contribution& each = ceremony.contributions[k];
    Json row = {{"name", each.name}, {"digest", to_hex(digests[k + 1])}, {"beacon", nullptr}};
    if (each.beacon)
      row["beacon"] = {{"value", to_hex(each.beacon->value)},
                       {"log_iterations", each.beacon->log2_iterations}};
    json["contributions"].push_back(std::move(row));
  }
  return json;
}

std::vector<std::string> lines_of_ceremony(const setup::Ceremony& ceremony) {
  std::vector<std::string> lines = {
      fmt::format("axes {}; {} contributed", ceremony.axes.to_string(), ceremony.contributors())};
  const std::vector<Digest> digests = ceremony.digests();
  for (std::size_t k = 0; k < ceremony.contributions.size(); ++k)
    lines.push_back(fmt::format("{:>4}  {}  {}{}", k + 1, to_hex(digests[k + 1]),
                                ceremony.contributions[k].name,
                                ceremony.contributions[k].beacon ? " (beacon)" : ""));
  lines.push_back("transcript digest " + to_hex(ceremony.digest()));
  return lines;
}

/// A verdict that is not accepted: nothing was made.
Result<int> report_verdict(const Verdict& verdict, const Console& console) {
  return console.report(json_of(verdict), Lines(verdict), exit_code(verdict.outcome()));
}

Result<int> report_contributed(const setup::Contributed& made, const std::string& out,
                               const Console& console) {
  if (!made.ceremony) return report_verdict(made.before, console);
  Json json = json_of_ceremony(*made.ceremony);
  json["powers"] = out;
  std::vector<std::string> lines = lines_of_ceremony(*made.ceremony);
  lines.push_back(fmt::format(
      "{}: hand it on. Keep the digest of your own line, and look for it in the final transcript", out));
  return console.report(json, lines);
}

Result<int> run_new(const NewOptions& options, const Console& console) {
  const Axes axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  const setup::Ceremony ceremony = ASSAY_TRY(setup::start(axes, options.out));
  Json json = json_of_ceremony(ceremony);
  json["powers"] = options.out;
  std::vector<std::string> lines = lines_of_ceremony(ceremony);
  lines.push_back(fmt::format("{}: every secret is 1 until the first contribution", options.out));
  return console.report(json, lines);
}

Result<int> run_contribute(const ContributeOptions& options, const Console& console) {
  constexpr std::uint64_t kMaxEntropy = std::uint64_t{1} << 20;
  const setup::Powers powers = ASSAY_TRY(setup::Powers::open(options.powers));
  Bytes entropy;
  if (!options.entropy.empty()) entropy = ASSAY_TRY(read_file(options.entropy, kMaxEntropy));
  const Result<setup::Contributed> made = setup::contribute(powers, options.name, entropy, options.out);
  wipe(std::span(entropy));
  if (!made.ok()) return made.error();
  return report_contributed(*made, options.out, console);
}

Result<int> run_beacon(const BeaconOptions& options, const Console& console) {
  const setup::Beacon beacon{ASSAY_TRY(from_hex(options.value, "--value")), options.log_iterations};
  const setup::Powers powers = ASSAY_TRY(setup::Powers::open(options.powers));
  const setup::Contributed made = ASSAY_TRY(setup::apply_beacon(powers, options.name, beacon, options.out));
  return report_contributed(made, options.out, console);
}

Result<int> run_finalize(const FinalizeOptions& options, const Console& console) {
  const Axes axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  const setup::Powers powers = ASSAY_TRY(setup::Powers::open(options.powers));
  const fs::path key_path = verifier_key_beside(options.out);
  if (key_path == options.out)
    return Error{ErrorCode::kMalformed, options.out, "the verifier's part gets this name: end it in .srs"};
  AtomicFile key_file = ASSAY_TRY(AtomicFile::create(key_path));
  const pst::Finalized made = ASSAY_TRY(pst::finalize(powers, axes));
  if (!made.srs) return report_verdict(made.powers, console);
  const pst::VerifierKey& key = made.srs->verifier_key();
  ASSAY_TRY(key_file.write(key.encode()));
  ASSAY_TRY(made.srs->write(options.out));
  ASSAY_TRY(key_file.publish());
  Json json;
  json["srs"] = options.out;
  json["vk"] = key_path.string();
  json["axes"] = axes.sizes();
  json["num_values"] = axes.volume();
  json["srs_digest"] = to_hex(key.digest());
  json["transcript_digest"] = to_hex(key.transcript);
  json["contributors"] = key.contributors;
  json["trust"] = key.label();
  return console.report(
      json, {fmt::format("{}: for tensors of axes {} ({} values)", options.out, axes.to_string(),
                         grouped(axes.volume())),
             fmt::format("{}: all that a verifier needs, beside the transcript", key_path.string()),
             "SRS digest " + to_hex(key.digest()), "transcript digest " + to_hex(key.transcript),
             "a verifier's next step: assay srs verify --srs FILE --transcript FILE"});
}

Result<int> run_transcript(const TranscriptOptions& options, const Console& console) {
  const setup::Ceremony ceremony = ASSAY_TRY(setup::Ceremony::read(options.in));
  const Verdict verdict = setup::check_ceremony(ceremony);
  Json json = json_of(verdict);
  json.update(json_of_ceremony(ceremony));
  Lines lines(verdict);
  for (std::string& line : lines_of_ceremony(ceremony)) lines.texts.push_back(std::move(line));
  if (verdict.ok() && !options.out.empty()) ASSAY_TRY(ceremony.write(options.out));
  return console.report(json, lines, exit_code(verdict.outcome()));
}

}  // namespace

void add_srs_ceremony(Program& program) {
  const auto [new_verb, begun] =
      program.add("srs new", "Begin a ceremony, in which several parties make the secrets of an SRS",
                  "assay srs new --axes 6,6,6 --out 0.powers", run_new);
  add_option(new_verb, "--axes A,B,..", begun.axes, "the largest shape that the SRS must serve")->required();
  add_option(new_verb, "--out FILE", begun.out, "the powers, for the first contributor")->required();

  const auto [contribute_verb, contributed] = program.add(
      "srs contribute", "Check what came before, and add secrets of your own, which are forgotten at once",
      "assay srs contribute --powers 0.powers --name \"Ada\" --out 1.powers", run_contribute);
  add_option(contribute_verb, "--powers FILE", contributed.powers, "the file from the contributor before you")
      ->required();
  add_option(contribute_verb, "--name NAME", contributed.name, "your name in the transcript")->required();
  add_option(contribute_verb, "--entropy FILE", contributed.entropy,
             "mixed with the system's randomness; at most 1 MiB");
  add_option(contribute_verb, "--out FILE", contributed.out, "the new powers, to hand on")->required();

  const auto [beacon_verb, beacon] =
      program.add("srs beacon", "End a ceremony with a public value that nobody could know before",
                  "assay srs beacon --powers 3.powers --value 0badcafe --out 4.powers", run_beacon);
  add_option(beacon_verb, "--powers FILE", beacon.powers, "what the last contributor handed on")->required();
  add_option(beacon_verb, "--value HEX", beacon.value, "the public value, 1 to 256 bytes")->required();
  add_option(beacon_verb, "--log-iterations N", beacon.log_iterations,
             "it is hashed 2^N times, N in 10 to 24")
      ->capture_default_str();
  add_option(beacon_verb, "--name NAME", beacon.name, "where the value comes from")->capture_default_str();
  add_option(beacon_verb, "--out FILE", beacon.out, "the new powers")->required();

  const auto [finalize_verb, finalized] =
      program.add("srs finalize", "Make the SRS of a ceremony, over any axes that fit its own",
                  "assay srs finalize --powers 4.powers --axes 6,6,6 --out six.srs", run_finalize);
  add_option(finalize_verb, "--powers FILE", finalized.powers, "what the ceremony ended with")->required();
  add_option(finalize_verb, "--axes A,B,..", finalized.axes,
             "shape of the tensors to commit to; each axis takes the next one with room")
      ->required();
  add_option(finalize_verb, "--out FILE", finalized.out,
             "the SRS; the verifier's part goes beside it, ending in .vk")
      ->required();

  const auto [transcript_verb, transcript] =
      program.add("srs transcript", "Check and list the contributions to a ceremony, and keep them alone",
                  "assay srs transcript 4.powers --out six.transcript", run_transcript);
  add_option(transcript_verb, "in FILE", transcript.in, "powers, or a transcript")->required();
  add_option(transcript_verb, "--out FILE", transcript.out,
             "write the transcript here: some KB, without powers");
}

}  // namespace assay::cli
