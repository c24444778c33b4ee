// `assay audit challenge` and `assay audit open`: what is asked, and what is answered.
#include <fmt/format.h>

#include "assay/audit_record.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/try.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct ChallengeOptions {
  std::string head;
  std::string provider;
  std::uint64_t tokens = 0;
  double risk = 0;
  double share = 0.1;
  std::uint32_t attention_blocks = 2;
  std::string layers = "all";
  std::string record;
  std::string out;
};

struct OpenOptions {
  std::string run;
  std::string challenge;
  std::string out;
};

Result<audit::Head> read_head(const ChallengeOptions& options) {
  const PublicKey provider = ASSAY_TRY(read_public_key(options.provider));
  const audit::SignedHead head = ASSAY_TRY(audit::SignedHead::read(options.head));
  if (!head.is_signed_by(provider))
    return Error{ErrorCode::kMismatch, options.head, "it is no head that this provider signed"};
  return head.head();
}

Result<std::uint64_t> tokens_of(const ChallengeOptions& options) {
  if ((options.tokens == 0) == (options.risk == 0))
    return Error{ErrorCode::kMalformed, "", "one of --tokens and --risk is needed"};
  if (options.tokens > 0) return options.tokens;
  return audit::tokens_for(options.risk, options.share);
}

Result<int> run_challenge(const ChallengeOptions& options, const Console& console) {
  const std::uint64_t tokens = ASSAY_TRY(tokens_of(options));
  const audit::BlockChoice blocks = ASSAY_TRY(audit::BlockChoice::parse(options.layers));
  const audit::Head head = ASSAY_TRY(read_head(options));
  const audit::Challenge challenge =
      ASSAY_TRY(audit::Challenge::draw(head, {tokens, options.attention_blocks, blocks}, World::system()));
  const audit::Record record = ASSAY_TRY(audit::Record::open(options.record));
  ASSAY_TRY(record.keep(head, challenge));
  ASSAY_TRY(challenge.write(options.out));
  const double missed = audit::miss_bound(options.share, challenge.steps.size());
  Json json;
  json["out"] = options.out;
  json["head_digest"] = to_hex(challenge.head);
  json["tokens"] = challenge.steps.size();
  json["tokens_of_run"] = head.steps;
  json["attention"] = challenge.attention.size();
  json["share"] = options.share;
  json["miss_bound"] = missed;
  return console.report(
      json,
      {fmt::format("{} of {} tokens drawn, and {} blocks whose attention is looked at",
                   challenge.steps.size(), head.steps, challenge.attention.size()),
       fmt::format("a cheat in {} of the tokens is missed with probability {:.3g}", options.share, missed),
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
  const auto [verb, options] =
      program.add("audit challenge", "Draw what a provider is to open, once its head lies before you",
                  "assay audit challenge --head head --provider provider.key.pub --risk 0.01 --record drawn\n"
                  "      --out challenge",
                  run_challenge);
  add_option(verb, "--head FILE", options.head, "the signed head of a run")->required();
  add_option(verb, "--provider FILE", options.provider, "the provider's public key")->required();
  add_option(verb, "--tokens N", options.tokens, "how many tokens are opened");
  add_option(verb, "--risk P", options.risk,
             "the probability with which a cheat may be missed, in place of --tokens");
  add_option(verb, "--share F", options.share, "the share of tokens that the cheat is in")
      ->capture_default_str();
  add_option(verb, "--attention-blocks N", options.attention_blocks,
             "for each token, how many blocks have their attention checked")
      ->capture_default_str();
  add_option(verb, "--layers BLOCKS", options.layers, "those that are recorded, as check takes them")
      ->capture_default_str();
  add_option(verb, "--record DIR", options.record, "your record of what was drawn, for each head once")
      ->required();
  add_option(verb, "--out FILE", options.out, "the challenge")->required();
}

void add_audit_open(Program& program) {
  const auto [verb, options] =
      program.add("audit open", "Answer a challenge, from what the recorder left of a run",
                  "assay audit open --run log/5f10..97 --challenge challenge --out openings", run_open);
  add_option(verb, "--run DIR", options.run, "the folder of the run")->required();
  add_option(verb, "--challenge FILE", options.challenge, "what the verifier drew")->required();
  add_option(verb, "--out FILE", options.out, "the answer")->required();
}

}  // namespace assay::cli
