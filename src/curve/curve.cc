#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

#include "assay/curve.h"
#include "base/check.h"
#include "base/threads.h"
#include "curve/kernel.h"
#include "curve/parameters.h"
#include "curve/windows.h"
#include "field/backend_portable.h"
#include "field/element.h"

namespace assay {
namespace {

using F = field::Element<field::FpParameters, field::PortableBackend>;

Fp from_integer(const field::Limbs& value) { return {F::from_integer(value).limbs()}; }
Fp negated(const Fp& a) { return {(-F(a.limbs)).limbs()}; }

}  // namespace

G1Affine G1Affine::generator() {
  return {from_integer(curve::Bn254::kGeneratorX), from_integer(curve::Bn254::kGeneratorY)};
}

G2Affine G2Affine::generator() {
  return {{from_integer(curve::kG2X0), from_integer(curve::kG2X1)},
          {from_integer(curve::kG2Y0), from_integer(curve::kG2Y1)}};
}

namespace curve {

const CurveKernel& active_curve_kernel() {
#if defined(__x86_64__)
  if (field::active_kernel_id() == KernelId::kAdx) return kAdxCurveKernel;
  if (field::active_kernel_id() == KernelId::kIfma) return kIfmaCurveKernel;
#endif
  return kPortableCurveKernel;
}

std::size_t find_invalid_point(std::span<const G1Affine> points) {
  constexpr std::size_t kGrain = 4096;
  std::atomic<std::size_t> first_bad = points.size();
  parallel_for(0, points.size(), kGrain, [&](std::size_t first, std::size_t last) {
    const std::size_t found =
        first + active_curve_kernel().find_invalid_point(points.subspan(first, last - first));
    if (found == last) return;
    std::size_t known = first_bad.load();
    while (found < known && !first_bad.compare_exchange_weak(known, found)) {
    }
  });
  return first_bad.load();
}

G1Affine add(const G1Affine& a, const G1Affine& b) { return active_curve_kernel().add_g1(a, b); }
G1Affine negate(const G1Affine& a) { return {a.x, negated(a.y)}; }
G1Affine multiply_vartime(const G1Affine& a, const Fr& k) { return active_curve_kernel().multiply_g1(a, k); }
G2Affine add(const G2Affine& a, const G2Affine& b) { return active_curve_kernel().add_g2(a, b); }
G2Affine negate(const G2Affine& a) { return {a.x, {negated(a.y.c0), negated(a.y.c1)}}; }
G2Affine multiply_vartime(const G2Affine& a, const Fr& k) { return active_curve_kernel().multiply_g2(a, k); }

G1Affine msm_vartime(std::span<const G1Affine> bases, IntegerView scalars) {
  return msm_of_runs_vartime({&bases, 1}, scalars);
}

G1Affine msm_of_runs_vartime(std::span<const std::span<const G1Affine>> runs, IntegerView scalars) {
  return active_curve_kernel().msm(runs, scalars);
}

G1Affine msm_vartime(std::span<const G1Affine> bases, std::span<const Fr> scalars) {
  std::vector<Scalar> integers(scalars.size());
  parallel_for(0, scalars.size(), 8192, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) integers[i] = scalars[i].to_scalar();
  });
  return msm_vartime(bases, IntegerView(integers));
}

void sum_axis(std::span<const G1Affine> points, std::size_t nodes, std::size_t inner,
              std::span<G1Affine> out) {
  ASSAY_CHECK_EQ(points.size(), out.size() * nodes);
  ASSAY_CHECK(inner > 0 && out.size() % inner == 0, out.size(), inner);
  active_curve_kernel().sum_axis(points, nodes, inner, out);
}

std::uint64_t planned_additions(std::size_t count, unsigned bits) {
  if (count == 0 || bits == 0) return 0;
  const Width width{bits, ~std::uint32_t{0}};
  const WindowPlan plan = plan_windows(count, width, worker_count(), kBucketCost);
  return plan.windows * std::uint64_t{count} +
         2 * plan.ranges * count_buckets(width, plan.window_bits, plan.windows);
}

void multiply_generator_vartime(std::span<const Fr> scalars, std::span<G1Affine> out) {
  active_curve_kernel().multiply_generator(scalars, out);
}

void add_all_vartime(std::span<G1Affine> sums, std::span<const G1Affine> addends) {
  active_curve_kernel().add_all(sums, addends, false);
}

void subtract_all_vartime(std::span<G1Affine> differences, std::span<const G1Affine> subtrahends) {
  active_curve_kernel().add_all(differences, subtrahends, true);
}

void double_all_vartime(std::span<G1Affine> points) { active_curve_kernel().double_all(points); }

void multiply_all_vartime(std::span<G1Affine> points, std::span<const Fr> scalars) {
  active_curve_kernel().multiply_all(points, scalars);
}

PreparedG2::PreparedG2(const G2Affine& point) : PreparedG2(active_curve_kernel().prepare(point)) {}

PreparedG2::PreparedG2(Lines lines) : lines_(std::make_shared<const Lines>(std::move(lines))) {}

std::vector<PreparedG2> PreparedG2::of_all(std::span<const G2Affine> points) {
  constexpr std::size_t kWorthAnInversionAStep = 6;
  std::vector<PreparedG2> out;
  out.reserve(points.size());
  if (points.size() < kWorthAnInversionAStep) {
    for (const G2Affine& point : points) out.emplace_back(point);
    return out;
  }
  for (Lines& lines : active_curve_kernel().prepare_together(points))
    out.push_back(PreparedG2(std::move(lines)));
  return out;
}

MillerOutput multi_miller_loop(std::span<const PairingTerm> terms) {
  return MillerOutput(active_curve_kernel().multi_miller_loop(terms));
}

Gt final_exponentiation(const MillerOutput& value) {
  return Gt(active_curve_kernel().final_exponentiation(value.coordinates()));
}

Gt pairing(const G1Affine& p, const G2Affine& q) {
  const PreparedG2 prepared(q);
  const std::array<PairingTerm, 1> term = {{{p, &prepared}}};
  return final_exponentiation(multi_miller_loop(term));
}

Gt Gt::one() {
  Fp12Coordinates one{};
  one[0] = {F::one().limbs()};
  return Gt(one);
}

}  // namespace curve
}  // namespace assay
