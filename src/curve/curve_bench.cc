// Multi-scalar multiplications by size and width of the data, multiples of the generator, pairings.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "assay/curve.h"

namespace {

namespace curve = assay::curve;
using assay::Fr;
using assay::G1Affine;
using assay::G2Affine;

/// Points 2^i G: no two small sums of them meet.
const std::vector<G1Affine>& points(std::size_t count) {
  static std::map<std::size_t, std::vector<G1Affine>> kept;
  std::vector<G1Affine>& out = kept[count];
  if (out.empty()) {
    std::vector<Fr> scalars(count);
    Fr power = Fr::one();
    for (Fr& each : scalars) {
      each = power;
      power += power;
    }
    out.resize(count);
    curve::multiply_generator_vartime(scalars, out);
  }
  return out;
}

void msm_signed(benchmark::State& state) {
  const auto count = std::size_t{1} << state.range(0);
  const auto bits = static_cast<unsigned>(state.range(1));
  std::mt19937_64 rng(1);
  std::vector<std::int64_t> values(count);
  for (auto& v : values) {
    const auto magnitude = static_cast<std::int64_t>(rng() >> (64 - bits + 1));
    v = (rng() & 1) != 0 ? magnitude : -magnitude;
  }
  const auto& bases = points(count);
  for (auto _ : state) benchmark::DoNotOptimize(curve::msm_vartime(bases, assay::IntegerView(values)));
}
BENCHMARK(msm_signed)
    ->ArgsProduct({{14, 16, 18, 20}, {16, 40}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void msm_full(benchmark::State& state) {
  const auto count = std::size_t{1} << state.range(0);
  std::vector<Fr> values(count);
  Fr value = Fr::from_i64(-3);
  for (Fr& each : values) each = value = value * value + Fr::one();
  const auto& bases = points(count);
  for (auto _ : state) benchmark::DoNotOptimize(curve::msm_vartime(bases, std::span<const Fr>(values)));
}
BENCHMARK(msm_full)->Arg(14)->Arg(16)->Arg(18)->Unit(benchmark::kMillisecond)->UseRealTime();

void multiply_generator(benchmark::State& state) {
  std::vector<Fr> scalars(std::size_t{1} << state.range(0));
  Fr value = Fr::from_i64(-3);
  for (Fr& each : scalars) each = value = value * value + Fr::one();
  std::vector<G1Affine> out(scalars.size());
  for (auto _ : state) curve::multiply_generator_vartime(scalars, out);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(scalars.size()));
}
BENCHMARK(multiply_generator)->Arg(12)->Arg(18)->Unit(benchmark::kMillisecond)->UseRealTime();

void pairing(benchmark::State& state) {
  const curve::PreparedG2 q(G2Affine::generator());
  const std::vector<curve::PairingTerm> terms(static_cast<std::size_t>(state.range(0)),
                                              {G1Affine::generator(), &q});
  for (auto _ : state) benchmark::DoNotOptimize(curve::final_exponentiation(curve::multi_miller_loop(terms)));
}
BENCHMARK(pairing)->Arg(1)->Arg(9)->Unit(benchmark::kMicrosecond);

void decode_g1(benchmark::State& state) {
  const auto bytes = curve::encode(curve::multiply_vartime(G1Affine::generator(), Fr::from_u64(12345)));
  for (auto _ : state) benchmark::DoNotOptimize(curve::decode_g1(bytes, "bench"));
}
BENCHMARK(decode_g1)->Unit(benchmark::kMicrosecond);

void decode_all_g1(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  assay::Bytes bytes;
  for (const G1Affine& point : points(count)) {
    const auto encoded = curve::encode(point);
    bytes.insert(bytes.end(), encoded.begin(), encoded.end());
  }
  std::vector<G1Affine> out(count);
  assay::set_thread_limit(1);
  for (auto _ : state) benchmark::DoNotOptimize(curve::decode_all_g1(bytes, out));
  assay::set_thread_limit(0);
}
BENCHMARK(decode_all_g1)->Arg(1)->Arg(2)->Arg(3)->Arg(8)->Arg(16)->Arg(1024)->Unit(benchmark::kMicrosecond);

}  // namespace
