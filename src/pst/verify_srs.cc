#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "assay/pst_original.h"
#include "base/check.h"
#include "base/threads.h"
#include "integers/random_weights.h"
#include "pst/lagrange.h"
#include "pst/secret_powers.h"
#include "pst/srs_points.h"
#include "pst/srs_state.h"
#include "setup/small_multiples.h"

namespace assay::pst {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 18;

Verdict rejected_at(std::string step, std::string_view what, std::size_t index, std::string reason) {
  Verdict verdict = Verdict::rejected(std::move(step), std::move(reason));
  verdict.add_figure(std::string(what), index);
  return verdict;
}

/// The seed of `assay srs dev` that gives the first secret; none of the first that people take.
std::optional<std::uint64_t> dev_seed_of(const VerifierKey& key) {
  constexpr std::uint64_t kSeeds = 1024;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
    if (curve::multiply_vartime(G2Affine::generator(), internal::dev_secret(seed, 0)) == key.secrets[0])
      return seed;
  return {};
}

Verdict check_points(const Srs& srs, Progress& progress) {
  for (std::size_t level = 0; level < srs.axes().count(); ++level) {
    const std::span<const G1Affine> points = srs.level(level);
    std::size_t bad = curve::find_invalid_point(points);
    std::string reason = "off the curve or not in canonical form";
    if (bad == points.size()) {
      bad = static_cast<std::size_t>(
          std::find_if(points.begin(), points.end(), [](const G1Affine& p) { return p.is_infinity(); }) -
          points.begin());
      reason = "at infinity: a secret is a grid node";
    }
    if (bad != points.size()) return rejected_at("points", "level", level, reason).add_figure("point", bad);
    progress.advance(points.size());
  }
  return Verdict::accepted();
}

Verdict check_digests(const Srs& srs, const VerifierKey& key, std::size_t first, std::size_t last) {
  for (std::size_t level = first; level < last; ++level)
    if (sha256(raw_bytes(srs.level(level))) != key.level_digests[level])
      return rejected_at("level digests", "level", level,
                         "SHA-256 of the points is not what the verifier part says");
  return Verdict::accepted();
}

/// sum_k s_k points[k] for several rows of scalars at once, which `next` makes one after the other in the
/// order of the points; a block at a time, so that they are never all in memory.
template <std::size_t kSums>
std::array<G1Affine, kSums> blocked_sums(std::span<const G1Affine> points,
                                         const std::function<std::array<Scalar, kSums>()>& next) {
  std::array<G1Affine, kSums> sums{};
  std::array<std::vector<Scalar>, kSums> scalars;
  for (std::size_t first = 0; first < points.size(); first += kBlock) {
    const std::size_t count = std::min(kBlock, points.size() - first);
    for (std::vector<Scalar>& row : scalars) row.resize(count);
    for (std::size_t k = 0; k < count; ++k) {
      const std::array<Scalar, kSums> column = next();
      for (std::size_t s = 0; s < kSums; ++s) scalars[s][k] = column[s];
    }
    for (std::size_t s = 0; s < kSums; ++s)
      sums[s] =
          curve::add(sums[s], curve::msm_vartime(points.subspan(first, count), IntegerView(scalars[s])));
  }
  return sums;
}

/// Level `level` is level - 1 summed over its first axis: both weighted by the same random row.
bool is_sum(const Srs& srs, std::size_t level, RandomWeights& random) {
  const std::span<const G1Affine> points = srs.level(level);
  std::vector<Scalar> weights(points.size());
  for (Scalar& weight : weights) weight = random.next();
  std::size_t k = 0;
  const auto repeat = [&]() -> std::array<Scalar, 1> {
    const Scalar weight = weights[k];
    k = k + 1 == weights.size() ? 0 : k + 1;
    return {weight};
  };
  return blocked_sums<1>(srs.level(level - 1), repeat)[0] == curve::msm_vartime(points, IntegerView(weights));
}

/// a * b, a below 2^128, b below 2^32.
Scalar small_multiple(const Scalar& a, std::uint64_t b) {
  using Wide = unsigned __int128;
  const Wide low = Wide{a.words[0]} * b;
  const Wide high = Wide{a.words[1]} * b + static_cast<std::uint64_t>(low >> 64);
  return {{static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high),
           static_cast<std::uint64_t>(high >> 64), 0}};
}

/// The values f(j) and j_0 f(j), in C order, of a random f over the axes of a level with degree below n - 1
/// in the first, whose n nodes make rows of `width`: random on n - 1 rows, extrapolated on the last.
class LowDegreeFunction {
 public:
  LowDegreeFunction(std::uint32_t nodes, std::size_t width, RandomWeights& random)
      : nodes_(nodes),
        width_(width),
        random_(random),
        weights_(internal::barycentric_weights(nodes)),
        last_row_(width) {
    // sum_j w_j f(j) = 0.
    const Fr factor = -weights_.back().inverse();
    for (Fr& weight : weights_) weight *= factor;
  }

  std::array<Scalar, 2> next() {
    const std::array<Scalar, 2> values = node_ + 1 == nodes_ ? extrapolated() : drawn();
    if (++column_ == width_) {
      column_ = 0;
      ++node_;
    }
    return values;
  }

 private:
  std::array<Scalar, 2> drawn() {
    const Scalar value = random_.next();
    last_row_[column_] += weights_[node_] * Fr::from_scalar(value);
    return {value, small_multiple(value, node_)};
  }
  std::array<Scalar, 2> extrapolated() const {
    const Fr& value = last_row_[column_];
    return {value.to_scalar(), (Fr::from_u64(node_) * value).to_scalar()};
  }

  std::uint32_t nodes_;
  std::size_t width_;
  RandomWeights& random_;
  std::vector<Fr> weights_;
  std::vector<Fr> last_row_;
  std::uint32_t node_ = 0;
  std::size_t column_ = 0;
};

/// e(sum_j j_i f(j) L_j, [1]_2) = e(sum_j f(j) L_j, [t_i]_2) over level i.
bool has_degree_relation(const Srs& srs, std::size_t axis, RandomWeights& random) {
  const std::uint32_t nodes = srs.axes()[axis];
  if (nodes == 1) return true;  // f = 0
  const std::span<const G1Affine> points = srs.level(axis);
  LowDegreeFunction f(nodes, points.size() / nodes, random);
  const std::array<G1Affine, 2> sums = blocked_sums<2>(points, [&] { return f.next(); });
  const curve::PreparedG2 minus_one(curve::negate(G2Affine::generator()));
  const curve::PreparedG2 secret(srs.verifier_key().secrets[axis]);
  const std::array<curve::PairingTerm, 2> terms{{{sums[1], &minus_one}, {sums[0], &secret}}};
  return curve::final_exponentiation(curve::multi_miller_loop(terms)).is_one();
}

}  // namespace

Verdict check_key(const VerifierKey& key) {
  const Result<VerifierKey> again = VerifierKey::decode(key.encode(), "verifier key");
  if (!again) return Verdict::rejected("verifier key", again.error().to_string());
  const setup::internal::SmallMultiples small;
  for (std::size_t i = 0; i < key.secrets.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      if (key.secrets[i].x == key.secrets[j].x)
        return rejected_at("verifier key", "axis", i,
                           fmt::format("its secret is {} of axis {}",
                                       key.secrets[i] == key.secrets[j] ? "that" : "minus that", j));
    if (const std::optional<std::int64_t> secret = small.find(key.secrets[i]))
      return rejected_at("verifier key", "axis", i, fmt::format("its secret is {}", *secret));
  }
  if (key.trust == Trust::kDev) return Verdict::accepted();
  if (const std::optional<std::uint64_t> seed = dev_seed_of(key))
    return rejected_at("verifier key", "axis", 0,
                       fmt::format("its secret is that of a dev SRS of seed {}, and the label says {}", *seed,
                                   to_string(key.trust)));
  if (has_original_secret(key))
    return Verdict::rejected(
        "verifier key",
        fmt::format("a secret is that of the original pipeline's fixed setup, and the label says {}",
                    to_string(key.trust)));
  return Verdict::accepted();
}

Verdict check_level(const Srs& srs, const VerifierKey& trusted, std::size_t level) {
  if (srs.axes() != trusted.axes || level > srs.axes().count())
    return Verdict::rejected("axes", fmt::format("level {} of {} asked for, the trusted axes are {}", level,
                                                 srs.axes().to_string(), trusted.axes.to_string()));
  if (level == srs.axes().count()) return Verdict::accepted();
  if (const Status there = srs.require_level(level); !there)
    return Verdict::inconclusive("levels", there.error().to_string());
  return check_digests(srs, trusted, level, level + 1);
}

Verdict verify_srs(const Srs& srs, const World& world) {
  const std::size_t count = srs.axes().count();
  if (const Status whole = srs.require_level(0); !whole)
    return Verdict::inconclusive("levels", whole.error().to_string());
  // Points are read for their own sake, for their sums and for their degree.
  Progress progress("verify SRS", 3 * internal::total_points(srs.axes()));
  Verdict verdict = check_key(srs.verifier_key());
  if (verdict.ok()) verdict = check_points(srs, progress);
  if (verdict.ok()) verdict = check_digests(srs, srs.verifier_key(), 0, count);
  if (!verdict.ok()) return verdict;

  Result<RandomWeights> random = RandomWeights::create(world);
  if (!random) return Verdict::inconclusive("random weights", random.error().to_string());
  for (std::size_t level = 1; level < count; ++level) {
    if (!is_sum(srs, level, *random))
      return rejected_at("level sums", "level", level,
                         "it is not the sum of the level before over its first axis");
    progress.advance(srs.level(level - 1).size());
  }
  const std::span<const G1Affine> last = srs.level(count - 1);
  const std::vector<std::int8_t> ones(last.size(), 1);
  if (curve::msm_vartime(last, IntegerView(ones)) != G1Affine::generator())
    return Verdict::rejected("generator sum", "the points do not sum to the generator");
  progress.advance(last.size());
  for (std::size_t axis = 0; axis < count; ++axis) {
    if (!has_degree_relation(srs, axis, *random))
      return rejected_at("degree relation", "axis", axis,
                         "its points are not the Lagrange basis at the secret of the verifier part");
    progress.advance(srs.level(axis).size());
  }
  if (const std::optional<internal::PowerOf> power = internal::find_power(srs))
    return rejected_at(
        "independent secrets", "axis", power->of,
        fmt::format("its secret is power {} of that of axis {}", power->exponent, power->base));
  verdict = Verdict::accepted();
  if (has_original_secret(srs.verifier_key()))
    verdict.add_note("secrets known to all: they are those of the original pipeline's fixed setup");
  return verdict;
}

}  // namespace assay::pst
