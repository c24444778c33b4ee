#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/wire.h"
#include "pst/basis_change.h"
#include "pst/ceremony_axes.h"
#include "pst/srs_points.h"
#include "pst/srs_state.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;

/// [prod t_i^(a_i)]_1 in C order.
std::vector<G1Affine> powers_of(const Axes& axes, std::span<const Fr> secrets) {
  std::vector<Fr> scalars;
  for (std::uint64_t k = 0; k < axes.volume(); ++k) {
    const std::vector<std::uint32_t> a = axes.coordinates_of(k);
    Fr product = Fr::one();
    for (std::size_t i = 0; i < a.size(); ++i) product *= test::power(secrets[i], a[i]);
    scalars.push_back(product);
  }
  std::vector<G1Affine> out(scalars.size());
  curve::multiply_generator_vartime(scalars, out);
  return out;
}

TEST(BasisChange, GivesTheLagrangeBasisOfTheSameSecrets) {
  test::Random random(1);
  for (const auto& sizes : std::vector<std::vector<std::uint64_t>>{
           {1}, {2}, {7}, {1, 1}, {5, 1, 3}, {1, 40}, {64, 3}, {2, 2, 2, 2, 2}, {17, 16}, {3, 300}}) {
    const Axes axes = axes_of(sizes);
    const std::vector<Fr> secrets = random.fields(axes.count());
    std::vector<G1Affine> points = powers_of(axes, secrets), scratch(points.size());
    internal::powers_to_lagrange(axes, points, scratch);
    const Srs expected = Srs::from_secrets(axes, secrets).value();
    EXPECT_TRUE(std::ranges::equal(points, expected.level(0))) << axes.to_string();
  }
}

// Factorials up to 1023!, and small integers of ten bits.
TEST(BasisChange, AnAxisOf1024Nodes) {
  const Axes axes = axes_of({1024});
  const std::vector<Fr> secrets = test::Random(2).fields(1);
  std::vector<G1Affine> points = powers_of(axes, secrets), scratch(points.size());
  internal::powers_to_lagrange(axes, points, scratch);
  EXPECT_TRUE(std::ranges::equal(points, Srs::from_secrets(axes, secrets).value().level(0)));
}

TEST(FitAxes, TakesTheNextThatIsLongEnough) {
  const auto fit = [](std::vector<std::uint64_t> wanted, std::vector<std::uint64_t> offered) {
    return internal::fit_axes(axes_of(std::move(wanted)), axes_of(std::move(offered)));
  };
  using Taken = std::vector<std::size_t>;
  EXPECT_EQ(fit({6, 6}, {6, 6}).value(), (Taken{0, 1}));
  EXPECT_EQ(fit({2, 6}, {6, 6}).value(), (Taken{0, 1}));
  EXPECT_EQ(fit({6}, {2, 6}).value(), (Taken{1}));
  EXPECT_EQ(fit({3, 5}, {2, 4, 3, 5}).value(), (Taken{1, 3}));
  EXPECT_EQ(fit({7}, {2, 6}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(fit({2, 2, 2}, {2, 6}).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(fit({6, 2}, {2, 6}).error().code, ErrorCode::kMismatch);
}

class Finalize : public ::testing::Test {
 protected:
  void SetUp() override { powers_ = make_powers(2, "a"); }

  /// A ceremony of so many contributors, and a beacon.
  std::optional<setup::Powers> make_powers(int contributors, const std::string& name) {
    const auto path = [&](int k) { return directory_.file(name + std::to_string(k)); };
    EXPECT_TRUE(setup::start(axes_of({4, 3, 5}), path(0)).ok());
    for (int k = 0; k < contributors; ++k)
      EXPECT_TRUE(
          setup::contribute(setup::Powers::open(path(k)).value(), "someone", {}, path(k + 1))->ceremony);
    return setup::Powers::open(path(contributors)).value();
  }
  [[nodiscard]] Srs make_srs(const Axes& axes) const { return *finalize(*powers_, axes)->srs; }
  static Srs with_key(const Srs& srs, const std::function<void(VerifierKey&)>& change) {
    VerifierKey key = srs.verifier_key();
    change(key);
    std::vector<LargeArray<G1Affine>> points;
    for (std::size_t i = 0; i < srs.axes().count(); ++i) {
      points.emplace_back(srs.level(i).size());
      std::ranges::copy(srs.level(i), points.back().data());
    }
    return SrsAccess::from_points(std::move(key), std::move(points));
  }

  test::TemporaryDirectory directory_;
  std::optional<setup::Powers> powers_;
};

TEST_F(Finalize, AnyAxesThatFit) {
  for (const auto& sizes :
       std::vector<std::vector<std::uint64_t>>{{4, 3, 5}, {2, 2, 2}, {3, 5}, {5}, {4, 1}, {1, 1, 1}}) {
    const Srs srs = make_srs(axes_of(sizes));
    const Verdict verdict = verify_with_transcript(srs, powers_->ceremony());
    EXPECT_TRUE(verdict.ok()) << axes_of(sizes).to_string() << ": " << verdict.reason();
    EXPECT_EQ(srs.verifier_key().label(), "ceremony(2)");
    EXPECT_EQ(srs.verifier_key().transcript, powers_->ceremony().digest());
  }
  EXPECT_EQ(finalize(*powers_, axes_of({5, 5})).error().code, ErrorCode::kMismatch);
}

TEST_F(Finalize, CommitsAndOpensLikeAnyOther) {
  const Srs srs = make_srs(axes_of({4, 3, 5}));
  ASSERT_TRUE(srs.write(directory_.file("srs")).ok());
  const Srs read = Srs::open(directory_.file("srs")).value();
  EXPECT_TRUE(verify_with_transcript(read, powers_->ceremony()).ok());
  test::Random random(3);
  const std::vector<Scalar> values = random.integers(60, 16);
  const std::vector<std::uint32_t> point = {3, 0, 4};
  const Statement statement{commit(read, values).value(), test::to_fr(point),
                            open(read, values, point).value()};
  EXPECT_TRUE(Verifier(read.verifier_key()).check(statement).ok());
}

TEST_F(Finalize, NobodyContributed) {
  const std::optional<setup::Powers> empty = make_powers(0, "b");
  const Result<Finalized> made = finalize(*empty, axes_of({2, 2}));
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->powers.step(), "contributors");
  EXPECT_FALSE(made->srs.has_value());
}

// The powers are a hole in a file of 2 GiB: they are not looked at where nobody contributed.
TEST_F(Finalize, AsManyPointsAsAreMadeInMemory) {
  const setup::Ceremony ceremony{axes_of({32, 1 << 20}), Digest{1}};
  const std::filesystem::path path = directory_.file("long");
  const Bytes transcript = ceremony.encode();
  WireWriter head;  // the points follow at the next page
  head.begin("ASSAYPOW", 1).u32(static_cast<std::uint32_t>(transcript.size())).raw(transcript);
  ASSERT_TRUE(write_file(path, head.bytes()).ok());
  std::filesystem::resize_file(path, 4096 + ceremony.axes.volume() * sizeof(G1Affine));
  const setup::Powers powers = setup::Powers::open(path).value();
  const Axes most = axes_of({31, 1 << 20});
  ASSERT_EQ(internal::total_points(most), Srs::kMaxPointsInMemory);
  const Result<Finalized> made = finalize(powers, most);
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  EXPECT_EQ(made->powers.step(), "contributors");
  const Result<Finalized> more = finalize(powers, ceremony.axes);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(more.error().place, "axes 32,1048576");
  EXPECT_EQ(more.error().reason, "more than the 33554432 points that are made in memory");
}

TEST_F(Finalize, PowersThatAreNotThoseOfTheTranscript) {
  Bytes bytes = read_file(directory_.file("a2"), 1 << 20).value();
  // The last point becomes the first one.
  std::copy(bytes.end() - 60 * 64, bytes.end() - 59 * 64, bytes.end() - 64);
  ASSERT_TRUE(write_file(directory_.file("bad"), bytes).ok());
  const Result<Finalized> made =
      finalize(setup::Powers::open(directory_.file("bad")).value(), axes_of({2, 2}));
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->powers.step(), "power relation");
  EXPECT_FALSE(made->srs.has_value());
}

TEST_F(Finalize, VerifiersHoldTheSrsAgainstTheTranscript) {
  const Srs srs = make_srs(axes_of({4, 3, 5}));
  const setup::Ceremony& ceremony = powers_->ceremony();
  EXPECT_EQ(verify_with_transcript(Srs::dev(axes_of({4, 3, 5}), 1).value(), ceremony).step(), "trust label");
  // Another ceremony, an earlier state of this one, another number.
  EXPECT_EQ(verify_with_transcript(srs, make_powers(2, "c")->ceremony()).step(), "transcript digest");
  setup::Ceremony shorter = ceremony;
  shorter.contributions.pop_back();
  EXPECT_EQ(verify_with_transcript(srs, shorter).step(), "transcript digest");
  EXPECT_EQ(
      verify_with_transcript(with_key(srs, [](VerifierKey& key) { key.contributors = 9; }), ceremony).step(),
      "transcript digest");

  // T_i that the transcript does not end with: a well-formed SRS of secrets of one's own, said to be of it.
  const Srs own = with_key(Srs::dev(axes_of({4, 3, 5}), 5000).value(), [&](VerifierKey& key) {
    key.trust = Trust::kCeremony;
    key.contributors = 2;
    key.transcript = ceremony.digest();
  });
  ASSERT_TRUE(verify_srs(own).ok());
  const Verdict verdict = verify_with_transcript(own, ceremony);
  EXPECT_EQ(verdict.step(), "ceremony secrets");
  EXPECT_EQ(verdict.figure("axis")->to_string(), "0");
  // Two axes exchanged, and axes that the ceremony does not have.
  EXPECT_EQ(verify_with_transcript(
                with_key(srs, [](VerifierKey& key) { std::swap(key.secrets[1], key.secrets[2]); }), ceremony)
                .step(),
            "ceremony secrets");
  const Srs longer = with_key(Srs::dev(axes_of({6, 3}), 5000).value(), [&](VerifierKey& key) {
    key.trust = Trust::kCeremony;
    key.contributors = 2;
    key.transcript = ceremony.digest();
  });
  EXPECT_EQ(verify_with_transcript(longer, ceremony).step(), "ceremony secrets");

  // Points of other secrets under the right key.
  std::vector<LargeArray<G1Affine>> points;
  const Srs other = Srs::dev(axes_of({4, 3, 5}), 5000).value();
  VerifierKey key = srs.verifier_key();
  for (std::size_t i = 0; i < 3; ++i) {
    points.emplace_back(other.level(i).size());
    std::ranges::copy(other.level(i), points.back().data());
    key.level_digests[i] = other.verifier_key().level_digests[i];
  }
  EXPECT_EQ(verify_with_transcript(SrsAccess::from_points(key, std::move(points)), ceremony).step(),
            "degree relation");
}

// A transcript that the SRS names, and whose chain is broken: the digest is the cheat's own.
TEST_F(Finalize, VerifiersCheckTheChain) {
  const Srs srs = make_srs(axes_of({4, 3, 5}));
  setup::Ceremony bad = powers_->ceremony();
  bad.contributions[0].responses[1] += Fr::one();
  const auto naming = [&](const setup::Ceremony& ceremony) {
    return with_key(srs, [&](VerifierKey& key) {
      key.transcript = ceremony.digest();
      key.contributors = ceremony.contributors();
    });
  };
  EXPECT_EQ(verify_with_transcript(naming(bad), bad).step(), "contribution proof");
  // A broken chain is named before what is wrong with the points.
  const Srs of_other_points =
      with_key(naming(bad), [](VerifierKey& key) { std::swap(key.level_digests[0], key.level_digests[1]); });
  ASSERT_EQ(verify_srs(of_other_points).step(), "level digests");
  EXPECT_EQ(verify_with_transcript(of_other_points, bad).step(), "contribution proof");
  EXPECT_TRUE(verify_with_transcript(naming(powers_->ceremony()), powers_->ceremony()).ok());
  bad.contributions.clear();
  EXPECT_EQ(verify_with_transcript(naming(bad), bad).step(), "contributors");
}

}  // namespace
}  // namespace assay::pst
