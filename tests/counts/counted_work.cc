// usage: counted_work KERNEL WORK
//
// Does one fixed piece of work on the curve. What is counted happens in assay_counted_work() alone: by
// callgrind, or, compiled with ASSAY_COUNT_PRODUCTS, by the lanes themselves, whose counts are printed.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "assay/curve.h"
#include "assay/field.h"
#include "curve/kernel.h"
#include "field/product_count.h"

namespace {

using namespace assay;

std::function<void()> work;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): seen by name

std::vector<G1Affine> points(std::size_t count) {
  std::vector<Fr> logs(count);
  Fr value = Fr::from_u64(3);
  for (Fr& each : logs) each = value = value * value + Fr::one();
  std::vector<G1Affine> out(count);
  curve::multiply_generator_vartime(logs, out);
  return out;
}

using Work = std::function<void()>;
using curve::CurveKernel;
using Runs = std::vector<std::span<const G1Affine>>;

Work sum_of_integers(const CurveKernel& kernel, std::size_t count, unsigned bits) {
  std::mt19937_64 rng(bits);
  std::vector<std::int64_t> values(count);
  for (std::int64_t& each : values) each = static_cast<std::int64_t>(rng()) >> (63 - bits);
  return [&kernel, bases = points(count), values] { static_cast<void>(kernel.msm(Runs{bases}, values)); };
}

Work sum_of_scalars(const CurveKernel& kernel, std::size_t count) {
  std::vector<Scalar> values(count);
  Fr value = Fr::from_u64(5);
  for (Scalar& each : values) each = (value = value * value + Fr::one()).to_scalar();
  return [&kernel, bases = points(count), values] { static_cast<void>(kernel.msm(Runs{bases}, values)); };
}

Work pairing(const CurveKernel& kernel) {
  const curve::PreparedG2 prepared(G2Affine::generator());
  return [&kernel, prepared, p = points(1)[0]] {
    const std::vector<curve::PairingTerm> terms = {{p, &prepared}};
    static_cast<void>(kernel.final_exponentiation(kernel.multi_miller_loop(terms)));
  };
}

Work decompression(const CurveKernel& kernel, std::size_t count) {
  std::vector<Fp> x;
  for (const G1Affine& point : points(count)) x.push_back(point.x);
  return [&kernel, x, y = std::vector<Fp>(count)]() mutable { static_cast<void>(kernel.solve_g1(x, y)); };
}

Work multiples(const CurveKernel& kernel, std::size_t count) {
  std::vector<Fr> scalars(count);
  for (std::size_t i = 0; i < count; ++i) scalars[i] = Fr::from_u64(i + 2).inverse();
  return [&kernel, scalars, out = std::vector<G1Affine>(count)]() mutable {
    kernel.multiply_generator(scalars, out);
  };
}

using MakeWork = std::function<Work(const CurveKernel&)>;
const std::map<std::string, MakeWork>& works() {
  static const std::map<std::string, MakeWork> all = {
      {"msm 4096 x 16 bits", [](const CurveKernel& kernel) { return sum_of_integers(kernel, 4096, 15); }},
      {"msm 4096 x 40 bits", [](const CurveKernel& kernel) { return sum_of_integers(kernel, 4096, 40); }},
      {"msm 2048 x 254 bits", [](const CurveKernel& kernel) { return sum_of_scalars(kernel, 2048); }},
      {"1024 multiples of the generator", [](const CurveKernel& kernel) { return multiples(kernel, 1024); }},
      {"256 square roots", [](const CurveKernel& kernel) { return decompression(kernel, 256); }},
      {"pairing", [](const CurveKernel& kernel) { return pairing(kernel); }},
  };
  return all;
}

/// Null for one that does not run here. Valgrind runs adx on any processor, though it says that it does not.
const CurveKernel* find_kernel(const std::string& name) {
  if (name == "portable") return &curve::kPortableCurveKernel;
#if defined(__x86_64__)
  if (name == "adx") return &curve::kAdxCurveKernel;
  const std::vector<std::string_view> available = available_kernels();
  if (name == "ifma" && std::ranges::find(available, name) != available.end())
    return &curve::kIfmaCurveKernel;
#endif
  return nullptr;
}

}  // namespace

extern "C" [[gnu::noinline]] void assay_counted_work() { work(); }

int main(int argc, char** argv) {
  if (argc == 1) {
    for (const auto& [name, make] : works()) std::printf("%s\n", name.c_str());
    return 0;
  }
  if (argc != 3 || !works().contains(argv[2])) {
    std::fprintf(stderr, "usage: counted_work KERNEL WORK, where WORK is what counted_work alone lists\n");
    return 2;
  }
  const CurveKernel* const kernel = find_kernel(argv[1]);
  if (kernel == nullptr) return 77;
  set_thread_limit(1);
  work = works().at(argv[2])(*kernel);
  work();  // tables and working memory that outlive a call
#ifdef ASSAY_COUNT_PRODUCTS
  field::vector_products = 0;
  assay_counted_work();
  std::printf("%llu\n", static_cast<unsigned long long>(field::vector_products));
#else
  assay_counted_work();
#endif
  return 0;
}
