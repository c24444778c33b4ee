// `assay audit enroll` and `assay audit check`: the verifier's key, and its verdict.
#include <fmt/format.h>

#include "assay/audit_check.h"
#include "assay/audit_record.h"
#include "audit_reference.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct EnrollOptions {
  FolderOptions folder;
  std::uint32_t vectors = 8;
  std::uint32_t epochs = 1;
  std::string out;
};

struct CheckOptions {
  std::string head;
  std::string provider;
  std::string request;
  std::string challenge;
  std::string openings;
  bool silent = false;
  ReferenceOptions reference;
  std::string profile;
  double share = 0.1;
  std::string layers = "all";
  std::string record;
};

Result<int> run_enroll(const EnrollOptions& options, const Console& console) {
  const audit::RowDtype dtype = ASSAY_TRY(dtype_of(options.folder));
  const weights::Folder folder = ASSAY_TRY(weights::Folder::open(options.folder.weights));
  const Digest root = ASSAY_TRY(root_of(folder, options.folder));
  const Stopwatch enrolling;
  const std::vector<audit::Key> keys =
      ASSAY_TRY(audit::Key::enroll(folder, {dtype, options.vectors, options.epochs, root}, World::system()));
  const double seconds = enrolling.seconds();
  Json json;
  json["root"] = to_hex(root);
  json["layers"] = keys.front().layers();
  json["vectors"] = options.vectors;
  json["keys"] = Json::array();
  std::vector<std::string> lines = {
      fmt::format("{} layers, {} secret vectors each", grouped(keys.front().layers()), options.vectors),
      "root of the weights " + to_hex(root)};
  for (const audit::Key& key : keys) {
    const std::string path = fmt::format("{}.{}", options.out, key.epoch());
    ASSAY_TRY(key.write(path));
    const std::size_t bytes = key.encode().size();
    json["keys"].push_back({{"path", path}, {"epoch", key.epoch()}, {"bytes", bytes}});
    lines.push_back(
        fmt::format("{}: {} bytes, for epoch {}, for you alone", path, grouped(bytes), key.epoch()));
  }
  json["timing"] = {{"enroll_time_s", seconds}};
  return console.report(json, lines);
}

/// Says how this provider did so far.
Status add_tally(const audit::Record& record, const audit::Expectation& expected, Json& json, Lines& lines) {
  const Digest provider = audit::provider_id(expected.provider);
  const audit::Record::Tally tally = ASSAY_TRY(record.tally(provider));
  json["provider"] = {{"key_id", to_hex(provider)},
                      {"accepted", tally.accepted},
                      {"rejected", tally.rejected},
                      {"inconclusive", tally.inconclusive},
                      {"missing", tally.missing}};
  lines.texts.push_back(
      fmt::format("this provider: {} accepted, {} rejected (of these {} not answered), {} inconclusive",
                  tally.accepted, tally.rejected, tally.missing, tally.inconclusive));
  return {};
}

Result<int> run_check(const CheckOptions& options, const Console& console) {
  if (options.silent == !options.openings.empty())
    return Error{ErrorCode::kMalformed, "", "exactly one of --openings and --no-answer is needed"};
  audit::Expectation expected;
  expected.provider = ASSAY_TRY(audit::read_provider(options.provider));
  expected.request = ASSAY_TRY(audit::Request::read(options.request));
  expected.challenge = ASSAY_TRY(audit::Challenge::read(options.challenge));
  expected.cheat_share = options.share;
  expected.blocks = ASSAY_TRY(audit::BlockChoice::parse(options.layers));
  std::optional<audit::Record> record;
  if (!options.record.empty()) record = audit::Record::open(options.record);
  const audit::SignedHead head = ASSAY_TRY(audit::SignedHead::read(options.head));
  std::optional<audit::Openings> openings;
  if (!options.silent) openings = ASSAY_TRY(audit::Openings::read(options.openings));
  if (!options.profile.empty()) expected.profile = ASSAY_TRY(audit::Profile::read(options.profile));
  const audit::Reference reference = ASSAY_TRY(reference_of(options.reference));
  ASSAY_TRY(expected.set_tolerance(reference));
  const Stopwatch checking;
  const audit::Openings* const given = openings ? &*openings : nullptr;
  const Verdict verdict = ASSAY_TRY(record ? record->check(head, given, expected, reference)
                                           : audit::check(head, given, expected, reference));
  const double seconds = checking.seconds();
  Json json = json_of(verdict);
  Lines lines(verdict);
  json["timing"] = {{"check_time_s", seconds}};
  if (record) ASSAY_TRY(add_tally(*record, expected, json, lines));
  return console.report(json, lines, exit_code(verdict.outcome()));
}

}  // namespace

void add_audit_enroll(Program& program) {
  const auto [verb, options] =
      program.add("audit enroll", "Make secret keys of a model's weights, to check its products without them",
                  "assay audit enroll --weights SmolLM2-135M --epochs 4 --out smollm2.key", run_enroll);
  add_option(verb, "--weights DIR", options.folder.weights, "your copy of the model")->required();
  add_folder(verb, options.folder);
  add_option(verb, "--vectors K", options.vectors, "secret vectors for each layer")->capture_default_str();
  add_option(verb, "--epochs N", options.epochs, "keys: one ends with its first rejection")
      ->capture_default_str();
  add_option(verb, "--out PREFIX", options.out, "the keys: PREFIX.0, PREFIX.1, ..")->required();
}

void add_audit_check(Program& program) {
  const auto [verb, options] = program.add(
      "audit check", "Check what a provider opened, against the weights or with a key",
      "assay audit check --head head --provider provider.key.pub --request request --challenge challenge\n"
      "      --openings openings --weights SmolLM2-135M",
      run_check);
  add_option(verb, "--head FILE", options.head, "the signed head of the run")->required();
  add_option(verb, "--provider FILE", options.provider, "the provider's public key")->required();
  add_option(verb, "--request FILE", options.request, "what you asked, and the tokens you got")->required();
  add_option(verb, "--challenge FILE", options.challenge, "what you drew")->required();
  add_option(verb, "--openings FILE", options.openings, "the provider's answer");
  verb->add_flag("--no-answer", options.silent, "the provider did not answer in time");
  add_reference(program, verb, options.reference);
  add_option(verb, "--profile FILE", options.profile,
             "how honest runs round for your dtype, device and kernel, from assay audit calibrate");
  add_option(verb, "--share F", options.share,
             "the share of tokens that a cheat is in, for the verdict to say how likely it is missed")
      ->capture_default_str();
  add_option(verb, "--layers BLOCKS", options.layers,
             "the blocks that the provider was to record: all, 1/8 (every eighth), or as 0,8,16-19")
      ->capture_default_str();
  add_option(verb, "--record DIR", options.record,
             "your record: the challenge must be the one drawn there, and outcomes are counted");
}

}  // namespace assay::cli
