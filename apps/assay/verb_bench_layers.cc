// `assay bench layers`: how fast this machine scores layers, hashes weights and selects within budgets.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <random>

#include "assay/layers_scoring.h"
#include "assay/layers_selection.h"
#include "assay/weights_manifest.h"
#include "base/random.h"
#include "base/try.h"
#include "bench.h"
#include "bench_flags.h"
#include "program.h"

namespace assay::cli {
namespace {

struct LayersOptions : BenchOptions {
  std::string weights;
  std::string matrix = "4096,11008";
  unsigned layers = 224;
  std::string verifiers = "12,16,20";
  unsigned equal = 96;
};

// --- a model's folder ---

constexpr const char* kHash = "hash all weights";
constexpr const char* kScore = "spectra and metrics";

/// The spectra, and of each all metrics but the one that needs a second spectrum.
Status score_all(std::span<const layers::SpectrumRequest> requests) {
  const layers::Spectra found = ASSAY_TRY(layers::spectra_of(requests, nullptr));
  for (const layers::Spectrum& spectrum : found.spectra) {
    for (const layers::Metric metric : layers::all_metrics()) {
      if (metric != layers::Metric::kRandomDistance)
        static_cast<void>(ASSAY_TRY(layers::evaluate(metric, spectrum)));
    }
  }
  return {};
}

/// All tensors of a folder, and the spectra that scores of it need.
struct Model {
  std::vector<tensor::StoredTensor> tensors;
  std::vector<layers::SpectrumRequest> requests;
};

Result<Model> open_model(const std::string& path) {
  const weights::Folder folder = ASSAY_TRY(weights::Folder::open(path));
  const weights::Stack stack = ASSAY_TRY(folder.stack());
  Model model{folder.tensors(), {}};
  for (const weights::Block& block : stack.blocks) {
    for (const weights::Layer& layer : block.layers) {
      const tensor::TensorView weight = ASSAY_TRY(tensor::view_of(layer.weight));
      model.requests.push_back({weight, layers::EigenMethod::kAuto, std::nullopt});
    }
  }
  return model;
}

Status bench_model(const LayersOptions& options, const Model& model, std::span<const unsigned> threads,
                   BenchTable& table) {
  std::uint64_t bytes = 0;
  for (const tensor::StoredTensor& tensor : model.tensors) bytes += tensor.bytes.size();
  for (const unsigned count : threads) {
    const ThreadLimitScope scope(count);
    const Timing hashing =
        ASSAY_TRY(measure_result(repeats_of(options), [&] { return weights::Manifest::of(model.tensors); }));
    table.add(kHash, {{"bytes", bytes}, {"threads", count}}, hashing);
    table.annotate("bytes_per_second", static_cast<double>(bytes) / hashing.median);
    const Timing scoring =
        ASSAY_TRY(measure_result(repeats_of(options), [&] { return score_all(model.requests); }));
    table.add(kScore, {{"matrices", model.requests.size()}, {"threads", count}}, scoring);
  }
  return {};
}

// --- one large matrix ---

/// Normal deviates as bf16 in a mapped file that has no name any more.
Result<tensor::TensorFile> made_up_matrix(std::uint64_t rows, std::uint64_t columns) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  Bytes bytes(rows * columns * 2);
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const std::uint32_t upper = std::bit_cast<std::uint32_t>(normal(random)) >> 16;
    bytes[i] = static_cast<std::uint8_t>(upper);
    bytes[i + 1] = static_cast<std::uint8_t>(upper >> 8);
  }
  const TemporaryFile file("matrix");
  const tensor::TensorView view{"made up", tensor::Dtype::kBF16, {rows, columns}, bytes, nullptr};
  ASSAY_TRY(tensor::write_safetensors(file.path(), std::span(&view, 1), {}));
  return tensor::open(file.path());
}

/// Errors: kMalformed, kOutOfRange.
Result<std::vector<unsigned>> sides_of(const std::string& text) {
  std::vector<unsigned> sides = ASSAY_TRY(parse_numbers(text, 1, 32768, "--matrix"));
  if (sides.size() != 2)
    return Error{ErrorCode::kMalformed, "--matrix", "two sides are expected, such as 4096,11008"};
  return sides;
}

Status bench_matrix(const LayersOptions& options, const std::vector<unsigned>& sides, BenchTable& table) {
  const tensor::TensorFile file = ASSAY_TRY(made_up_matrix(sides[0], sides[1]));
  const tensor::TensorView& weight = file.tensors.front();
  Result<Timing> timing = Timing{};
  const std::optional<std::uint64_t> peak = peak_memory_of(
      [&] { timing = measure_result(repeats_of(options), [&] { return layers::spectrum_of(weight); }); });
  if (!timing.ok()) return timing.error();
  const std::string shape = fmt::format("{}x{} bf16", sides[0], sides[1]);
  table.add("spectrum of a matrix", {{"matrix", shape}, {"threads", 1}}, *timing);
  if (!peak) return {};
  table.annotate("peak_memory_bytes", *peak);
  // All of the file has been read, and is part of that memory.
  table.annotate("above_file_bytes", *peak - std::min<std::uint64_t>(*peak, weight.bytes.size()));
  return {};
}

// --- selections ---

/// Layers of 16 to 44 million parameters whose costs all differ, and budgets of half of the model in all, or
/// of 1 % each. No two different budgets allow the same runs, as they might where costs repeat.
Result<layers::SelectionProblem> made_up_problem(unsigned layers, unsigned verifiers, bool equal) {
  ChaCha20Stream stream(Digest{1});
  std::vector<double> values, budgets;
  std::vector<std::uint64_t> costs;
  double total = 0;
  for (unsigned i = 0; i < layers; ++i) {
    costs.push_back((std::uint64_t{16} << 20) + stream.below(std::uint64_t{28} << 20));
    total += static_cast<double>(costs.back());
    values.push_back(0.05 + static_cast<double>(stream.below(1000)) / 1000);
  }
  const double mean = total / 2 / verifiers;
  for (unsigned k = 0; k < verifiers; ++k)
    budgets.push_back(equal ? total / 100 : mean * (0.5 + static_cast<double>(k) / verifiers));
  return layers::SelectionProblem::make(std::move(values), std::move(costs), budgets);
}

Status bench_selection(const LayersOptions& options, unsigned verifiers, bool equal, unsigned threads,
                       BenchTable& table) {
  const layers::SelectionProblem problem = ASSAY_TRY(made_up_problem(options.layers, verifiers, equal));
  const ThreadLimitScope scope(threads);
  bool optimal = false;
  Timing timing;
  const std::optional<std::uint64_t> peak = peak_memory_of([&] {
    timing = measure(repeats_of(options),
                     [&] { optimal = layers::select(problem, layers::Order::kFree).proven_optimal; });
  });
  table.add(equal ? "select, equal budgets" : "select, different budgets",
            {{"layers", options.layers}, {"verifiers", verifiers}, {"threads", threads}}, timing);
  table.annotate("proven_optimal", optimal);
  if (peak) table.annotate("peak_memory_bytes", *peak);
  return {};
}

Result<int> run_layers(const LayersOptions& options, const Console& console) {
  const std::vector<unsigned> threads = ASSAY_TRY(thread_counts_of(options));
  const std::vector<unsigned> verifiers =
      ASSAY_TRY(parse_numbers(options.verifiers, 1, layers::SelectionProblem::kMaxVerifiers, "--verifiers"));
  const std::vector<unsigned> sides = ASSAY_TRY(sides_of(options.matrix));
  std::optional<Model> model;
  if (!options.weights.empty()) model = ASSAY_TRY(open_model(options.weights));
  BenchTable table(console);
  // The matrix first: what else is measured maps files and keeps memory that would be taken for its own.
  ASSAY_TRY(bench_matrix(options, sides, table));
  for (const unsigned count : threads) {
    ASSAY_TRY(bench_selection(options, options.equal, true, count, table));
    for (const unsigned one : verifiers) ASSAY_TRY(bench_selection(options, one, false, count, table));
  }
  if (model) {
    ASSAY_TRY(bench_model(options, *model, threads, table));
  } else {
    for (const char* what : {kHash, kScore}) table.add_missing(what, Json::object(), "needs --weights DIR");
  }
  return table.report();
}

}  // namespace

void add_bench_layers(Program& program) {
  const auto [verb, options] =
      program.add("bench layers", "Scores of layers, the hash of all weights, and selections within budgets",
                  "assay bench layers --weights SmolLM2-135M --thread-counts 1,2 --json", run_layers);
  add_weights(verb, options.weights);
  add_option(verb, "--matrix ROWS,COLUMNS", options.matrix, "the made-up weight that is scored alone")
      ->capture_default_str();
  add_option(verb, "--layers N", options.layers, "that verifiers are given")
      ->capture_default_str()
      ->check(CLI::Range(1U, 65536U).description(""));
  add_option(verb, "--verifiers A,B,..", options.verifiers, "how many, with different budgets")
      ->capture_default_str();
  add_option(verb, "--equal N", options.equal, "how many, with 1 % of the parameters each")
      ->capture_default_str()
      ->check(CLI::Range(1U, 4096U).description(""));
  add_repeats(verb, options);
  add_thread_counts(verb, options);
}

}  // namespace assay::cli
