// `assay verify`: the verifier's verdict on openings.
#include <fmt/format.h>

#include "arguments.h"
#include "base/file.h"
#include "base/try.h"
#include "commitment_dir.h"
#include "parameters.h"
#include "program.h"
#include "proving.h"
#include "stopwatch.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct VerifyOptions {
  std::string commitment;
  std::string proofs;
  std::string srs;
  std::string challenge;
  std::string digest;
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
  pst::VerifierKey key;
  claim::VerifyOptions options;
  std::optional<claim::Challenge> challenge;
  std::optional<tensor::IntegerArray> captured;
};

struct Answer {
  Verdict verdict;
  std::vector<ProofReport> proofs;
};

// The seeds' form names directories; what it does not name is found in them.
VerifyOptions with_directories(VerifyOptions options) {
  if (options.poly_dir.empty() && options.output_dir.empty()) return options;
  fs::path output = options.output_dir;
  if (!options.poly_dir.empty()) {
    const pipeline::Directories dirs =
        pipeline::find_directories(options.poly_dir, options.hypercube_dir, options.output_dir);
    output = dirs.output;
    if (options.hypercube_dir.empty()) options.hypercube_dir = dirs.hypercube.string();
  }
  std::error_code failure;
  const bool binary = fs::exists(output / kProofsFile, failure);
  if (options.commitment.empty()) options.commitment = (output / kCommitmentFile).string();
  if (options.proofs.empty()) options.proofs = (output / (binary ? kProofsFile : kProofsJson)).string();
  if (options.srs.empty()) options.srs = verifier_key_beside(output / kDevSrs).string();
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
  Question question{{}, {}, {}, ASSAY_TRY(read_verifier_key(options.srs)), {}, {}, {}};
  question.options.trusted = ASSAY_TRY(read_trust_list(options.srs_digest, question.key, options.srs));
  if (ASSAY_TRY(is_json(options.proofs))) {
    question.seed_proofs = ASSAY_TRY(pipeline::ProofsJson::read(options.proofs));
  } else {
    question.proofs = ASSAY_TRY(claim::Proofs::read(options.proofs));
  }
  if (options.commitment.empty()) {
    if (!question.seed_proofs)
      return Error{ErrorCode::kMalformed, "--commitment", "is needed: these proofs only name its digest"};
    for (const auto& [flag, value] : {std::pair("--challenge", &options.challenge),
                                      {"--digest", &options.digest},
                                      {"--tensor", &options.tensor},
                                      {"--hypercube-dir", &options.hypercube_dir}}) {
      if (!value->empty()) return Error{ErrorCode::kMalformed, flag, "needs --commitment beside it"};
    }
    return question;
  }
  question.commitment = ASSAY_TRY(claim::Commitment::read(options.commitment));
  if (!options.digest.empty())
    question.options.expected_digest = ASSAY_TRY(parse_digest(options.digest, "--digest"));
  if (!options.challenge.empty()) question.challenge = ASSAY_TRY(claim::Challenge::read(options.challenge));
  if (!options.tensor.empty() || !options.hypercube_dir.empty())
    question.captured = ASSAY_TRY(pipeline::read_values_like(
        question.commitment->header, options.tensor.empty() ? options.hypercube_dir : options.tensor));
  return question;
}

// The seeds' proofs under a commitment of ours: they must be of its point, and of its digest where they name
// one.
Verdict bind(const pipeline::ProofsJson& given, const claim::Commitment& commitment, claim::Proofs& proofs) {
  const Axes& axes = commitment.header.layout.axes;
  if (given.num_variables != axes.count())
    return Verdict::rejected("axes", fmt::format("the proofs are for {} variables, the header has {} axes",
                                                 given.num_variables, axes.count()));
  if (given.commitment != commitment.point)
    return Verdict::rejected(
        "commitment digest",
        fmt::format("the proofs are for the point {}, the commitment is {}",
                    to_hex(curve::encode(given.commitment)), to_hex(curve::encode(commitment.point))));
  if (given.commitment_digest && *given.commitment_digest != commitment.digest())
    return Verdict::rejected("commitment digest", "the proofs name another commitment's digest");
  proofs = {commitment.digest(), given.num_variables, {}};
  for (const claim::Proof& proof : given.proofs)
    proofs.proofs.push_back({claim::Point::anywhere(proof.point.coordinates(), axes), proof.opening});
  return Verdict::accepted();
}

// After a rejection by the opening equation, which of the proofs hold; before it nothing was asked of them.
void check_each(const Verdict& verdict, const pst::Verifier& verifier, const G1Affine& commitment,
                const std::vector<claim::Proof>& proofs, std::vector<ProofReport>& reports) {
  if (verdict.step() != "opening equation") return;
  for (std::size_t i = 0; i < proofs.size(); ++i)
    reports[i].verified = verifier.check({commitment, proofs[i].point.coordinates(), proofs[i].opening}).ok();
}

Answer answer_seed(const Question& question) {
  const pst::Verifier verifier(question.key);
  const pipeline::ProofsJson& proofs = *question.seed_proofs;
  Verdict verdict = pipeline::verify(proofs, verifier, question.options.trusted);
  const bool ok = verdict.ok();
  Answer answer{std::move(verdict),
                describe_proofs(proofs.proofs, nullptr, ok ? std::optional<bool>(true) : std::nullopt)};
  check_each(answer.verdict, verifier, proofs.commitment, proofs.proofs, answer.proofs);
  return answer;
}

Answer answer(Question& question) {
  if (!question.commitment) return answer_seed(question);
  const claim::Commitment& commitment = *question.commitment;
  if (question.seed_proofs) {
    Verdict bound = bind(*question.seed_proofs, commitment, question.proofs);
    if (!bound.ok()) return {std::move(bound), {}};
  }
  if (question.challenge) question.options.challenge = &*question.challenge;
  const pst::Verifier verifier(question.key);
  Verdict verdict = claim::verify(commitment, question.proofs, verifier, question.options);
  const bool ok = verdict.ok();
  Answer answer{std::move(verdict), describe_proofs(question.proofs.proofs, &commitment.header.layout,
                                                    ok ? std::optional<bool>(true) : std::nullopt)};
  check_each(answer.verdict, verifier, commitment.point, question.proofs.proofs, answer.proofs);
  if (!ok || !question.captured) return answer;

  const std::vector<bool> matches = match_captured(commitment, question.proofs, question.captured->view());
  for (std::size_t i = 0; i < matches.size(); ++i) answer.proofs[i].matched = matches[i];
  answer.verdict = with_notes_of(answer.verdict,
                                 claim::cross_check(commitment, question.proofs, question.captured->view()));
  return answer;
}

Result<int> run_verify(const VerifyOptions& given, const Console& console) {
  const VerifyOptions options = with_directories(given);
  const Stopwatch loading;
  Question question = ASSAY_TRY(read_question(options));
  const double load_seconds = loading.seconds();
  const Stopwatch verifying;
  const Answer answered = answer(question);
  const double seconds = verifying.seconds();

  Json json = json_of(answered.verdict);
  json["digest"] = question.commitment ? Json(to_hex(question.commitment->digest())) : Json(nullptr);
  json["commitment_hex"] = to_hex(
      curve::encode(question.commitment ? question.commitment->point : question.seed_proofs->commitment));
  json["header"] = question.commitment ? json_of(question.commitment->header) : Json(nullptr);
  json["srs"] = claim::describe_srs(question.key, question.options.trusted);
  json["srs_digest"] = to_hex(question.key.digest());
  json["all_ground_truth_matched"] = all_of(answered.proofs, &ProofReport::matched);
  json["proofs"] = Json::array();
  for (const ProofReport& proof : answered.proofs) json["proofs"].push_back(json_of(proof));
  json["timing"] = {{"load_time_s", load_seconds}, {"verify_time_s", seconds}};

  std::vector<std::string> lines = lines_of(answered.verdict);
  for (const ProofReport& proof : answered.proofs) lines.push_back(line_of(proof));
  return console.report(json, lines, exit_code(answered.verdict.outcome()));
}

}  // namespace

void add_verify(Program& program) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* verb =
      program.add("verify", "Check that a commitment opens to the values that the proofs give",
                  "assay verify --commitment cube.commitment --proofs cube.proofs --srs six.vk --json",
                  options, run_verify);
  verb->add_option("--commitment", options->commitment, "the prover's commitment")->type_name("FILE");
  verb->add_option("--proofs", options->proofs, "the prover's proofs, or a proofs.json")->type_name("FILE");
  verb->add_option("--srs", options->srs, "your own copy of the parameters, .vk or .srs")->type_name("FILE");
  verb->add_option("--challenge", options->challenge, "the points that you asked for")->type_name("FILE");
  verb->add_option("--digest", options->digest, "the commitment's digest that was agreed on before")
      ->type_name("HEX");
  verb->add_option("--tensor", options->tensor, "values that you captured yourself, to compare with")
      ->type_name("FILE");
  verb->add_option("--srs-digest", options->srs_digest, "digest of the parameters that you trust")
      ->type_name("HEX");
  verb->add_option("--poly-dir", options->poly_dir, "find the files beside this directory of interpolate")
      ->type_name("DIR");
  verb->add_option("--output-dir", options->output_dir, "find the files in this directory of commit")
      ->type_name("DIR");
  verb->add_option("--hypercube-dir", options->hypercube_dir, "a directory of reshape, to compare with")
      ->type_name("DIR");
}

}  // namespace assay::cli
