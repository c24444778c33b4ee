#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/threads.h"
#include "kzg/basis_check.h"
#include "kzg/srs_state.h"
#include "setup/small_multiples.h"

namespace assay::kzg {
namespace {

/// Seeds of `assay srs dev` that people take.
constexpr std::uint64_t kSeeds = 1024;

Verdict check_basis(const Srs& srs) {
  const std::span<const G1Affine> points = srs.basis();
  std::size_t bad = curve::find_invalid_point(points);
  std::string reason = "off the curve or not in canonical form";
  if (bad == points.size()) {
    bad = static_cast<std::size_t>(
        std::find_if(points.begin(), points.end(), [](const G1Affine& p) { return p.is_infinity(); }) -
        points.begin());
    reason = "at infinity: the secret is a node";
  }
  if (bad == points.size()) return Verdict::accepted();
  return Verdict::rejected("points", reason).add_figure("point", bad);
}

}  // namespace

Verdict check_key(const VerifierKey& key) {
  const Result<VerifierKey> again = VerifierKey::decode(key.encode(), "verifier key");
  if (!again) return Verdict::rejected("verifier key", again.error().to_string());
  const setup::internal::SmallMultiples small;
  if (const std::optional<std::int64_t> secret = small.find(key.powers[0]))
    return Verdict::rejected("verifier key", fmt::format("its secret is {}", *secret));
  if (key.origin == Origin::kDev) return Verdict::accepted();
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
    if (curve::multiply_vartime(G2Affine::generator(), internal::dev_secret(seed)) == key.powers[0])
      return Verdict::rejected(
          "verifier key", fmt::format("its secret is that of a dev SRS of seed {}, and the label says {}",
                                      seed, key.label()));
  return Verdict::accepted();
}

Verdict check_points_of(const Srs& srs, const VerifierKey& trusted, std::uint64_t first,
                        std::uint64_t count) {
  if (srs.size() != trusted.size() || first > srs.size() || count > srs.size() - first)
    return Verdict::rejected("size", fmt::format("points {} to {} of 2^{}, the trusted size is 2^{}", first,
                                                 first + count, srs.log_size(), trusted.log_size));
  // An Srs holds the digests that its own key names.
  if (srs.verifier_key().basis_digest != trusted.basis_digest)
    return Verdict::rejected("basis digests", "the SRS is not that of the verifier key");
  if (count == 0) return Verdict::accepted();
  const std::uint64_t chunk = std::min(srs.size(), Srs::kChunk);
  const std::uint64_t begin = first / chunk, end = (first + count - 1) / chunk + 1;
  const std::vector<Digest> found =
      internal::digests_of(srs.basis().subspan(begin * chunk, (end - begin) * chunk));
  for (std::uint64_t i = begin; i < end; ++i)
    if (found[i - begin] != srs.chunk_digests()[i])
      return Verdict::rejected("basis digests", "SHA-256 of the points is not what the SRS says")
          .add_figure("chunk", i);
  return Verdict::accepted();
}

Verdict verify_srs(const Srs& srs, const World& world) {
  Verdict verdict = check_key(srs.verifier_key());
  if (verdict.ok()) verdict = check_basis(srs);
  if (verdict.ok()) verdict = check_points_of(srs, srs.verifier_key(), 0, srs.size());
  if (!verdict.ok()) return verdict;
  Result<RandomWeights> random = RandomWeights::create(world);
  if (!random) return Verdict::inconclusive("random weights", random.error().to_string());
  Progress progress("verify SRS", srs.size());
  const Result<internal::BasisSums> sums =
      internal::sum_basis(RootDomain(srs.log_size()), *random,
                          [&](std::size_t first, std::size_t count) -> Result<std::span<const G1Affine>> {
                            progress.advance(count);
                            return srs.basis().subspan(first, count);
                          });
  return internal::check_sums(*sums, srs.verifier_key().powers);
}

}  // namespace assay::kzg
