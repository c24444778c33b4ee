// `assay audit challenge` and `assay audit open`: what is asked, and what is answered.
#include <fmt/format.h>

#include "assay/audit_record.h"
#include "audit_reference.h"
#include "base/file.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct ChallengeOptions {
  std::string head;
  std::string provider;
  audit::Record::Drawing drawing;
  ReferenceOptions reference;
  std::string layers = "all";
  std::string record;
  std::string out;
};

struct OpenOptions {
  std::string run;
  std::string challenge;
  std::string out;
};

/// What is said of attention, for people and for programs.
std::string attention_of(const audit::Challenge& challenge, const audit::Reference* reference) {
  const std::string drawn = fmt::format("{} blocks drawn", challenge.attention.size());
  if (reference == nullptr)
    return drawn + "; whether this model's attention is checked is not known without --weights or --key";
  const std::string left_out = reference->attention_left_out();
  return left_out.empty() ? drawn : "no block drawn: " + left_out;
}

Result<int> run_challenge(const ChallengeOptions& options, const Console& console) {
  if ((options.drawing.tokens == 0) == (options.drawing.risk == 0))
    return Error{ErrorCode::kMalformed, "", "exactly one of --tokens and --risk is needed"};
  const auto provider = ASSAY_TRY(audit::read_provider(options.provider));
  const audit::SignedHead head = ASSAY_TRY(audit::SignedHead::read(options.head));
  std::optional<audit::Reference> reference;
  if (options.reference.given()) reference = ASSAY_TRY(reference_of(options.reference));
  const audit::Reference* const known = reference ? &*reference : nullptr;
  audit::Record::Drawing drawing = options.drawing;
  drawing.blocks = ASSAY_TRY(audit::BlockChoice::parse(options.layers));
  const audit::Record record = audit::Record::open(options.record);
  // Made first: what cannot be written must not be drawn, for no other is drawn for this head.
  AtomicFile out = ASSAY_TRY(AtomicFile::create(options.out));
  const audit::Challenge challenge = ASSAY_TRY(record.draw(head, provider, drawing, known, World::system()));
  ASSAY_TRY(out.write(challenge.encode()));
  ASSAY_TRY(out.publish());
  const double share = options.drawing.share;
  const double missed = audit::miss_bound(share, challenge.steps.size());
  const std::string attention = attention_of(challenge, known);
  Json json;
  json["out"] = options.out;
  json["head_digest"] = to_hex(challenge.head);
  json["tokens"] = challenge.steps.size();
  json["tokens_of_run"] = head.head().steps;
  json["attention"] = challenge.attention.size();
  json["attention_note"] = attention;
  json["share"] = share;
  json["miss_bound"] = missed;
  return console.report(
      json, {fmt::format("{} of {} tokens drawn", challenge.steps.size(), head.head().steps),
             "attention: " + attention,
             fmt::format("a cheat in {} of the tokens is missed with probability {:.3g}", share, missed),
             "written to " + options.out});
}

Result<int> run_open(const OpenOptions& options, const Console& console) {
  const audit::RunFolder folder = ASSAY_TRY(audit::RunFolder::open(options.run));
  const audit::Challenge challenge = ASSAY_TRY(audit::Challenge::read(options.challenge));
  const Stopwatch opening;
  const Bytes bytes = ASSAY_TRY(audit::open_run(folder, challenge));
  const double seconds = opening.seconds();
  ASSAY_TRY(write_file(options.out, bytes));
  Json json;
  json["out"] = options.out;
  json["out_bytes"] = bytes.size();
  json["tokens"] = challenge.steps.size();
  json["timing"] = {{"open_time_s", seconds}};
  return console.report(json,
                        {fmt::format("{} bytes for {} tokens", grouped(bytes.size()), challenge.steps.size()),
                         "written to " + options.out});
}

}  // namespace

void add_audit_challenge(Program& program) {
  const auto [verb, options] = program.add(
      "audit challenge", "Draw what a provider must open, once you have its signed head",
      "assay audit challenge --head head --provider provider.key.pub --risk 0.01 --key smollm2.key.0\n"
      "      --record drawn --out challenge",
      run_challenge);
  add_option(verb, "--head FILE", options.head, "the signed head of a run")->required();
  add_option(verb, "--provider FILE", options.provider, "the provider's public key")->required();
  add_option(verb, "--tokens N", options.drawing.tokens, "how many tokens are opened");
  add_option(verb, "--risk P", options.drawing.risk,
             "the probability with which a cheat may be missed, in place of --tokens");
  add_option(verb, "--share F", options.drawing.share, "the share of tokens that the cheat is in")
      ->capture_default_str();
  add_option(verb, "--attention-blocks N", options.drawing.attention_blocks,
             "for each token, how many blocks have their attention checked")
      ->capture_default_str();
  add_option(verb, "--layers BLOCKS", options.layers, "those that are recorded, as check takes them")
      ->capture_default_str();
  add_reference(program, verb, options.reference);
  add_option(verb, "--record DIR", options.record, "your record of what was drawn, for each head once")
      ->required();
  add_option(verb, "--out FILE", options.out, "the challenge")->required();
}

void add_audit_open(Program& program) {
  const auto [verb, options] =
      program.add("audit open", "Answer a challenge from the files that the recorder left of a run",
                  "assay audit open --run log/5f10..97 --challenge challenge --out openings", run_open);
  add_option(verb, "--run DIR", options.run, "the folder of the run")->required();
  add_option(verb, "--challenge FILE", options.challenge, "what the verifier drew")->required();
  add_option(verb, "--out FILE", options.out, "the answer")->required();
}

}  // namespace assay::cli
