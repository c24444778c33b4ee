// Operations of the field and its tower per backend, in dependent chains; field products in independent ones
// too.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <string>

#include "assay/field.h"
#include "field/backend_adx.h"
#include "field/backend_portable.h"
#include "field/dodecic_ifma.h"
#include "field/element.h"
#include "field/tower.h"

namespace {

using assay::field::Element;
using assay::field::FpParameters;

template <class Backend>
void multiply_throughput(benchmark::State& state) {
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

/// a = step(a, b), each waiting for the one before.
template <class T, class Step>
void chain(benchmark::State& state, T a, const T& b, const Step& step) {
  for (auto _ : state) {
    a = step(a, b);
    benchmark::DoNotOptimize(a);
  }
}

template <class T, class Step>
void add(const std::string& name, const T& a, const T& b, const Step& step) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { chain(state, a, b, step); });
}

template <class E12>
void add_fp12(const std::string& kernel, const typename E12::Coordinates& start) {
  const E12 a = E12::load(start), b = a * a;
  const auto scale = E12::LineScale::of(start[4], start[5]);
  const std::array<assay::field::Limbs, 4> line{start[0], start[1], start[2], start[3]};
  add("fp12_multiply/" + kernel, a, b, [](const E12& x, const E12& y) { return x * y; });
  add("fp12_square/" + kernel, a, b, [](const E12& x, const E12&) { return x.squared(); });
  add("fp12_cyclotomic_square/" + kernel, a, b,
      [](const E12& x, const E12&) { return x.cyclotomic_squared(); });
  add("fp12_times_line/" + kernel, a, b, [=](const E12& x, const E12&) { return x.times_line(line, scale); });
  add("fp12_frobenius/" + kernel, a, b, [](const E12& x, const E12&) { return x.frobenius(); });
  add("fp12_inverse/" + kernel, a, b, [](const E12& x, const E12&) { return x.inverse(); });
}

template <class Backend>
void add_backend(const std::string& kernel) {
  using F = Element<FpParameters, Backend>;
  using E2 = assay::field::Quadratic<F>;
  const F a = F::from_u64(3), b = F::from_u64(0x9e3779b97f4a7c15).inverse();
  const E2 a2{a, b}, b2 = a2 * a2;
  benchmark::RegisterBenchmark(("fp_multiply_throughput/" + kernel).c_str(), multiply_throughput<Backend>);
  add("fp_multiply/" + kernel, a, b, [](const F& x, const F& y) { return x * y; });
  add("fp_add/" + kernel, a, b, [](const F& x, const F& y) { return x + y; });
  add("fp_subtract/" + kernel, a, b, [](const F& x, const F& y) { return x - y; });
  add("fp2_multiply/" + kernel, a2, b2, [](const E2& x, const E2& y) { return x * y; });
  add("fp2_square/" + kernel, a2, b2, [](const E2& x, const E2&) { return x.squared(); });
  add_fp12<assay::field::Dodecic<F>>(
      kernel, {a.limbs(), b.limbs(), b2.c0.limbs(), b2.c1.limbs(), a.limbs(), b.limbs()});
}

[[maybe_unused]] const bool added = [] {
  const auto has = [](std::string_view name) {
    const auto names = assay::available_kernels();
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  add_backend<assay::field::PortableBackend>("portable");
#if defined(__x86_64__)
  if (has("adx")) add_backend<assay::field::AdxBackend>("adx");
#endif
#if defined(ASSAY_HAS_IFMA)
  if (has("ifma"))
    add_fp12<assay::field::DodecicIfma>(
        "ifma", {FpParameters::kOne, FpParameters::kRSquared, FpParameters::kRCubed, FpParameters::kHalf,
                 FpParameters::kRCubed, FpParameters::kRSquared});
#endif
  return true;
}();

}  // namespace
