// `assay log head`, `log prove` and `log verify`: the blocks of a run.
#include <fmt/format.h>

#include "assay/claim_log.h"
#include "base/try.h"
#include "base/within.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct LogOptions {
  std::string log;
  std::string head;
  std::string out;
  std::uint64_t block = 0;
};

struct LogVerifyOptions {
  std::string commitment;
  std::string proof;
  std::string head;
  std::string head_out;
};

Result<int> run_head(const LogOptions& options, const Console& console) {
  const claim::Log log = ASSAY_TRY(claim::Log::read(options.log));
  const claim::LogHead head = ASSAY_TRY(within(options.log, log.head()));
  ASSAY_TRY(head.write(options.out));
  Json json;
  json["out"] = options.out;
  json["num_blocks"] = head.count;
  json["tokens_of_a_block"] = head.tokens;
  json["root"] = to_hex(head.root);
  return console.report(
      json, {fmt::format("{} blocks of {} tokens, root {}", head.count, head.tokens, to_hex(head.root)),
             "written to " + options.out});
}

Result<int> run_prove_log(const LogOptions& options, const Console& console) {
  const claim::Log log = ASSAY_TRY(claim::Log::read(options.log));
  std::uint64_t kept = 0;
  if (!options.head.empty()) kept = ASSAY_TRY(claim::LogHead::read(options.head)).count;
  const claim::LogProof proof = ASSAY_TRY(within(options.log, log.prove(options.block, kept)));
  ASSAY_TRY(proof.write(options.out));
  Json json;
  json["out"] = options.out;
  json["block"] = proof.index;
  json["num_blocks"] = proof.head.count;
  json["kept_blocks"] = kept;
  json["digest"] = to_hex(log[options.block]);
  return console.report(json, {fmt::format("block {} of {}, {}", proof.index, proof.head.count,
                                           kept > 0 ? fmt::format("consistent with the first {}", kept)
                                                    : "without a head that was kept before"),
                               "written to " + options.out});
}

Result<int> run_verify_log(const LogVerifyOptions& options, const Console& console) {
  const claim::Commitment block = ASSAY_TRY(claim::Commitment::read(options.commitment));
  const claim::LogProof proof = ASSAY_TRY(claim::LogProof::read(options.proof));
  std::optional<claim::LogHead> kept;
  if (!options.head.empty()) kept = ASSAY_TRY(claim::LogHead::read(options.head));
  const Verdict verdict = claim::verify_log(block, proof, kept ? &*kept : nullptr);
  if (verdict.ok() && !options.head_out.empty()) ASSAY_TRY(proof.head.write(options.head_out));
  Json json = json_of(verdict);
  json["root"] = to_hex(proof.head.root);
  json["header"] = claim::json_of(block.header);
  return console.report(json, Lines(verdict), exit_code(verdict.outcome()));
}

}  // namespace

void add_log(Program& program) {
  program.add_group("log", "Runs that are committed to in blocks of tokens");
  const auto [head_verb, head] = program.add("log head", "Write the head of a log, which a verifier keeps",
                                             "assay log head --log run/log --out run.head", run_head);
  add_option(head_verb, "--log FILE", head.log, "the log that commit --blocks wrote")->required();
  add_option(head_verb, "--out FILE", head.out, "the head: number and size of the blocks, and root")
      ->required();

  const auto [prove_verb, prove] = program.add(
      "log prove", "Prove where a block stands, and that the log only grew",
      "assay log prove --log run/log --block 3 --head kept.head --out three.logproof", run_prove_log);
  add_option(prove_verb, "--log FILE", prove.log, "the log that commit --blocks wrote")->required();
  add_option(prove_verb, "--block N", prove.block, "which block, counted from 0")->required();
  add_option(prove_verb, "--head FILE", prove.head, "the head that the verifier kept");
  add_option(prove_verb, "--out FILE", prove.out, "the proof")->required();

  const auto [verify_verb, verify] = program.add(
      "log verify", "Check where a block stands, and that the log only grew",
      "assay log verify --commitment run/block-000003.commitment --proof three.logproof --head kept.head",
      run_verify_log);
  add_option(verify_verb, "--commitment FILE", verify.commitment, "the block")->required();
  add_option(verify_verb, "--proof FILE", verify.proof, "what log prove wrote")->required();
  add_option(verify_verb, "--head FILE", verify.head, "the head that you kept");
  add_option(verify_verb, "--head-out FILE", verify.head_out,
             "if the verdict accepts, write the head to keep next");
}

}  // namespace assay::cli
