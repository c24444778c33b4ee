// `assay toploc`: proofs of hidden states, and the verdict on them, from files.
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "assay/tensor_engines.h"
#include "assay/toploc_verdict.h"
#include "base/try.h"
#include "base/within.h"
#include "program.h"
#include "report.h"
#include "toploc/report.h"

namespace assay::cli {
namespace {

struct StatesOptions {
  std::string path;
  std::string name;
};

struct ProofBuildOptions {
  StatesOptions states;
  toploc::Parameters parameters;
  std::string ties = "libstdc++";
  std::string out;
};

struct ProofVerifyOptions {
  StatesOptions states;
  toploc::Parameters parameters;
  std::string ties;
  std::string proofs;
  std::string profile = "published";
};

/// A tensor of bf16 patterns.
struct Patterns {
  tensor::Shape shape;
  std::vector<std::uint16_t> values;
};

bool holds_patterns(const tensor::TensorView& view) {
  return view.dtype == tensor::Dtype::kBF16 || view.dtype == tensor::Dtype::kU16;
}

/// States as the head reads them. Those of vLLM's connector lie before the final norm.
Result<tensor::TensorView> states_of(const tensor::EngineStates& found) {
  if (found.engine == tensor::Engine::kSglang) return found.layers[0];
  return Error{ErrorCode::kUnsupported, "hidden_states",
               "vLLM wrote them before the final norm: verify with --model M --hidden-states FILE"};
}

Result<tensor::TensorView> find_states(const std::string& path, const std::string& name) {
  if (const auto engine = ASSAY_TRY(tensor::read_engine_states(path))) {
    if (name.empty()) return states_of(*engine);
    return Error{ErrorCode::kMismatch, "--tensor-name",
                 fmt::format("has no effect: an engine wrote the states of {}: leave it out", path)};
  }
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(path));
  if (!name.empty()) {
    const tensor::TensorView* found = file.find(name);
    if (found == nullptr)
      return Error{ErrorCode::kMismatch, "--tensor-name", fmt::format("the file has no tensor '{}'", name)};
    return *found;
  }
  if (file.tensors.size() != 1)
    return Error{ErrorCode::kMismatch, "--tensor-name",
                 fmt::format("is needed: the file has {} tensors", file.tensors.size())};
  return file.tensors[0];
}

Result<Patterns> read_patterns(const StatesOptions& options) {
  const tensor::TensorView view = ASSAY_TRY(find_states(options.path, options.name));
  if (!holds_patterns(view))
    return Error{ErrorCode::kUnsupported, view.name,
                 fmt::format("{}: hidden states are taken as bfloat16, in an .npy file as uint16 patterns",
                             tensor::torch_name(view.dtype))};
  Patterns patterns{view.shape, std::vector<std::uint16_t>(view.size())};
  static_assert(std::endian::native == std::endian::little);
  if (!view.bytes.empty()) std::memcpy(patterns.values.data(), view.bytes.data(), view.bytes.size());
  return patterns;
}

Result<toploc::TieRule> read_ties(const std::string& name) {
  const std::optional<toploc::TieRule> rule = toploc::tie_rule(name);
  if (!rule)
    return Error{ErrorCode::kMalformed, "--ties",
                 fmt::format("'{}' is neither libstdc++ nor lower-index", name)};
  return *rule;
}

Result<int> run_build_proofs(const ProofBuildOptions& options, const Console& console) {
  toploc::Parameters parameters = options.parameters;
  parameters.ties = ASSAY_TRY(read_ties(options.ties));
  const std::string& path = options.states.path;
  const Patterns patterns = ASSAY_TRY(within(path, read_patterns(options.states)));
  const toploc::States states = ASSAY_TRY(within(path, toploc::States::of(patterns.shape, patterns.values)));
  const Stopwatch building;
  const toploc::ProofFile file =
      ASSAY_TRY(toploc::ProofFile::build(states.rows, states.hidden, states.values, parameters));
  const double seconds = building.seconds();
  ASSAY_TRY(file.write(options.out));

  const std::size_t bytes = file.proofs.size() * file.proofs[0].size();
  Json json;
  json["out"] = options.out;
  json["proofs"] = file.proofs.size();
  json["proof_bytes"] = bytes;
  json["state_bytes"] = patterns.values.size() * sizeof(std::uint16_t);
  json["rows"] = file.rows;
  json["hidden"] = file.hidden;
  json["timing"] = {{"build_time_s", seconds}};
  return console.report(
      json, {fmt::format("{} proofs, {} bytes, of {} rows of {} values", grouped(file.proofs.size()),
                         grouped(bytes), grouped(file.rows), grouped(file.hidden)),
             "written to " + options.out});
}

Result<int> run_verify_proofs(const ProofVerifyOptions& options, const Console& console) {
  const toploc::Profile profile = options.profile == "published"
                                      ? toploc::Profile::published()
                                      : ASSAY_TRY(toploc::Profile::read(options.profile));
  toploc::Asked asked{options.parameters, options.ties.empty()};
  if (!asked.any_ties) asked.parameters.ties = ASSAY_TRY(read_ties(options.ties));
  const toploc::ProofFile file = ASSAY_TRY(toploc::ProofFile::read(options.proofs));
  const std::string& path = options.states.path;
  const Patterns patterns = ASSAY_TRY(within(path, read_patterns(options.states)));
  const toploc::States states = ASSAY_TRY(within(path, toploc::States::of(patterns.shape, patterns.values)));
  const Stopwatch verifying;
  const toploc::Verification found =
      ASSAY_TRY(toploc::verify(toploc::Offer::of(file), asked, states, profile));
  const double seconds = verifying.seconds();

  Json json = json_of(found.verdict);
  json["profile"] = profile.title();
  json["chunks"] = Json::array();
  for (const toploc::Comparison& chunk : found.comparisons) json["chunks"].push_back(json_of(chunk));
  json["timing"] = {{"verify_time_s", seconds}};
  return console.report(json, Lines(found.verdict), exit_code(found.verdict.outcome()));
}

void add_chunk_flags(CLI::App* verb, StatesOptions& states, toploc::Parameters& parameters) {
  add_option(verb, "--states FILE", states.path,
             "hidden states [rows, hidden] in bfloat16, or uint16 patterns in an .npy")
      ->required();
  add_option(verb, "--tensor-name NAME", states.name, "which tensor of the file");
  add_option(verb, "--topk K", parameters.topk, "largest values that a proof holds")->capture_default_str();
  add_option(verb, "--decode-batching-size ROWS", parameters.batching.decode_batching_size, "rows of a proof")
      ->capture_default_str();
  add_option(verb, "--prefill-rows ROWS", parameters.batching.prefill_rows,
             "rows of a prompt, which have a proof of their own")
      ->capture_default_str();
  add_option(verb, "--merge-tail-below ROWS", parameters.batching.merge_tail_below,
             "fewer rows at the end belong to the proof before")
      ->capture_default_str();
}

}  // namespace

void add_toploc(Program& program) {
  program.add_group(
      "toploc", "Make and check TOPLOC proofs of hidden states",
      "Verbs not listed (calibrate, generate, validate, demo), and verify with --model, run the\n"
      "program assay-toploc of the Python package, if it is there.");

  const auto [build_verb, build] =
      program.add("toploc build", "Make proofs of hidden states: 258 bytes for 32 tokens",
                  "assay toploc build --states states.safetensors --out answer.proofs", run_build_proofs);
  add_chunk_flags(build_verb, build.states, build.parameters);
  add_option(build_verb, "--ties RULE", build.ties,
             "which of equal values are kept: libstdc++ (as torch.topk) or lower-index")
      ->capture_default_str();
  add_option(build_verb, "--out FILE", build.out, "the proofs")->required();

  const auto [verify_verb, verify] = program.add(
      "toploc verify", "Check proofs against hidden states that you recomputed",
      "assay toploc verify --proofs answer.proofs --states own.safetensors --json", run_verify_proofs);
  verify_verb->footer(
      verify_verb->get_footer() +
      "\nWith --model and --tokens the states are recomputed here: assay toploc verify --model --help");
  add_option(verify_verb, "--proofs FILE", verify.proofs, "the provider's proofs")->required();
  add_chunk_flags(verify_verb, verify.states, verify.parameters);
  add_option(verify_verb, "--ties RULE", verify.ties,
             "demand proofs made by this rule, libstdc++ or lower-index (default: take either)");
  add_option(verify_verb, "--profile FILE", verify.profile,
             "what honest states may differ by: a file, or 'published'")
      ->capture_default_str();
}

}  // namespace assay::cli
