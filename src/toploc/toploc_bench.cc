// The workload that the published library measures itself with: 1000 rows of 5120 bf16 values in chunks of 32
// rows, the 128 largest of each.
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "toploc/kernel.h"
#include "toploc/test_support.h"

namespace {

namespace toploc = assay::toploc;

constexpr std::uint32_t kTopK = 128;

struct Workload {
  toploc::Bits values = toploc::TorchNormal(42).draw(std::size_t{1000} * 5120);
  std::vector<std::uint64_t> lengths = toploc::chunk_lengths(1000, 5120, {}).value();
  std::vector<toploc::Proof> proofs =
      toploc::build(values, lengths, kTopK, toploc::TieRule::kLibstdcxx).value();

  static const Workload& get() {
    static const Workload workload;
    return workload;
  }
};

/// Argument: threads.
void build(benchmark::State& state) {
  const Workload& workload = Workload::get();
  assay::set_thread_limit(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    const auto proofs = toploc::build(workload.values, workload.lengths, kTopK, toploc::TieRule::kLibstdcxx);
    ASSAY_CHECK(*proofs == workload.proofs, proofs->size(), workload.proofs.size());
  }
  assay::set_thread_limit(0);
}

/// From the proofs' bytes to the verdict. Argument: threads.
void verify(benchmark::State& state) {
  const Workload& workload = Workload::get();
  const std::vector<assay::Bytes> proofs = toploc::encoded(workload.proofs);
  assay::set_thread_limit(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    const auto verification =
        toploc::verify_chunks(proofs, workload.values, workload.lengths, kTopK, toploc::Profile::published());
    ASSAY_CHECK(verification.verdict.ok(), verification.verdict.reason());
  }
  assay::set_thread_limit(0);
}

/// One chunk, step by step.
void select_chunk(benchmark::State& state) {
  const Workload& workload = Workload::get();
  const std::span<const std::uint16_t> chunk(workload.values.data(), workload.lengths[0]);
  for (auto _ : state) {
    benchmark::DoNotOptimize(toploc::select(chunk, kTopK, toploc::TieRule::kLibstdcxx).value().data());
  }
}

void prove_chunk(benchmark::State& state) {
  const Workload& workload = Workload::get();
  const std::span<const std::uint16_t> chunk(workload.values.data(), workload.lengths[0]);
  const auto indices = toploc::select(chunk, kTopK, toploc::TieRule::kLibstdcxx).value();
  toploc::Bits values;
  for (const std::uint32_t index : indices) values.push_back(chunk[index]);
  for (auto _ : state) benchmark::DoNotOptimize(toploc::prove(indices, values).value().coefficients.data());
}

BENCHMARK(build)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(verify)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(select_chunk)->Unit(benchmark::kMicrosecond);
BENCHMARK(prove_chunk)->Unit(benchmark::kMicrosecond);

}  // namespace
