// Operations of the field and its tower per backend, in dependent chains; field products in independent ones
// too.
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "assay/field.h"
#include "field/backend_adx.h"
#include "field/backend_portable.h"
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

template <class Backend>
void register_all(const std::string& backend) {
  using F = Element<FpParameters, Backend>;
  using E2 = assay::field::Quadratic<F>;
  using E12 = assay::field::Dodecic<F>;
  const F a = F::from_u64(3), b = F::from_u64(0x9e3779b97f4a7c15).inverse();
  const E2 a2{a, b}, b2 = a2 * a2;
  const E12 a12{{a2, b2, a2}, {b2, b2, a2}}, b12 = a12 * a12;
  const auto add = [&](const std::string& name, const auto& x, const auto& y, auto step) {
    benchmark::RegisterBenchmark((name + "/" + backend).c_str(),
                                 [=](benchmark::State& state) { chain(state, x, y, step); });
  };
  benchmark::RegisterBenchmark(("fp_multiply_throughput/" + backend).c_str(), multiply_throughput<Backend>);
  add("fp_multiply", a, b, [](const F& x, const F& y) { return x * y; });
  add("fp_add", a, b, [](const F& x, const F& y) { return x + y; });
  add("fp_subtract", a, b, [](const F& x, const F& y) { return x - y; });
  add("fp2_multiply", a2, b2, [](const E2& x, const E2& y) { return x * y; });
  add("fp2_square", a2, b2, [](const E2& x, const E2&) { return x.squared(); });
  add("fp12_multiply", a12, b12, [](const E12& x, const E12& y) { return x * y; });
  add("fp12_square", a12, b12, [](const E12& x, const E12&) { return x.squared(); });
  add("fp12_times_line", a12, b12, [](const E12& x, const E12& y) { return x.times_line(y.c0.c0, y.c0.c1); });
  add("fp12_cyclotomic_square", a12, b12, [](const E12& x, const E12&) { return x.cyclotomic_squared(); });
  add("fp12_inverse", a12, b12, [](const E12& x, const E12&) { return x.inverse(); });
}

[[maybe_unused]] const bool registered = [] {
  register_all<assay::field::PortableBackend>("portable");
#if defined(__x86_64__)
  register_all<assay::field::AdxBackend>("adx");
#endif
  return true;
}();

}  // namespace
