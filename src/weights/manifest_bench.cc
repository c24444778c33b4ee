// The manifest of a model in memory. Argument: threads.
#include <benchmark/benchmark.h>

#include <vector>

#include "assay/weights_manifest.h"

namespace {

namespace tensor = assay::tensor;
namespace weights = assay::weights;

/// Tensors in the sizes of SmolLM2-135M in bfloat16: an embedding, and 30 blocks of seven matrices and two
/// norms; 269 MB.
void smollm2(benchmark::State& state) {
  const assay::Bytes values(std::size_t{49152} * 576 * 2, 0x5a);
  std::vector<tensor::StoredTensor> tensors;
  const auto add = [&](const std::string& name, const tensor::Shape& shape) {
    const std::size_t bytes = 2 * tensor::element_count(shape, name).value();
    tensors.push_back({name, "BF16", shape, assay::ByteSpan(values).first(bytes), nullptr});
  };
  add("embed", {49152, 576});
  for (int block = 0; block < 30; ++block) {
    const std::string prefix = std::to_string(block) + ".";
    for (const char* name : {"q", "o"}) add(prefix + name, {576, 576});
    for (const char* name : {"k", "v"}) add(prefix + name, {192, 576});
    for (const char* name : {"gate", "up"}) add(prefix + name, {1536, 576});
    add(prefix + "down", {576, 1536});
    for (const char* name : {"norm1", "norm2"}) add(prefix + name, {576});
  }
  std::size_t bytes = 0;
  for (const tensor::StoredTensor& one : tensors) bytes += one.bytes.size();
  assay::set_thread_limit(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(weights::Manifest::of(tensors)->root());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  assay::set_thread_limit(0);
}

BENCHMARK(smollm2)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
