// `assay toploc`: proofs of hidden states, and the verdict on them, from files.
#include "assay/toploc.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/try.h"
#include "base/within.h"
#include "program.h"
#include "report.h"
#include "stopwatch.h"

namespace assay::cli {
namespace {

struct StatesOptions {
  std::string path;
  std::string name;
};

struct ChunkOptions {
  std::uint32_t topk = 128;
  toploc::Batching batching;
};

struct BuildOptions {
  StatesOptions states;
  ChunkOptions chunks;
  std::string ties = "libstdc++";
  std::string out;
};

struct VerifyOptions {
  StatesOptions states;
  ChunkOptions chunks;
  std::string proofs;
  std::string profile = "published";
};

/// bf16 patterns, row after row.
struct States {
  std::uint64_t rows = 0;
  std::uint64_t hidden = 0;
  std::vector<std::uint16_t> values;
};

bool holds_patterns(const tensor::TensorView& view) {
  return view.dtype == tensor::Dtype::kBF16 || view.dtype == tensor::Dtype::kU16;
}

Result<tensor::TensorView> find_states(const tensor::TensorFile& file, const std::string& name) {
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

Result<States> read_states_of(const StatesOptions& options) {
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(options.path));
  const tensor::TensorView view = ASSAY_TRY(find_states(file, options.name));
  if (!holds_patterns(view))
    return Error{ErrorCode::kUnsupported, view.name,
                 fmt::format("{}: hidden states are taken as bfloat16, in an .npy file as uint16 patterns",
                             tensor::torch_name(view.dtype))};
  tensor::Shape shape = view.shape;
  if (shape.size() == 3 && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() != 2)
    return Error{ErrorCode::kMismatch, view.name,
                 fmt::format("{} axes: the shape must be [rows, hidden]", view.shape.size())};
  States states{shape[0], shape[1], std::vector<std::uint16_t>(view.size())};
  static_assert(std::endian::native == std::endian::little);
  if (!view.bytes.empty()) std::memcpy(states.values.data(), view.bytes.data(), view.bytes.size());
  return states;
}

Result<States> read_states(const StatesOptions& options) {
  Result<States> states = read_states_of(options);
  if (!states.ok()) return within(options.path, states.error());
  return states;
}

Result<int> run_build(const BuildOptions& options, const Console& console) {
  const std::optional<toploc::TieRule> rule = toploc::tie_rule(options.ties);
  if (!rule)
    return Error{ErrorCode::kMalformed, "--ties",
                 fmt::format("'{}' is neither libstdc++ nor lower-index", options.ties)};
  const States states = ASSAY_TRY(read_states(options.states));
  const Stopwatch building;
  toploc::ProofFile file{options.chunks.topk, options.chunks.batching, *rule, states.rows, states.hidden, {}};
  const std::vector<std::uint64_t> lengths =
      ASSAY_TRY(toploc::chunk_lengths(states.rows, states.hidden, file.batching));
  for (const toploc::Proof& proof : ASSAY_TRY(toploc::build(states.values, lengths, file.topk, *rule)))
    file.proofs.push_back(proof.encode());
  const double seconds = building.seconds();
  ASSAY_TRY(file.write(options.out));

  const std::size_t bytes = file.proofs.size() * file.proofs[0].size();
  Json json;
  json["out"] = options.out;
  json["proofs"] = file.proofs.size();
  json["proof_bytes"] = bytes;
  json["state_bytes"] = states.values.size() * sizeof(std::uint16_t);
  json["rows"] = states.rows;
  json["hidden"] = states.hidden;
  json["timing"] = {{"build_time_s", seconds}};
  return console.report(
      json, {fmt::format("{} proofs, {} bytes, of {} rows of {} values", grouped(file.proofs.size()),
                         grouped(bytes), grouped(states.rows), grouped(states.hidden)),
             "written to " + printable(options.out)});
}

/// What the prover says its proofs are, against what the verifier asks for: nobody else chooses how much is
/// checked.
Verdict check_parameters(const toploc::ProofFile& file, const ChunkOptions& asked, const States& states) {
  for (const auto& [name, given, wanted] :
       {std::tuple<const char*, std::uint64_t, std::uint64_t>{"topk", file.topk, asked.topk},
        {"decode_batching_size", file.batching.decode_batching_size, asked.batching.decode_batching_size},
        {"prefill_rows", file.batching.prefill_rows, asked.batching.prefill_rows},
        {"merge_tail_below", file.batching.merge_tail_below, asked.batching.merge_tail_below}}) {
    if (given != wanted)
      return Verdict::rejected("parameters", fmt::format("{} is {}, {} was asked for", name, given, wanted));
  }
  if (file.rows != states.rows || file.hidden != states.hidden)
    return Verdict::rejected("shape", fmt::format("the proofs are of {} rows of {}, the states are {} of {}",
                                                  file.rows, file.hidden, states.rows, states.hidden));
  return Verdict::accepted();
}

Result<toploc::Verification> judge(const toploc::ProofFile& file, const VerifyOptions& options,
                                   const States& states, const toploc::Profile& profile) {
  Verdict parameters = check_parameters(file, options.chunks, states);
  if (!parameters.ok()) return toploc::Verification{std::move(parameters), {}};
  const std::vector<std::uint64_t> lengths =
      ASSAY_TRY(toploc::chunk_lengths(states.rows, states.hidden, options.chunks.batching));
  toploc::Conditions conditions;
  conditions.decode_batching_size = options.chunks.batching.decode_batching_size;
  return toploc::verify(file.proofs, states.values, lengths, options.chunks.topk, file.ties, profile,
                        conditions);
}

Json json_of_error(double error) {
  return error == toploc::Comparison::kNoMatch ? Json(nullptr) : Json(error);
}

Json json_of_chunk(const toploc::Comparison& chunk) {
  return {{"points", chunk.points},
          {"modulus", chunk.modulus},
          {"exponent_mismatches", chunk.exponent_mismatches},
          {"sign_mismatches", chunk.sign_mismatches},
          {"distinct_values", chunk.distinct_values},
          {"distinct_own", chunk.distinct_own},
          {"mantissa_mean", json_of_error(chunk.mantissa_mean)},
          {"mantissa_median", json_of_error(chunk.mantissa_median)}};
}

Result<int> run_verify(const VerifyOptions& options, const Console& console) {
  const toploc::Profile profile = options.profile == "published"
                                      ? toploc::Profile::published()
                                      : ASSAY_TRY(toploc::Profile::read(options.profile));
  const toploc::ProofFile file = ASSAY_TRY(toploc::ProofFile::read(options.proofs));
  const States states = ASSAY_TRY(read_states(options.states));
  const Stopwatch verifying;
  const toploc::Verification found = ASSAY_TRY(judge(file, options, states, profile));
  const double seconds = verifying.seconds();

  Json json = json_of(found.verdict);
  json["profile"] = profile.name;
  json["chunks"] = Json::array();
  for (const toploc::Comparison& chunk : found.comparisons) json["chunks"].push_back(json_of_chunk(chunk));
  json["timing"] = {{"verify_time_s", seconds}};
  return console.report(json, lines_of(found.verdict), exit_code(found.verdict.outcome()));
}

void add_chunk_flags(CLI::App* verb, const std::shared_ptr<StatesOptions>& states,
                     const std::shared_ptr<ChunkOptions>& chunks) {
  verb->add_option("--states", states->path,
                   "hidden states [rows, hidden] in bfloat16, or uint16 patterns in an .npy")
      ->required()
      ->type_name("FILE");
  verb->add_option("--tensor-name", states->name, "which tensor of the file")->type_name("NAME");
  verb->add_option("--topk", chunks->topk, "largest values that a proof holds")
      ->capture_default_str()
      ->type_name("K");
  verb->add_option("--decode-batching-size", chunks->batching.decode_batching_size, "rows of a proof")
      ->capture_default_str()
      ->type_name("ROWS");
  verb->add_option("--prefill-rows", chunks->batching.prefill_rows,
                   "rows of a prompt, which have a proof of their own")
      ->capture_default_str()
      ->type_name("ROWS");
  verb->add_option("--merge-tail-below", chunks->batching.merge_tail_below,
                   "fewer rows at the end belong to the proof before")
      ->capture_default_str()
      ->type_name("ROWS");
}

}  // namespace

void add_toploc(Program& program) {
  program.add_group("toploc", "Make and check TOPLOC proofs of hidden states",
                    "calibrate, generate, validate, and verify with --model, run the program assay-toploc\n"
                    "of the Python package.");

  const auto build = std::make_shared<BuildOptions>();
  CLI::App* verb =
      program.add("toploc build", "Make proofs of hidden states: 258 bytes for 32 tokens",
                  "assay toploc build --states states.safetensors --out answer.proofs", build, run_build);
  add_chunk_flags(verb, {build, &build->states}, {build, &build->chunks});
  verb->add_option("--ties", build->ties,
                   "which of equal values are kept: libstdc++ (as torch.topk) or lower-index")
      ->capture_default_str()
      ->type_name("RULE");
  verb->add_option("--out", build->out, "the proofs")->required()->type_name("FILE");

  const auto verify = std::make_shared<VerifyOptions>();
  verb = program.add("toploc verify", "Check proofs against hidden states that you recomputed",
                     "assay toploc verify --proofs answer.proofs --states own.safetensors --json", verify,
                     run_verify);
  verb->footer(
      verb->get_footer() +
      "\nWith --model and --tokens the states are recomputed here: assay toploc verify --model --help");
  verb->add_option("--proofs", verify->proofs, "the provider's proofs")->required()->type_name("FILE");
  add_chunk_flags(verb, {verify, &verify->states}, {verify, &verify->chunks});
  verb->add_option("--profile", verify->profile, "what honest states may differ by: a file, or 'published'")
      ->capture_default_str()
      ->type_name("FILE");
}

}  // namespace assay::cli
