// `assay probe attest` and `assay probe verify`.
#include <fmt/format.h>

#include "arguments.h"
#include "assay/probe_geometry.h"
#include "assay/probe_statement.h"
#include "assay/world.h"
#include "base/file.h"
#include "base/random.h"
#include "base/try.h"
#include "probe_compat.h"
#include "probe_inputs.h"
#include "program.h"
#include "report.h"

namespace assay::cli {
namespace {

struct AttestOptions {
  std::string activations;
  std::string probes;
  std::string key;
  std::string model_id;
  std::string output;
  std::string rows;
  std::string read = "all";
  std::string nonce;
  std::uint64_t lifetime = 86400;
  std::string previous;
  std::string evaluation;
  std::string causal;
  std::string root;
  std::string engine;
  bool compat = false;
  CompatAttestFlags original;
};

struct AttestationVerifyOptions {
  std::string attestation;
  std::string pubkey;
  std::string require = "L3";
  std::string activations;
  std::string probes;
  std::string unembedding;
  std::string gain;
  std::string tokens;
  std::string rows;
  std::string nonce;
  std::string previous;
  std::string root;
  std::string own;
  std::string profile;
  std::string evaluation;
  CorpusPaths corpus;
  std::string causal;
  std::string plan;
  bool compat = false;
};

Result<std::optional<Digest>> digest_if(const std::string& text, std::string_view flag) {
  if (text.empty()) return std::optional<Digest>();
  return std::optional(ASSAY_TRY(parse_digest(text, flag)));
}

Result<std::optional<Digest>> file_digest_if(const std::string& path, std::uint64_t max_bytes) {
  if (path.empty()) return std::optional<Digest>();
  return std::optional(ASSAY_TRY(probe::file_digest(path, max_bytes)));
}

Result<std::optional<Digest>> previous_if(const std::string& path) {
  if (path.empty()) return std::optional<Digest>();
  const std::string text = ASSAY_TRY(probe::read_envelope(path));
  return std::optional(ASSAY_TRY(probe::payload_digest(text, path)));
}

Result<int> run_attest(const AttestOptions& options, const Console& console) {
  if (options.compat)
    return compat_attest({options.activations, options.probes, options.key, options.model_id, options.output},
                         options.original, console);
  const probe::Activations activations = ASSAY_TRY(probe::open_activations(options.activations));
  if (!options.model_id.empty() && options.model_id != activations.model_id)
    return Error{ErrorCode::kMismatch, "--model-id",
                 fmt::format("the activations are of '{}'", activations.model_id)};
  const HashedSet set = ASSAY_TRY(read_set(options.probes));
  std::optional<probe::RowsFile> rows;
  std::optional<Digest> rows_digest;
  probe::TokensFile tokens;
  if (const std::string path = rows_of(options.activations, options.rows); !path.empty()) {
    const HashedText text = ASSAY_TRY(read_hashed(path, probe::RowsFile::kMaxBytes));
    rows = ASSAY_TRY(probe::RowsFile::decode(text.text, path));
    rows_digest = text.sha256;
    tokens.texts = rows->token_lists();
    ASSAY_TRY(fill_random(tokens.salt));
  }
  probe::AttestOptions how;
  how.row_rule = options.read;
  how.engine = options.engine;
  how.nonce = ASSAY_TRY(digest_if(options.nonce, "--nonce"));
  how.issued_at = static_cast<std::uint64_t>(World::system().unix_time());
  how.lifetime = options.lifetime;
  how.previous = ASSAY_TRY(previous_if(options.previous));
  how.evaluation = ASSAY_TRY(file_digest_if(options.evaluation, probe::kMaxJsonBytes));
  how.causal = ASSAY_TRY(file_digest_if(options.causal, probe::kMaxJsonBytes));
  how.weights_root = ASSAY_TRY(digest_if(options.root, "--root"));
  if (const std::string& path = options.original.unembedding; !path.empty()) {
    const probe::Unembedding own = ASSAY_TRY(probe::open_unembedding(path));
    if (set.set.details && own.sha256 != set.set.details->unembedding)
      return Error{ErrorCode::kMismatch, path, "the probes were trained under another unembedding"};
  }
  const probe::Attested made = ASSAY_TRY(probe::attest(
      activations, set.set, set.sha256, rows ? &*rows : nullptr, rows_digest, rows ? &tokens : nullptr, how));
  const std::string envelope = ASSAY_TRY(probe::sign(made.statement, options.key));
  const std::string tokens_path = options.output + ".tokens";
  if (rows) ASSAY_TRY(tokens.write(tokens_path));
  ASSAY_TRY(write_file(options.output, envelope));
  for (const std::string& note : made.notes) console.note(note);

  Json json;
  json["out"] = options.output;
  if (rows) json["tokens"] = tokens_path;
  json["layer"] = made.statement.layer;
  json["rows"] = made.statement.positions.size();
  json["probes"] = made.statement.probes.size();
  json["readings"] = made.statement.readings;
  json["expires_at"] = made.statement.expires_at;
  json["payload_sha256"] = to_hex(ASSAY_TRY(probe::payload_digest(envelope, options.output)));
  json["notes"] = made.notes;
  std::vector<std::string> lines = {
      fmt::format("{} readings of layer {}, of {} rows and {} probes", made.statement.readings.size(),
                  made.statement.layer, made.statement.positions.size(), made.statement.probes.size()),
      "written to " + options.output};
  if (rows) lines.push_back(tokens_path + ": token ids and salt, for those who may know them");
  return console.report(json, lines);
}

Result<probe::Evidence> evidence_of(const AttestationVerifyOptions& options) {
  probe::Evidence evidence;
  evidence.key = ASSAY_TRY(probe::read_public_key(options.pubkey));
  evidence.now = static_cast<std::uint64_t>(World::system().unix_time());
  evidence.nonce = ASSAY_TRY(digest_if(options.nonce, "--nonce"));
  evidence.previous = ASSAY_TRY(previous_if(options.previous));
  if (!options.activations.empty())
    evidence.activations = ASSAY_TRY(probe::open_activations(options.activations));
  if (!options.probes.empty()) {
    HashedSet set = ASSAY_TRY(read_set(options.probes));
    evidence.set = std::move(set.set);
    evidence.set_digest = set.sha256;
  }
  if (!options.unembedding.empty())
    evidence.unembedding = ASSAY_TRY(probe::open_unembedding(options.unembedding));
  if (!options.gain.empty()) evidence.gain = ASSAY_TRY(probe::read_gain(options.gain));
  if (!options.tokens.empty()) evidence.tokens = ASSAY_TRY(probe::TokensFile::read(options.tokens));
  evidence.rows_digest = ASSAY_TRY(file_digest_if(options.rows, probe::RowsFile::kMaxBytes));
  evidence.weights_root = ASSAY_TRY(digest_if(options.root, "--root"));
  evidence.evaluation_digest = ASSAY_TRY(file_digest_if(options.evaluation, probe::kMaxJsonBytes));
  if (!options.profile.empty()) evidence.profile = ASSAY_TRY(probe::Profile::read(options.profile));
  if (!options.causal.empty()) evidence.causal = ASSAY_TRY(probe::CausalResults::read(options.causal));
  if (!options.plan.empty()) evidence.plan = ASSAY_TRY(probe::CausalPlan::read(options.plan));
  if (!options.corpus.activations.empty()) {
    if (options.corpus.labels.empty())
      return Error{ErrorCode::kMismatch, "--labels", "is needed with --corpus-activations"};
    evidence.corpus = ASSAY_TRY(read_corpus(options.corpus));
  }
  return evidence;
}

Result<int> run_verify_attestation(const AttestationVerifyOptions& options, const Console& console) {
  if (options.compat) return compat_verify(options.attestation, options.pubkey, console);
  const std::optional<probe::Level> require = probe::level_from(options.require);
  if (!require) return Error{ErrorCode::kMalformed, "--require", "it is none of L0 to L5"};
  const std::string text = ASSAY_TRY(probe::read_envelope(options.attestation));
  probe::Evidence evidence = ASSAY_TRY(evidence_of(options));
  const Result<probe::Statement> statement = probe::open_statement(text, options.attestation);
  if (!options.own.empty() && statement.ok()) {
    const probe::Activations own = ASSAY_TRY(probe::open_activations(options.own));
    const probe::Activations* const theirs = evidence.activations ? &*evidence.activations : nullptr;
    evidence.own_rows =
        ASSAY_TRY(probe::own_rows_of_statement(*statement, own, theirs, "--own-activations " + options.own));
  }
  const Stopwatch verifying;
  const Verdict verdict = ASSAY_TRY(probe::verify(text, options.attestation, evidence, *require));
  const double seconds = verifying.seconds();
  Json json = json_of(verdict);
  json["required"] = options.require;
  if (statement.ok()) json["model_id"] = statement->model_id;
  json["timing"] = {{"verify_time_s", seconds}};
  return console.report(json, Lines(verdict), exit_code(verdict.outcome()));
}

}  // namespace

void add_probe_attest(Program& program) {
  const auto [verb, attest] = program.add(
      "probe attest", "State, signed, what probes read in rows of activations",
      "assay probe attest --activations a.gotact --probes tense.json --key my.key --nonce NONCE --output "
      "a.statement",
      run_attest);
  add_option(verb, "--activations FILE", attest.activations, "rows to read, a .gotact")->required();
  add_option(verb, "--probes FILE", attest.probes, "a set of probes")->required();
  add_option(verb, "--key FILE", attest.key, "your secret key")->required();
  add_option(verb, "--model-id NAME", attest.model_id, "must be the activations' own");
  add_option(verb, "--output FILE", attest.output, "the statement")->required();
  add_option(verb, "--rows FILE", attest.rows,
             "where each row came from (default: STEM.rows, if it is there)");
  add_option(verb, "--read RULE", attest.read, "which rows: all, mean, or numbers: 0,5")
      ->capture_default_str();
  add_option(verb, "--nonce HEX", attest.nonce, "the verifier's, 64 hexadecimal digits");
  add_option(verb, "--lifetime SECONDS", attest.lifetime, "until it expires")->capture_default_str();
  add_option(verb, "--previous FILE", attest.previous, "the statement before");
  add_option(verb, "--evaluation FILE", attest.evaluation, "figures to bind");
  add_option(verb, "--causal FILE", attest.causal, "causal results to bind");
  add_option(verb, "--root HEX", attest.root, "root of the weights, where no file of rows says it");
  add_option(verb, "--engine TEXT", attest.engine, "software and hardware, where no file of rows says it");
  verb->add_flag("--compat", attest.compat,
                 "attest as the original does: see docs/probe.md for what that is worth");
  add_compat_flags(verb, attest.original);
  program.refuse(verb,
                 {"--rows", "--read", "--nonce", "--lifetime", "--previous", "--evaluation", "--causal",
                  "--root", "--engine"},
                 Program::Idle::kBeside, "--compat");
}

void add_probe_verify(Program& program) {
  const auto [verb, verify] = program.add("probe verify", "Check a statement about readings, level by level",
                                          "assay probe verify --attestation a.statement --pubkey my.key.pub "
                                          "--activations a.gotact --probes tense.json",
                                          run_verify_attestation);
  verb->footer(verb->get_footer() +
               "\nWith --model the rows are recomputed here (L4): assay probe verify --model --help");
  add_option(verb, "--attestation FILE", verify.attestation, "the statement")->required();
  add_option(verb, "--pubkey FILE", verify.pubkey, "the signer's public key")->required();
  add_option(verb, "--require LEVEL", verify.require, "the last level that must be accepted, L0 to L5")
      ->capture_default_str();
  add_option(verb, "--activations FILE", verify.activations, "the rows that were read (L2, L3)");
  add_option(verb, "--probes FILE", verify.probes, "the set of probes (L2, L3)");
  add_option(verb, "--unembedding FILE", verify.unembedding, "the .gotue, to repeat the geometry (L2)");
  add_option(verb, "--gain FILE", verify.gain, "gain of the final norm that was folded in, an .npy (L2)");
  add_option(verb, "--tokens FILE", verify.tokens, "token ids with their salt (L2)");
  add_option(verb, "--rows FILE", verify.rows, "where each row came from (L2)");
  add_option(verb, "--nonce HEX", verify.nonce, "that you asked with (L1)");
  add_option(verb, "--previous FILE", verify.previous, "the statement before (L1)");
  add_option(verb, "--root HEX", verify.root, "root of the weights that you expect (L2)");
  add_option(verb, "--own-activations FILE", verify.own, "the same rows as you recomputed them (L4)");
  add_option(verb, "--profile FILE", verify.profile, "what honest rows may differ by (L4)");
  add_option(verb, "--evaluation FILE", verify.evaluation, "the figures that are bound (L2)");
  add_option(verb, "--corpus-activations FILE", verify.corpus.activations,
             "what the probes were trained on (L5)");
  add_option(verb, "--labels FILE", verify.corpus.labels, "its labels (L5)");
  add_option(verb, "--corpus-rows FILE", verify.corpus.rows, "its file of rows (default: STEM.rows)");
  add_option(verb, "--causal FILE", verify.causal, "causal results (L5)");
  add_option(verb, "--plan FILE", verify.plan, "the plan that they follow (L5)");
  verb->add_flag("--compat", verify.compat, "an attestation of the original: its signature alone");
  program.refuse(verb,
                 {"--require", "--activations", "--probes", "--unembedding", "--gain", "--tokens", "--rows",
                  "--nonce", "--previous", "--root", "--own-activations", "--profile", "--evaluation",
                  "--corpus-activations", "--labels", "--corpus-rows", "--causal", "--plan"},
                 Program::Idle::kBeside, "--compat");
  program.refuse(verb, {"--labels", "--corpus-rows"}, Program::Idle::kWithout, "--corpus-activations");
  program.refuse(verb, {"--profile"}, Program::Idle::kWithout, "--own-activations");
}

}  // namespace assay::cli
