// Trees in memory. Argument: threads.
#include <benchmark/benchmark.h>

#include <vector>

#include "assay/merkle.h"

namespace {

namespace merkle = assay::merkle;

void set_threads(const benchmark::State& state) {
  assay::set_thread_limit(static_cast<unsigned>(state.range(0)));
}

/// The nodes over 2^20 leaf hashes.
template <std::uint32_t kArity>
void nodes(benchmark::State& state) {
  std::vector<assay::Digest> leaves(std::size_t{1} << 20);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    for (std::size_t j = 0; j < 8; ++j) leaves[i][j] = static_cast<std::uint8_t>(i >> (8 * j));
  set_threads(state);
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<assay::Digest> copy = leaves;
    state.ResumeTiming();
    const auto tree = merkle::Tree::from_leaf_hashes(kArity, std::move(copy));
    benchmark::DoNotOptimize(tree->root());
  }
  assay::set_thread_limit(0);
}

/// Leaves of `kBytes` each and the nodes over them, 64 MiB in all.
template <std::size_t kBytes>
void chunks(benchmark::State& state) {
  const assay::Bytes values(std::size_t{1} << 26, 0x5a);
  set_threads(state);
  for (auto _ : state) {
    const auto tree = merkle::Tree::from_chunks(2, values, kBytes);
    benchmark::DoNotOptimize(tree->root());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(values.size()));
  assay::set_thread_limit(0);
}

/// The root over 2^24 leaves of eight bytes; no node is kept.
template <std::uint32_t kArity>
void root_of_numbers(benchmark::State& state) {
  assay::Bytes values(std::size_t{1} << 27);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::uint8_t>(i * 2654435761U >> 24);
  set_threads(state);
  for (auto _ : state) {
    merkle::RootBuilder builder = merkle::RootBuilder::create(kArity).value();
    static_cast<void>(builder.add_chunks(values, 8));
    benchmark::DoNotOptimize(builder.root());
  }
  assay::set_thread_limit(0);
}

BENCHMARK(nodes<2>)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(nodes<4>)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(nodes<8>)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(nodes<16>)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(root_of_numbers<2>)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(root_of_numbers<64>)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(root_of_numbers<65536>)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(chunks<1024>)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(chunks<4096>)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
