#include <gtest/gtest.h>

#include "base/file.h"
#include "pst/secret_powers.h"
#include "pst/srs_file.h"
#include "pst/srs_state.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;

/// An SRS whose parts can be changed one by one.
struct Parts {
  VerifierKey key;
  std::vector<std::vector<G1Affine>> levels;

  explicit Parts(const Srs& srs) : key(srs.verifier_key()), levels(test::points_of(srs)) {}

  /// As somebody who tampers would: with digests that fit the points.
  [[nodiscard]] Verdict verdict() const {
    Parts fresh = *this;
    for (std::size_t i = 0; i < levels.size(); ++i) fresh.key.level_digests[i] = sha256(raw_bytes(levels[i]));
    return fresh.verdict_with_stale_digests();
  }
  [[nodiscard]] Verdict verdict_with_stale_digests() const {
    std::vector<LargeArray<G1Affine>> points;
    for (const auto& level : levels) {
      points.emplace_back(level.size());
      std::copy(level.begin(), level.end(), points.back().data());
    }
    return verify_srs(SrsAccess::from_points(key, std::move(points)));
  }
};

class VerifySrs : public ::testing::Test {
 protected:
  static void scale(std::vector<G1Affine>& points, const Fr& factor) {
    for (G1Affine& point : points) point = curve::multiply_vartime(point, factor);
  }
  /// The levels above 0 become the sums that level 0 demands.
  static void resum(Parts& parts) {
    for (std::size_t level = 1; level < parts.levels.size(); ++level) {
      std::vector<G1Affine>& points = parts.levels[level];
      std::fill(points.begin(), points.end(), G1Affine::infinity());
      for (std::size_t k = 0; k < parts.levels[level - 1].size(); ++k)
        points[k % points.size()] = curve::add(points[k % points.size()], parts.levels[level - 1][k]);
    }
  }
  static std::string figure(const Verdict& verdict, std::string_view name) {
    const Figure* found = verdict.figure(name);
    return found == nullptr ? "none" : found->to_string();
  }

  test::Random random_{1};
  Axes axes_ = axes_of({3, 4, 2});
  Srs srs_ = Srs::dev(axes_, 1).value();
  Parts parts_{srs_};
};

TEST_F(VerifySrs, AcceptsHonestOnesOfAllShapes) {
  for (const auto& sizes : std::vector<std::vector<std::uint64_t>>{
           {1}, {2}, {1, 1}, {5, 1, 3}, {1, 40}, {64, 3}, {2, 2, 2, 2, 2, 2}, {17, 17}, {1000}, {300, 9}})
    EXPECT_TRUE(verify_srs(Srs::dev(axes_of(sizes), 3).value()).ok()) << axes_of(sizes).to_string();
}

TEST_F(VerifySrs, AcceptsAnSrsFromAFile) {
  const test::TemporaryDirectory directory;
  ASSERT_TRUE(Srs::write_dev(axes_of({70, 9}), 9, directory.file("x.srs")).ok());
  EXPECT_TRUE(verify_srs(Srs::open(directory.file("x.srs")).value()).ok());
}

// A verifier without randomness does not guess.
TEST_F(VerifySrs, WithoutRandomness) {
  World world = World::system();
  world.fill_random = [](std::span<std::uint8_t>) -> Status {
    return Error{ErrorCode::kIo, "random", "none"};
  };
  const Verdict verdict = verify_srs(srs_, world);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "random weights");
}

TEST_F(VerifySrs, OnePointReplacedAtAnyLevel) {
  for (std::size_t level = 0; level < 3; ++level) {
    for (const std::size_t k : {std::size_t{0}, parts_.levels[level].size() - 1}) {
      Parts bad = parts_;
      bad.levels[level][k] = curve::add(bad.levels[level][k], G1Affine::generator());
      EXPECT_EQ(bad.verdict().step(), "level sums") << level;
      EXPECT_EQ(bad.verdict_with_stale_digests().step(), "level digests");
      EXPECT_EQ(figure(bad.verdict_with_stale_digests(), "level"), std::to_string(level));
    }
  }
}

TEST_F(VerifySrs, PointsOffTheCurveOrAtInfinity) {
  Parts bad = parts_;
  bad.levels[1][3].y.limbs[0] ^= 1;
  EXPECT_EQ(bad.verdict().step(), "points");
  EXPECT_EQ(figure(bad.verdict(), "level"), "1");
  EXPECT_EQ(figure(bad.verdict(), "point"), "3");
  bad.levels[1][3] = G1Affine::infinity();
  EXPECT_EQ(bad.verdict().step(), "points");
  EXPECT_EQ(figure(bad.verdict(), "point"), "3");
  bad = parts_;
  bad.levels[0][7].x.limbs = {~0ull, ~0ull, ~0ull, ~0ull};  // not below p
  EXPECT_EQ(bad.verdict().step(), "points");
}

// A secret that is a node makes points at infinity, and anybody can guess it.
TEST_F(VerifySrs, ASecretOnTheGrid) {
  std::vector<Fr> secrets = random_.fields(3);
  secrets[1] = Fr::from_u64(2);
  const Srs srs = Srs::from_secrets(axes_, secrets).value();
  EXPECT_EQ(verify_srs(srs).step(), "verifier key");
  // It is a usable basis all the same: the formulas do not divide by t - k.
  const std::vector<Scalar> values = random_.integers(24, 16);
  EXPECT_EQ(commit(srs, values).value(),
            test::times_generator(test::evaluate_lagrange(axes_, values, secrets)));
  secrets[1] = Fr::zero();
  EXPECT_EQ(verify_srs(Srs::from_secrets(axes_, secrets).value()).step(), "verifier key");
}

// What `assay srs dev` makes is known to all, whatever the label says.
TEST_F(VerifySrs, ADevSrsThatIsSaidToBeOfACeremony) {
  const auto labelled = [&](std::uint64_t seed, Trust trust) {
    Parts parts(Srs::dev(axes_, seed).value());
    parts.key.trust = trust;
    parts.key.contributors = trust == Trust::kDev ? 0 : 1;
    return parts.verdict();
  };
  for (const std::uint64_t seed : {0, 7, 1023}) {
    EXPECT_TRUE(labelled(seed, Trust::kDev).ok()) << seed;
    const Verdict verdict = labelled(seed, Trust::kCeremony);
    EXPECT_EQ(verdict.step(), "verifier key") << seed;
    EXPECT_EQ(verdict.reason(), "its secret is that of a dev SRS of seed " + std::to_string(seed) +
                                    ", and the label says ceremony");
    EXPECT_EQ(figure(verdict, "axis"), "0");
  }
  // Not among the seeds that are tried.
  EXPECT_TRUE(labelled(1024, Trust::kCeremony).ok());
}

TEST_F(VerifySrs, SwappedPointsAndLevels) {
  Parts bad = parts_;
  std::swap(bad.levels[0][0], bad.levels[0][1]);
  EXPECT_EQ(bad.verdict().step(), "level sums");
  bad = parts_;
  std::copy(parts_.levels[0].begin(), parts_.levels[0].begin() + 8, bad.levels[1].begin());
  EXPECT_EQ(bad.verdict().step(), "level sums");
  EXPECT_EQ(figure(bad.verdict(), "level"), "1");
  bad = parts_;
  std::swap(bad.key.level_digests[0], bad.key.level_digests[2]);
  EXPECT_EQ(bad.verdict_with_stale_digests().step(), "level digests");
  bad = parts_;
  std::reverse(bad.levels[2].begin(), bad.levels[2].end());
  EXPECT_EQ(bad.verdict().step(), "level sums");
  EXPECT_EQ(figure(bad.verdict(), "level"), "2");
}

TEST_F(VerifySrs, ConsistentSumsOfAPermutedBasis) {
  // Nodes of each axis in turn exchanged throughout: sums hold, the degree does not.
  for (std::size_t axis = 0; axis < 3; ++axis) {
    Parts bad = parts_;
    const std::size_t width = axes_.volume(axis + 1);
    for (std::size_t start = 0; start < bad.levels[0].size(); start += width * axes_[axis])
      std::swap_ranges(bad.levels[0].begin() + start, bad.levels[0].begin() + start + width,
                       bad.levels[0].begin() + start + width);
    resum(bad);
    const Verdict verdict = bad.verdict();
    EXPECT_EQ(verdict.step(), "degree relation");
    EXPECT_EQ(figure(verdict, "axis"), std::to_string(axis));
  }
}

TEST_F(VerifySrs, AnotherSecretInTheVerifierPart) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    Parts bad = parts_;
    bad.key.secrets[axis] = curve::add(bad.key.secrets[axis], G2Affine::generator());
    EXPECT_EQ(bad.verdict().step(), "degree relation");
    EXPECT_EQ(figure(bad.verdict(), "axis"), std::to_string(axis));
  }
  Parts bad = parts_;
  std::swap(bad.key.secrets[0], bad.key.secrets[1]);
  EXPECT_EQ(bad.verdict().step(), "degree relation");
}

TEST_F(VerifySrs, SecretsThatAreEqualOrInvalid) {
  Parts bad = parts_;
  bad.key.secrets[2] = bad.key.secrets[0];
  EXPECT_EQ(bad.verdict().step(), "verifier key");
  EXPECT_EQ(figure(bad.verdict(), "axis"), "2");
  bad.key.secrets[2] = G2Affine::infinity();
  EXPECT_EQ(bad.verdict().step(), "verifier key");
  bad.key.secrets[2] = parts_.key.secrets[2];
  bad.key.secrets[2].x.c0.limbs[0] ^= 1;
  EXPECT_EQ(bad.verdict().step(), "verifier key");
}

TEST_F(VerifySrs, SecretsThatAreEqualOnAnyTwoAxes) {
  for (const auto& [earlier, later] : {std::pair(0, 1), {0, 2}, {1, 2}}) {
    Parts bad = parts_;
    bad.key.secrets[later] = bad.key.secrets[earlier];
    EXPECT_EQ(bad.verdict().step(), "verifier key") << earlier << " and " << later;
    EXPECT_EQ(bad.verdict().reason(), "its secret is that of axis " + std::to_string(earlier));
    EXPECT_EQ(figure(bad.verdict(), "axis"), std::to_string(later));
  }
}

// Sums are taken in blocks of 2^18 points.
TEST_F(VerifySrs, LevelsOfMoreThanOneBlock) {
  const Parts good(Srs::dev(axes_of({2, 131'073}), 3).value());
  ASSERT_GT(good.levels[0].size(), std::size_t{1} << 18);
  EXPECT_TRUE(good.verdict().ok());
  for (const std::size_t k : {std::size_t{0}, good.levels[0].size() - 1}) {
    Parts bad = good;
    bad.levels[0][k] = curve::add(bad.levels[0][k], G1Affine::generator());
    EXPECT_EQ(bad.verdict().step(), "level sums") << k;
  }
}

// Such an SRS is well formed in all else, and anybody finds its secrets by trying.
TEST_F(VerifySrs, SecretsThatCanBeGuessed) {
  const Axes axes = axes_of({3, 2});
  const Fr other = random_.field();
  const auto verdict_on = [&](const Fr& first, const Fr& second) {
    return verify_srs(Srs::from_secrets(axes, std::vector<Fr>{first, second}).value());
  };
  constexpr std::int64_t kLargest = std::int64_t{1} << 20;
  for (const std::int64_t secret : {1L, -1L, 5L, -7L, 1024L, -1024L, 1025L, 2049L, -2049L, 3073L, 3074L,
                                    123456L, -654321L, kLargest, -kLargest}) {
    const Verdict verdict = verdict_on(other, Fr::from_i64(secret));
    EXPECT_EQ(verdict.step(), "verifier key") << secret;
    EXPECT_EQ(verdict.reason(), "its secret is " + std::to_string(secret));
    EXPECT_EQ(figure(verdict, "axis"), "1");
  }
  for (const std::int64_t secret : {kLargest + 1, -kLargest - 1, kLargest * 3})
    EXPECT_TRUE(verdict_on(Fr::from_i64(secret), other).ok()) << secret;

  EXPECT_EQ(verdict_on(other, -other).reason(), "its secret is minus that of axis 0");
  EXPECT_EQ(verdict_on(other, other).reason(), "its secret is that of axis 0");
  // Relations with a factor or a summand nobody looks for.
  EXPECT_TRUE(verdict_on(other, Fr::from_u64(5) * other * other).ok());
}

// With t_j = t_i^e, h(x) = (x^e - z_i^e) / (x - z_i) has degree e - 1 < n_i, and
// (t_j - z_j) - h(t_i) (t_i - z_i) is the constant z_i^e - z_j. A multiple of both quotients then opens any
// commitment to any value at a general point, and all of it is public.
TEST_F(VerifySrs, SecretsThatArePowersOfOneAnother) {
  const Axes axes = axes_of({4, 2, 3});
  const Fr t = random_.field();
  for (unsigned exponent = 2; exponent <= 4; ++exponent) {
    const std::vector<Fr> secrets = {t, random_.field(), test::power(t, exponent)};
    const Srs srs = Srs::from_secrets(axes, secrets).value();

    // The forger has the SRS, a commitment by somebody else and a point, and wants another value there.
    const std::vector<Scalar> values = random_.integers(axes.volume(), 20);
    const G1Affine commitment = commit(srs, values).value();
    const std::vector<Fr> z = random_.fields(3);
    Statement forged{commitment, z, open_at(srs, values, z).value()};
    ASSERT_TRUE(Verifier(srs.verifier_key()).check(forged).ok());
    const Fr more = Fr::from_u64(1000);
    forged.opening.value += more;
    EXPECT_FALSE(Verifier(srs.verifier_key()).check(forged).ok());

    // [h(t)]_1 = sum_a z^(e-1-a) [t^a]_1, from the points of level 0.
    std::vector<Fr> h(axes.volume());
    for (std::uint64_t k = 0; k < h.size(); ++k) {
      const Fr node = Fr::from_u64(axes.coordinates_of(k)[0]);
      for (unsigned a = 0; a < exponent; ++a)
        h[k] += test::power(z[0], exponent - 1 - a) * test::power(node, a);
    }
    const G1Affine h_at_t = curve::msm_vartime(srs.level(0), h);
    const Fr factor = more * (test::power(z[0], exponent) - z[2]).inverse();
    // sum_i (t_i - z_i) pi_i must lose `more`.
    std::vector<G1Affine>& pi = forged.opening.quotients;
    pi[0] = curve::add(pi[0], curve::multiply_vartime(h_at_t, factor));
    pi[2] = curve::add(pi[2], test::times_generator(-factor));
    EXPECT_TRUE(Verifier(srs.verifier_key()).check(forged).ok()) << exponent;

    const Verdict verdict = verify_srs(srs);
    EXPECT_EQ(verdict.step(), "independent secrets") << exponent;
    EXPECT_EQ(verdict.reason(), "its secret is power " + std::to_string(exponent) + " of that of axis 0");
    EXPECT_EQ(figure(verdict, "axis"), "2");
  }
  // h would have more terms than the axis has powers.
  EXPECT_TRUE(
      verify_srs(Srs::from_secrets(axes, std::vector<Fr>{t, random_.field(), test::power(t, 5)}).value())
          .ok());
}

TEST_F(VerifySrs, PowersOnAnyTwoAxesAndBothWays) {
  const Fr t = random_.field();
  const auto step = [&](std::vector<std::uint64_t> sizes, std::vector<Fr> secrets) {
    return verify_srs(Srs::from_secrets(axes_of(std::move(sizes)), secrets).value()).step();
  };
  EXPECT_EQ(step({2, 3}, {test::power(t, 3), t}), "independent secrets");
  EXPECT_EQ(step({5, 2, 1}, {test::power(t, 2), t, random_.field()}), "independent secrets");
  // An axis of one node has no quotient.
  for (const unsigned exponent : {2, 3}) EXPECT_EQ(step({3, 1}, {t, test::power(t, exponent)}), "");
  // A long axis is searched as far as it says.
  const unsigned far = internal::largest_exponent(40'000);
  EXPECT_EQ(far, 26U);
  EXPECT_EQ(internal::largest_exponent(1024), 1024U);
  EXPECT_EQ(internal::largest_exponent(1U << 20), 4U);
  EXPECT_EQ(step({40'000, 2}, {t, test::power(t, far)}), "independent secrets");
  EXPECT_EQ(step({40'000, 2}, {t, test::power(t, far + 1)}), "");
}

TEST_F(VerifySrs, ScaledPoints) {
  Parts bad = parts_;
  scale(bad.levels[0], Fr::from_u64(2));
  EXPECT_EQ(bad.verdict().step(), "level sums");
  scale(bad.levels[1], Fr::from_u64(2));
  EXPECT_EQ(bad.verdict().step(), "level sums");
  scale(bad.levels[2], Fr::from_u64(2));
  EXPECT_EQ(bad.verdict().step(), "generator sum");
}

// A basis that is right in each axis by itself, and wrong as a whole: t_1 depends on the node of axis 0.
// Every level is the sum that it should be, so only the relation over all fibres shows it.
TEST_F(VerifySrs, AFibreOfItsOwn) {
  const std::vector<Fr> a = random_.fields(3);
  Parts bad(Srs::from_secrets(axes_, a).value());
  // Adds D = +delta, -delta on two points of one fibre of axis 1, and the reverse on a fibre of another node
  // of axis 0.
  const G1Affine delta = test::times_generator(random_.field());
  const auto at = [&](std::uint32_t i, std::uint32_t j) -> G1Affine& {
    return bad.levels[0][(i * 4 + j) * 2];
  };
  at(0, 0) = curve::add(at(0, 0), delta);
  at(0, 1) = curve::add(at(0, 1), curve::negate(delta));
  at(1, 0) = curve::add(at(1, 0), curve::negate(delta));
  at(1, 1) = curve::add(at(1, 1), delta);
  EXPECT_EQ(bad.verdict().step(), "degree relation");
  EXPECT_EQ(figure(bad.verdict(), "axis"), "0");
}

TEST_F(VerifySrs, TheNumbersOfAnotherShape) {
  // The points of axes 4, 3 read as axes 3, 4.
  Parts bad(Srs::dev(axes_of({4, 3}), 1).value());
  bad.key.axes = axes_of({3, 4});
  const Parts right(Srs::dev(axes_of({3, 4}), 1).value());
  bad.levels[1] = right.levels[1];
  EXPECT_EQ(bad.verdict().step(), "level sums");
  resum(bad);
  EXPECT_EQ(bad.verdict().step(), "degree relation");
}

}  // namespace
}  // namespace assay::pst
