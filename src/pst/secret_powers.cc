#include "pst/secret_powers.h"

#include <algorithm>
#include <array>

namespace assay::pst::internal {
namespace {

/// [l_k(t_i)]_1 for the nodes k of one axis: its level summed over all axes behind it.
std::vector<G1Affine> basis_of_axis(const Srs& srs, std::size_t axis) {
  const std::span<const G1Affine> points = srs.level(axis);
  const std::size_t nodes = srs.axes()[axis], width = points.size() / nodes;
  const std::vector<std::int8_t> ones(width, 1);
  std::vector<G1Affine> out;
  for (std::size_t k = 0; k < nodes; ++k)
    out.push_back(curve::msm_vartime(points.subspan(k * width, width), IntegerView(ones)));
  return out;
}

/// The powers [t_i^e]_1, one after the other: t^e = sum_k k^e l_k(t) for e below the number of nodes.
class AxisPowers {
 public:
  explicit AxisPowers(std::vector<G1Affine> basis) : basis_(std::move(basis)) {
    for (std::uint64_t k = 0; k < basis_.size(); ++k) nodes_.push_back(Fr::from_u64(k));
    scalars_ = nodes_;
  }
  /// [t_i]_1 first.
  G1Affine next() {
    const G1Affine power = curve::msm_vartime(basis_, scalars_);
    for (std::size_t k = 0; k < nodes_.size(); ++k) scalars_[k] *= nodes_[k];
    return power;
  }

 private:
  std::vector<G1Affine> basis_;
  std::vector<Fr> nodes_, scalars_;
};

/// e(power, [t_base]_2) = e(G, [t_of]_2): the one power more that the points do not reach.
bool is_next_power(const VerifierKey& key, const G1Affine& power, std::size_t base, std::size_t of) {
  const curve::PreparedG2 left(key.secrets[base]), right(key.secrets[of]);
  const std::array<curve::PairingTerm, 2> terms{
      {{power, &left}, {curve::negate(G1Affine::generator()), &right}}};
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

}  // namespace

std::uint32_t largest_exponent(std::uint32_t nodes) {
  constexpr std::uint32_t kAll = 1024, kLeast = 4;
  if (nodes <= kAll) return nodes;
  return std::max(kLeast, static_cast<std::uint32_t>((std::uint64_t{1} << 20) / nodes));
}

std::optional<PowerOf> find_power(const Srs& srs) {
  const Axes& axes = srs.axes();
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < axes.count(); ++i)
    if (axes[i] > 1) used.push_back(i);
  if (used.size() < 2) return std::nullopt;

  std::vector<AxisPowers> powers;
  std::vector<G1Affine> secrets;
  for (const std::size_t axis : used) {
    powers.emplace_back(basis_of_axis(srs, axis));
    secrets.push_back(powers.back().next());
  }
  for (std::size_t b = 0; b < used.size(); ++b) {
    const std::uint32_t nodes = axes[used[b]], largest = largest_exponent(nodes);
    G1Affine power = secrets[b];
    for (std::uint32_t e = 2; e <= largest; ++e) {
      if (e < nodes) power = powers[b].next();
      for (std::size_t j = 0; j < used.size(); ++j) {
        if (j == b) continue;
        const bool found =
            e < nodes ? power == secrets[j] : is_next_power(srs.verifier_key(), power, used[b], used[j]);
        if (found) return PowerOf{used[j], used[b], e};
      }
    }
  }
  return std::nullopt;
}

}  // namespace assay::pst::internal
