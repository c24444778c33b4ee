#include <algorithm>
#include <array>

#include "assay/setup.h"
#include "base/random.h"
#include "base/threads.h"

namespace assay::setup {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 18;

/// sum_k rho_k points[k] and sum_k rho_k points[k + stride] for random rho_k of 128 bits, k from 0 to
/// points.size() - stride; a block at a time.
std::array<G1Affine, 2> shifted_sums(std::span<const G1Affine> points, std::size_t stride,
                                     ChaCha20Stream& random, Progress& progress) {
  std::array<G1Affine, 2> sums{};
  std::vector<Scalar> weights;
  const std::size_t count = points.size() - stride;
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t size = std::min(kBlock, count - first);
    weights.resize(size);
    for (Scalar& weight : weights) {
      const std::uint64_t low = random.next_u64();
      weight = {{low, random.next_u64(), 0, 0}};
    }
    for (std::size_t shifted = 0; shifted < 2; ++shifted) {
      const std::span<const G1Affine> block = points.subspan(first + shifted * stride, size);
      sums[shifted] = curve::add(sums[shifted], curve::msm_vartime(block, IntegerView(weights)));
    }
    progress.advance(size);
  }
  return sums;
}

/// e(sum_a rho_a P_(a + e_i), [1]_2) = e(sum_a rho_a P_a, [t_i]_2), over the powers of the axes i .. m-1.
bool has_power_relation(const Powers& powers, const G2Affine& secret, std::size_t axis,
                        ChaCha20Stream& random, Progress& progress) {
  const Axes& axes = powers.axes();
  if (axes[axis] == 1) return true;
  // Those without the axes before stand first.
  const std::span<const G1Affine> points = powers.points().first(axes.volume(axis));
  const std::array<G1Affine, 2> sums = shifted_sums(points, axes.volume(axis + 1), random, progress);
  const curve::PreparedG2 minus_one(curve::negate(G2Affine::generator()));
  const curve::PreparedG2 prepared(secret);
  const std::array<curve::PairingTerm, 2> terms{{{sums[1], &minus_one}, {sums[0], &prepared}}};
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

std::uint64_t steps_of(const Axes& axes) {
  std::uint64_t steps = axes.volume();
  for (std::size_t i = 0; i < axes.count(); ++i) steps += axes.volume(i) - axes.volume(i + 1);
  return steps;
}

}  // namespace

Verdict check_powers(const Powers& powers, const World& world) {
  const Axes& axes = powers.axes();
  Verdict verdict = check_ceremony(powers.ceremony());
  if (!verdict.ok()) return verdict;

  Progress progress("check powers", steps_of(axes));
  const std::size_t bad = curve::find_invalid_point(powers.points());
  if (bad != powers.points().size()) {
    Verdict off = Verdict::rejected("points", "off the curve or not in canonical form");
    off.add_figure("point", bad);
    return off;
  }
  progress.advance(axes.volume());
  if (powers.points().front() != G1Affine::generator())
    return Verdict::rejected("first power", "it is not the generator");

  Digest key;
  const Status drawn = world.fill_random(key);
  if (!drawn.ok()) return Verdict::inconclusive("random weights", drawn.error().to_string());
  ChaCha20Stream random(key);
  const std::vector<G2Affine> secrets = powers.ceremony().secrets();
  for (std::size_t axis = 0; axis < axes.count(); ++axis) {
    if (has_power_relation(powers, secrets[axis], axis, random, progress)) continue;
    Verdict bad_axis = Verdict::rejected(
        "power relation", "the points are not the powers of the secrets that the transcript ends with");
    bad_axis.add_figure("axis", axis);
    return bad_axis;
  }
  verdict.add_check("power relation", Grade::kBound);
  return verdict;
}

}  // namespace assay::setup
