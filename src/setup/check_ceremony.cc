#include <fmt/format.h>

#include <algorithm>

#include "base/threads.h"
#include "setup/chain.h"

namespace assay::setup {
namespace {

using internal::Place;

Verdict rejected_at(std::string step, std::size_t contribution, std::string reason) {
  Verdict verdict = Verdict::rejected(std::move(step), std::move(reason));
  verdict.at_item(contribution);
  return verdict;
}

Verdict rejected_at(std::string step, std::size_t contribution, std::size_t axis, std::string reason) {
  return rejected_at(std::move(step), contribution, std::move(reason)).add_figure("axis", axis);
}

std::string place_of(std::size_t number, const Contribution& contribution) {
  return fmt::format("contribution {} ('{}')", number + 1, contribution.name);
}

/// s T_i' of a secret that is known.
Verdict check_beacon(const Place& place, std::span<const G2Affine> bases, const Contribution& contribution) {
  const std::vector<Fr> secrets = internal::secrets_of_beacon(place, contribution.name, *contribution.beacon);
  for (std::size_t i = 0; i < bases.size(); ++i)
    if (curve::multiply_vartime(bases[i], secrets[i]) != contribution.secrets[i])
      return rejected_at("beacon", place.number, i,
                         place_of(place.number, contribution) + " is not what its public value gives");
  return Verdict::accepted();
}

/// z_i T_i = R_i + c_i T_i' (Schnorr, "Efficient signature generation by smart cards", 1991).
bool knows_secret(const G2Affine& base, const G2Affine& point, const G2Affine& commitment,
                  const Fr& challenge, const Fr& response) {
  return curve::multiply_vartime(base, response) ==
         curve::add(commitment, curve::multiply_vartime(point, challenge));
}

Verdict check_points(std::size_t number, std::span<const G2Affine> bases, const Contribution& contribution) {
  for (std::size_t i = 0; i < bases.size(); ++i) {
    const bool zero = contribution.secrets[i].is_infinity();
    if (!zero && contribution.secrets[i] != bases[i]) continue;
    return rejected_at("contribution points", number, i,
                       fmt::format("{} multiplies by {}", place_of(number, contribution), zero ? 0 : 1));
  }
  return Verdict::accepted();
}

}  // namespace

Verdict check_ceremony(const Ceremony& ceremony) {
  const std::vector<Contribution>& all = ceremony.contributions;
  const std::size_t axes = ceremony.axes.count();
  for (std::size_t k = 1; k < all.size(); ++k)
    if (all[k - 1].beacon)
      return rejected_at("beacon order", k, place_of(k, all[k]) + " follows a beacon, which is the last");

  std::vector<std::vector<G2Affine>> bases = {
      std::vector<G2Affine>(axes, G2Affine::generator())};  // before each contribution
  for (std::size_t k = 0; k < all.size(); ++k) {
    Verdict points = check_points(k, bases[k], all[k]);
    if (!points.ok()) return points;
    bases.push_back(all[k].secrets);
  }

  const std::vector<Digest> digests = ceremony.digests();
  Progress progress("check contributions", all.size() * axes);
  std::vector<std::uint8_t> holds(all.size() * axes, 1);
  parallel_for(0, all.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      if (all[k].beacon) continue;
      const std::vector<Fr> c = internal::challenges({ceremony.axes, k, digests[k]}, all[k]);
      for (std::size_t i = 0; i < axes; ++i)
        holds[k * axes + i] =
            knows_secret(bases[k][i], all[k].secrets[i], all[k].commitments[i], c[i], all[k].responses[i])
                ? 1
                : 0;
      progress.advance(axes);
    }
  });
  if (const auto bad = std::ranges::find(holds, 0); bad != holds.end()) {
    const auto index = static_cast<std::size_t>(bad - holds.begin());
    return rejected_at("contribution proof", index / axes, index % axes,
                       place_of(index / axes, all[index / axes]) +
                           " does not show that its secret is known at this place of this ceremony");
  }
  if (!all.empty() && all.back().beacon) {
    const std::size_t k = all.size() - 1;
    Verdict beacon = check_beacon({ceremony.axes, k, digests[k]}, bases[k], all[k]);
    if (!beacon.ok()) return beacon;
  }
  Verdict verdict = Verdict::accepted();
  verdict.add_check("contribution proof", Grade::kBound);
  if (!all.empty() && all.back().beacon) verdict.add_check("beacon", Grade::kRecomputed);
  verdict.add_figure("contributions", std::uint64_t{ceremony.contributors()});
  return verdict;
}

Verdict check_contributors(const Ceremony& ceremony) {
  if (ceremony.contributors() > 0) return Verdict::accepted();
  return Verdict::rejected("contributors", "nobody has contributed: everybody knows the secrets");
}

}  // namespace assay::setup
