// Field products per backend: eight independent chains, and one dependent chain.
#include <benchmark/benchmark.h>

#include <array>

#include "assay/field.h"
#include "field/backend_adx.h"
#include "field/backend_portable.h"
#include "field/element.h"

namespace {

using assay::field::Element;
using assay::field::FpParameters;

template <class Backend>
void throughput(benchmark::State& state) {
  using F = Element<FpParameters, Backend>;
  std::array<F, 8> a;
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = F::from_u64(i + 3);
  const F b = F::from_u64(0x9e3779b97f4a7c15).inverse();
  for (auto _ : state) {
    for (F& each : a) each *= b;
    benchmark::DoNotOptimize(a);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(a.size()));
}

template <class Backend>
void latency(benchmark::State& state) {
  using F = Element<FpParameters, Backend>;
  F a = F::from_u64(3);
  const F b = F::from_u64(0x9e3779b97f4a7c15).inverse();
  for (auto _ : state) {
    a *= b;
    benchmark::DoNotOptimize(a);
  }
}

BENCHMARK(throughput<assay::field::PortableBackend>)->Name("fp_multiply/throughput/portable");
BENCHMARK(latency<assay::field::PortableBackend>)->Name("fp_multiply/latency/portable");
#if defined(__x86_64__)
BENCHMARK(throughput<assay::field::AdxBackend>)->Name("fp_multiply/throughput/adx");
BENCHMARK(latency<assay::field::AdxBackend>)->Name("fp_multiply/latency/adx");
#endif

}  // namespace
