// `assay verify`: the verifier's verdict on openings.
#include <fmt/format.h>

#include "arguments.h"
#include "assay/claim_log.h"
#include "base/file.h"
#include "base/try.h"
#include "parameters.h"
#include "pipeline/results.h"
#include "program.h"
#include "report.h"
#include "verify_batch.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct VerifyOptions {
  std::string batch;
  std::string commitment;
  std::string proofs;
  std::string srs;
  std::string challenge;
  std::string challenge_digest;
  std::optional<std::uint64_t> at_least;
  std::string digest;
  std::vector<std::string> expect;
  std::string tensor;
  std::string srs_digest;
  SliceFlags slice;
  std::string values_out;
  bool block = false;
  std::string poly_dir;
  std::string hypercube_dir;
  std::string output_dir;
};

// What the flags come to, files read.
struct Question {
  std::optional<claim::Commitment> commitment;
  claim::Proofs proofs;                             // with a commitment
  std::optional<pipeline::ProofsJson> seed_proofs;  // "proofs.json"
  std::unique_ptr<claim::Checker> checker;
  claim::VerifyOptions options;
  std::optional<claim::Challenge> challenge;
  std::optional<claim::Captured> captured;
};

// The pipeline's form names directories; what it does not name is found in them.
Result<VerifyOptions> with_directories(VerifyOptions options) {
  // One that is not there would look like a check that was made.
  for (const auto& [flag, value] : {std::pair("--poly-dir", &options.poly_dir),
                                    {"--output-dir", &options.output_dir},
                                    {"--hypercube-dir", &options.hypercube_dir}}) {
    std::error_code failure;
    if (!value->empty() && !fs::is_directory(*value, failure))
      return Error{ErrorCode::kIo, *value, fmt::format("{} names no directory", flag)};
  }
  if (options.poly_dir.empty() && options.output_dir.empty()) return options;
  fs::path output = options.output_dir;
  if (!options.poly_dir.empty()) {
    const pipeline::Directories dirs =
        pipeline::find_directories(options.poly_dir, options.hypercube_dir, options.output_dir);
    output = dirs.output;
    if (options.hypercube_dir.empty()) options.hypercube_dir = dirs.hypercube.string();
  }
  std::error_code failure;
  const bool binary = fs::exists(output / pipeline::kProofsFile, failure);
  if (options.commitment.empty()) options.commitment = (output / pipeline::kCommitmentFile).string();
  if (options.proofs.empty())
    options.proofs = (output / (binary ? pipeline::kProofsFile : pipeline::kProofsJson)).string();
  if (options.srs.empty()) options.srs = verifier_key_beside(output / pipeline::kDevSrs).string();
  return options;
}

Result<bool> is_json(const fs::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  return !file.bytes().empty() && file.bytes()[0] == '{';
}

// The question that the flags ask, as if the verifier had drawn it.
Result<claim::Challenge> slice_asked(const SliceFlags& slice, const claim::Commitment& commitment) {
  const encode::Layout& layout = commitment.header.layout;
  return claim::Challenge{commitment.digest(),
                          {ASSAY_TRY(slice.query(layout))},
                          true,
                          static_cast<std::uint32_t>(layout.axes.count())};
}

Result<Question> read_question(const VerifyOptions& options) {
  if (options.proofs.empty()) return Error{ErrorCode::kMalformed, "--proofs", "is needed"};
  Question question;
  if (!options.commitment.empty())
    question.commitment = ASSAY_TRY(claim::Commitment::read(options.commitment));
  std::optional<claim::Scheme> scheme;
  if (question.commitment) scheme = question.commitment->header.scheme;
  question.checker = ASSAY_TRY(open_checker(options.srs, scheme));
  question.options.trusted =
      ASSAY_TRY(read_trust_list(options.srs_digest, question.checker->setup_digest(), options.srs));
  if (ASSAY_TRY(is_json(options.proofs))) {
    if (question.checker->scheme() != claim::Scheme::kTensor)
      return Error{ErrorCode::kUnsupported, options.proofs,
                   "proofs.json has proofs of the scheme tensor: give parameters of that scheme"};
    question.seed_proofs = ASSAY_TRY(pipeline::ProofsJson::read(options.proofs));
  } else {
    question.proofs = ASSAY_TRY(claim::Proofs::read(options.proofs));
  }
  if (options.commitment.empty()) {
    if (!question.seed_proofs)
      return Error{ErrorCode::kMalformed, "--commitment", "is needed: these proofs only name its digest"};
    for (const auto& [flag, value] : {std::pair("--challenge", &options.challenge),
                                      {"--challenge-digest", &options.challenge_digest},
                                      {"--digest", &options.digest},
                                      {"--tensor", &options.tensor},
                                      {"--hypercube-dir", &options.hypercube_dir},
                                      {"--layer", &options.slice.layer},
                                      {"--token", &options.slice.token},
                                      {"--values-out", &options.values_out}}) {
      if (!value->empty()) return Error{ErrorCode::kMalformed, flag, "needs --commitment beside it"};
    }
    if (options.slice.dim) return Error{ErrorCode::kMalformed, "--dim", "needs --commitment beside it"};
    if (!options.expect.empty())
      return Error{ErrorCode::kMalformed, "--expect", "needs --commitment beside it"};
    if (options.at_least) return Error{ErrorCode::kMalformed, "--at-least", "needs --commitment beside it"};
    return question;
  }
  for (const std::string& text : options.expect)
    ASSAY_TRY(question.options.expected.add_text(text, "--expect"));
  if (!options.digest.empty())
    question.options.expected_digest = ASSAY_TRY(parse_digest(options.digest, "--digest"));
  question.options.at_least = options.at_least.value_or(0);
  if (!options.challenge_digest.empty()) {
    if (options.challenge.empty())
      return Error{ErrorCode::kMalformed, "--challenge-digest", "needs --challenge beside it"};
    question.options.challenge_digest =
        ASSAY_TRY(parse_digest(options.challenge_digest, "--challenge-digest"));
  }
  if (!options.challenge.empty()) question.challenge = ASSAY_TRY(claim::Challenge::read(options.challenge));
  if (options.slice.any()) {
    if (question.challenge)
      return Error{ErrorCode::kMalformed, "--challenge",
                   "asks for something else than --layer, --token and --dim"};
    question.challenge = ASSAY_TRY(slice_asked(options.slice, *question.commitment));
  }
  if (options.block)
    question.captured = ASSAY_TRY(claim::read_captured_block(question.commitment->header, options.tensor));
  else if (!options.tensor.empty() || !options.hypercube_dir.empty())
    question.captured = ASSAY_TRY(pipeline::read_captured(
        question.commitment->header, options.tensor.empty() ? options.hypercube_dir : options.tensor));
  return question;
}

claim::Verification answer(Question& question) {
  claim::VerifyOptions& options = question.options;
  if (question.challenge) options.challenge = &*question.challenge;
  if (question.captured) options.captured = &*question.captured;
  if (!question.seed_proofs)
    return claim::verify(*question.commitment, question.proofs, *question.checker, options);
  const auto& tensor = static_cast<const claim::TensorChecker&>(*question.checker);  // as the scheme says
  if (!question.commitment) return pipeline::verify(*question.seed_proofs, tensor, options);
  return pipeline::verify(*question.seed_proofs, *question.commitment, tensor, options);
}

// Of a batch each line says for itself what is opened.
Result<int> run_batch(const VerifyOptions& options, const Console& console) {
  for (const auto& [flag, value] : {std::pair("--commitment", &options.commitment),
                                    {"--proofs", &options.proofs},
                                    {"--challenge", &options.challenge},
                                    {"--challenge-digest", &options.challenge_digest},
                                    {"--digest", &options.digest},
                                    {"--tensor", &options.tensor},
                                    {"--layer", &options.slice.layer},
                                    {"--token", &options.slice.token},
                                    {"--values-out", &options.values_out},
                                    {"--poly-dir", &options.poly_dir},
                                    {"--output-dir", &options.output_dir},
                                    {"--hypercube-dir", &options.hypercube_dir}}) {
    if (!value->empty()) return Error{ErrorCode::kMalformed, flag, "does not go with --batch"};
  }
  if (options.slice.dim || options.at_least)
    return Error{ErrorCode::kMalformed, options.at_least ? "--at-least" : "--dim",
                 "does not go with --batch"};
  return verify_batch({options.batch, options.srs, options.srs_digest, options.expect}, console);
}

Result<int> run_verify(const VerifyOptions& given, const Console& console) {
  if (!given.batch.empty()) return run_batch(given, console);
  const VerifyOptions options = ASSAY_TRY(with_directories(given));
  const Stopwatch loading;
  Question question = ASSAY_TRY(read_question(options));
  const double load_seconds = loading.seconds();
  const Stopwatch verifying;
  const claim::Verification found = answer(question);
  const double seconds = verifying.seconds();

  const claim::Proofs& proofs = question.seed_proofs ? question.seed_proofs->proofs : question.proofs;
  const claim::Commitment* commitment = question.commitment ? &*question.commitment : nullptr;
  Json json = json_of(found.verdict);
  json["checked_at"] = utc_text(question.options.world->unix_time());
  const Figure* const digest = found.verdict.figure("commitment digest");
  json["digest"] = digest != nullptr ? Json(digest->to_string()) : Json(nullptr);
  json["commitment_hex"] = commitment != nullptr ? to_hex(commitment->value)
                                                 : to_hex(curve::encode(question.seed_proofs->commitment));
  json["header"] = commitment != nullptr ? claim::json_of(commitment->header) : Json(nullptr);
  json["srs"] = question.checker->assumption(question.options.trusted);
  const std::optional<Digest> setup = question.checker->setup_digest();
  json["srs_digest"] = setup ? Json(to_hex(*setup)) : Json(nullptr);
  json["all_ground_truth_matched"] = pipeline::all_matched(found);
  json["timing"] = {{"load_time_s", load_seconds}, {"verify_time_s", seconds}};
  // What was not accepted is nobody's value.
  if (!options.values_out.empty() && found.verdict.ok()) {
    ASSAY_TRY(claim::write_values(options.values_out, *commitment, proofs));
    json["values_out"] = options.values_out;
  }
  const claim::Header* header = commitment != nullptr ? &commitment->header : nullptr;
  return console.report(json, Lines(found.verdict), rows_of(proofs, header, &found), {},
                        exit_code(found.verdict.outcome()));
}

}  // namespace

void add_verify(Program& program) {
  const auto [verb, options] = program.add(
      "verify", "Check that a commitment opens to the values that the proofs give",
      "assay verify --commitment cube.commitment --proofs cube.proofs --srs six.vk --json", run_verify);
  add_option(verb, "--commitment FILE", options.commitment, "the prover's commitment");
  add_option(verb, "--proofs FILE", options.proofs, "the prover's proofs, or a proofs.json");
  add_option(
      verb, "--srs FILE", options.srs,
      "your own copy of the parameters: the .vk, or for slices the .srs or a file of srs trim; the scheme "
      "merkle has none");
  add_option(
      verb, "--batch LIST", options.batch,
      "many at once: a text with a commitment file, a tab and a proof file on each line, and where you "
      "have one a tab and the digest agreed on");
  add_option(verb, "--challenge FILE", options.challenge, "the points that you asked for");
  add_option(verb, "--challenge-digest HEX", options.challenge_digest,
             "its digest, as `challenge` printed it when you drew them");
  add_option(verb, "--at-least N", options.at_least, "this many values, padding not counted, must be opened")
      ->check(not_zero());
  add_option(verb, "--digest HEX", options.digest, "the commitment's digest that was agreed on before");
  add_option(verb, "--expect K=V", options.expect,
             "how the numbers must be written: encoding=E,dtype=D,mode=M, any of them; layer=NAME for each "
             "layer, or layers=@FILE; may be repeated")
      ->allow_extra_args(false);
  add_option(verb, "--tensor FILE", options.tensor, "values that you captured yourself, to compare with");
  verb->add_flag(
      "--block", options.block,
      "the commitment is to a block of a run: --tensor has the whole run, from its first token on");
  add_slice_flags(verb, options.slice);
  add_option(verb, "--values-out FILE", options.values_out,
             "write the values that were accepted here, as a safetensors file");
  add_option(verb, "--srs-digest HEX", options.srs_digest, "digest of the parameters that you trust");
  add_option(verb, "--poly-dir DIR", options.poly_dir, "find the files beside this directory of interpolate");
  add_option(verb, "--output-dir DIR", options.output_dir, "find the files in this directory of commit");
  add_option(verb, "--hypercube-dir DIR", options.hypercube_dir, "a directory of reshape, to compare with");
  program.refuse(verb, {"--block"}, Program::Idle::kWithout, "--tensor");
  program.refuse(verb, {"--hypercube-dir"}, Program::Idle::kBeside, "--tensor");
}

}  // namespace assay::cli
