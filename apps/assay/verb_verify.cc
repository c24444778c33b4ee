// `assay verify`: the verifier's verdict on openings.
#include <fmt/format.h>

#include "arguments.h"
#include "base/file.h"
#include "base/try.h"
#include "parameters.h"
#include "pipeline/results.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct VerifyOptions {
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
  std::string poly_dir;
  std::string hypercube_dir;
  std::string output_dir;
};

// What the flags come to, files read.
struct Question {
  std::optional<claim::Commitment> commitment;
  claim::Proofs proofs;                             // with a commitment
  std::optional<pipeline::ProofsJson> seed_proofs;  // "proofs.json"
  claim::TensorChecker checker;
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

Result<Question> read_question(const VerifyOptions& options) {
  for (const auto& [flag, value] : {std::pair("--proofs", &options.proofs), {"--srs", &options.srs}}) {
    if (value->empty()) return Error{ErrorCode::kMalformed, flag, "is needed"};
  }
  if (!options.tensor.empty() && !options.hypercube_dir.empty() && options.poly_dir.empty())
    return Error{ErrorCode::kMalformed, "", "give one of --tensor and --hypercube-dir"};
  Question question{{}, {}, {}, claim::TensorChecker(ASSAY_TRY(pst::VerifierKey::read(options.srs))),
                    {}, {}, {}};
  question.options.trusted =
      ASSAY_TRY(read_trust_list(options.srs_digest, question.checker.key(), options.srs));
  if (ASSAY_TRY(is_json(options.proofs))) {
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
                                      {"--hypercube-dir", &options.hypercube_dir}}) {
      if (!value->empty()) return Error{ErrorCode::kMalformed, flag, "needs --commitment beside it"};
    }
    if (!options.expect.empty())
      return Error{ErrorCode::kMalformed, "--expect", "needs --commitment beside it"};
    if (options.at_least) return Error{ErrorCode::kMalformed, "--at-least", "needs --commitment beside it"};
    return question;
  }
  for (const std::string& text : options.expect)
    ASSAY_TRY(question.options.expected.add_text(text, "--expect"));
  question.commitment = ASSAY_TRY(claim::Commitment::read(options.commitment));
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
  if (!options.tensor.empty() || !options.hypercube_dir.empty())
    question.captured = ASSAY_TRY(pipeline::read_captured(
        question.commitment->header, options.tensor.empty() ? options.hypercube_dir : options.tensor));
  return question;
}

claim::Verification answer(Question& question) {
  claim::VerifyOptions& options = question.options;
  if (question.challenge) options.challenge = &*question.challenge;
  if (question.captured) options.captured = &*question.captured;
  if (!question.commitment) return pipeline::verify(*question.seed_proofs, question.checker, options);
  if (question.seed_proofs)
    return pipeline::verify(*question.seed_proofs, *question.commitment, question.checker, options);
  return claim::verify(*question.commitment, question.proofs, question.checker, options);
}

Result<int> run_verify(const VerifyOptions& given, const Console& console) {
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
  json["srs"] = question.checker.assumption(question.options.trusted);
  json["srs_digest"] = to_hex(question.checker.key().digest());
  json["all_ground_truth_matched"] = pipeline::all_matched(found);
  json["timing"] = {{"load_time_s", load_seconds}, {"verify_time_s", seconds}};
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
  add_option(verb, "--srs FILE", options.srs, "your own copy of the parameters, .vk or .srs");
  add_option(verb, "--challenge FILE", options.challenge, "the points that you asked for");
  add_option(verb, "--challenge-digest HEX", options.challenge_digest,
             "its digest, as `challenge` printed it when you drew them");
  add_option(verb, "--at-least N", options.at_least, "this many values, padding not counted, must be opened")
      ->check(CLI::PositiveNumber.description(""));
  add_option(verb, "--digest HEX", options.digest, "the commitment's digest that was agreed on before");
  add_option(verb, "--expect K=V", options.expect,
             "how the numbers must be written: encoding=E,dtype=D,mode=M, any of them; layer=NAME for each "
             "layer, or layers=@FILE; may be repeated")
      ->allow_extra_args(false);
  add_option(verb, "--tensor FILE", options.tensor, "values that you captured yourself, to compare with");
  add_option(verb, "--srs-digest HEX", options.srs_digest, "digest of the parameters that you trust");
  add_option(verb, "--poly-dir DIR", options.poly_dir, "find the files beside this directory of interpolate");
  add_option(verb, "--output-dir DIR", options.output_dir, "find the files in this directory of commit");
  add_option(verb, "--hypercube-dir DIR", options.hypercube_dir, "a directory of reshape, to compare with");
}

}  // namespace assay::cli
