#include <gtest/gtest.h>

#include <algorithm>

#include "setup/powers_file.h"
#include "setup/test_support.h"

namespace assay::setup {
namespace {

using test::axes_of;
using test::figure;

class PowersOfCeremony : public ::testing::Test {
 protected:
  /// A powers file of known secrets, whether they fit the transcript or not.
  Powers write(const Ceremony& ceremony, std::span<const Fr> secrets,
               const std::function<void(std::vector<G1Affine>&)>& change = {}) {
    std::vector<G1Affine> points;
    for (std::uint64_t k = 0; k < ceremony.axes.volume(); ++k) {
      const std::vector<std::uint32_t> a = ceremony.axes.coordinates_of(k);
      Fr product = Fr::one();
      for (std::size_t i = 0; i < a.size(); ++i) product *= test::power(secrets[i], a[i]);
      points.push_back(curve::multiply_vartime(G1Affine::generator(), product));
    }
    if (change) change(points);
    Bytes bytes = internal::encode_powers_head(ceremony);
    const ByteSpan raw = internal::raw_bytes(points);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
    const std::filesystem::path path = directory_.file("powers" + std::to_string(files_++));
    EXPECT_TRUE(write_file(path, bytes).ok());
    return Powers::open(path).value();
  }

  test::TemporaryDirectory directory_;
  int files_ = 0;
  Axes axes_ = axes_of({3, 1, 4, 2});
  Ceremony start_{axes_, Digest{9}};
  std::vector<Fr> secrets_ = {Fr::from_u64(12345), Fr::from_u64(77), Fr::from_i64(-98765), Fr::from_u64(31)};
  Ceremony one_ = test::with(start_, {secrets_});
};

TEST_F(PowersOfCeremony, AcceptsWhatTheTranscriptEndsWith) {
  EXPECT_TRUE(check_powers(write(one_, secrets_)).ok());
  EXPECT_TRUE(check_powers(write(start_, std::vector<Fr>(4, Fr::one()))).ok());
}

TEST_F(PowersOfCeremony, RestOnAWholeTranscript) {
  Ceremony unproven = one_;
  unproven.contributions[0].responses[0] += Fr::one();
  EXPECT_EQ(check_ceremony(unproven).step(), "contribution proof");
  EXPECT_EQ(check_powers(write(unproven, secrets_)).step(), "contribution proof");
}

TEST_F(PowersOfCeremony, RejectsOtherSecretsOnAnyAxis) {
  for (const std::size_t axis : {0, 2, 3}) {
    std::vector<Fr> other = secrets_;
    other[axis] += Fr::one();
    const Verdict verdict = check_powers(write(one_, other));
    EXPECT_EQ(verdict.step(), "power relation");
    EXPECT_EQ(figure(verdict, "axis"), std::to_string(axis));
  }
  // The powers before the contribution.
  EXPECT_EQ(check_powers(write(one_, std::vector<Fr>(4, Fr::one()))).step(), "power relation");
}

TEST_F(PowersOfCeremony, RejectsEveryReplacedPoint) {
  for (std::size_t k = 0; k < axes_.volume(); ++k) {
    const Verdict added = check_powers(write(one_, secrets_, [&](std::vector<G1Affine>& points) {
      points[k] = curve::add(points[k], G1Affine::generator());
    }));
    EXPECT_EQ(added.step(), k == 0 ? "first power" : "power relation") << k;
    const Verdict off = check_powers(
        write(one_, secrets_, [&](std::vector<G1Affine>& points) { points[k].y.limbs[0] ^= 1; }));
    EXPECT_EQ(off.step(), "points") << k;
    EXPECT_EQ(figure(off, "point"), std::to_string(k));
    const Verdict infinite = check_powers(
        write(one_, secrets_, [&](std::vector<G1Affine>& points) { points[k] = G1Affine::infinity(); }));
    EXPECT_FALSE(infinite.ok()) << k;
  }
  // All of them times one factor.
  EXPECT_EQ(check_powers(write(one_, secrets_,
                               [](std::vector<G1Affine>& points) {
                                 for (G1Affine& point : points)
                                   point = curve::multiply_vartime(point, Fr::from_u64(3));
                               }))
                .step(),
            "first power");
}

// Errors that cancel under equal weights.
TEST_F(PowersOfCeremony, RejectsErrorsThatCancelInTheSum) {
  EXPECT_EQ(check_powers(write(one_, secrets_,
                               [](std::vector<G1Affine>& points) {
                                 points[17] = curve::add(points[17], G1Affine::generator());
                                 points[18] = curve::add(points[18], curve::negate(G1Affine::generator()));
                               }))
                .step(),
            "power relation");
}

TEST_F(PowersOfCeremony, ChecksTheTranscriptFirstAndNeedsRandomness) {
  Ceremony bad = one_;
  bad.contributions[0].responses[0] += Fr::one();
  EXPECT_EQ(check_powers(write(bad, std::vector<Fr>(4, Fr::one()))).step(), "contribution proof");
  const World broken{[](std::span<std::uint8_t>) -> Status {
                       return Error{ErrorCode::kIo, "random", "none"};
                     },
                     [] { return std::int64_t{0}; }};
  const Verdict verdict = check_powers(write(one_, secrets_), broken);
  EXPECT_EQ(verdict.step(), "random weights");
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
}

TEST_F(PowersOfCeremony, FilesCutOrLengthenedAnywhere) {
  const Powers powers = write(one_, secrets_);
  const Bytes bytes = read_file(directory_.file("powers0"), 1 << 20).value();
  for (std::size_t size = 0; size < bytes.size(); size += size < 1200 ? 1 : 61)
    ASSERT_FALSE(internal::parse_powers_file(ByteSpan(bytes).first(size), "p").ok()) << size;
  Bytes bad = bytes;
  bad.push_back(0);
  EXPECT_EQ(internal::parse_powers_file(bad, "p").error().code, ErrorCode::kMalformed);
  bad = bytes;
  bad[internal::kPage - 1] = 1;
  EXPECT_EQ(internal::parse_powers_file(bad, "p").error().code, ErrorCode::kNonCanonical);
  bad = bytes;
  bad[0] = 'X';
  EXPECT_EQ(internal::parse_powers_file(bad, "p").error().code, ErrorCode::kMalformed);
  bad = bytes;
  bad[8] = 9;
  EXPECT_EQ(internal::parse_powers_file(bad, "p").error().code, ErrorCode::kUnsupported);
}

TEST_F(PowersOfCeremony, AWholeCeremony) {
  const auto path = [&](int k) { return directory_.file("c" + std::to_string(k)); };
  const Ceremony begun = start(axes_, path(0)).value();
  EXPECT_EQ(Powers::open(path(0))->ceremony(), begun);
  EXPECT_NE(begun.nonce, start(axes_, path(0)).value().nonce);
  for (int k = 0; k < 3; ++k) {
    const Powers before = Powers::open(path(k)).value();
    const Result<Contributed> made = contribute(before, "contributor " + std::to_string(k),
                                                Bytes(static_cast<std::size_t>(k), 7), path(k + 1));
    ASSERT_TRUE(made.ok()) << made.error().to_string();
    ASSERT_TRUE(made->before.ok());
    const Powers after = Powers::open(path(k + 1)).value();
    EXPECT_EQ(after.ceremony(), *made->ceremony);
    const Verdict verdict = check_powers(after);
    EXPECT_TRUE(verdict.ok()) << verdict.reason();
    EXPECT_EQ(after.ceremony().contributors(), static_cast<std::uint32_t>(k + 1));
    for (std::size_t i = 0; i < axes_.count(); ++i)
      EXPECT_NE(after.ceremony().secrets()[i], before.ceremony().secrets()[i]);
  }
  const Powers third = Powers::open(path(3)).value();
  const Result<Contributed> ended = apply_beacon(third, "block 1", {{0xab, 0xcd}, 10}, path(4));
  ASSERT_TRUE(ended.ok() && ended->ceremony);
  const Powers last = Powers::open(path(4)).value();
  EXPECT_TRUE(check_powers(last).ok());
  EXPECT_EQ(last.ceremony().contributions.size(), 4U);
  // Nothing follows.
  EXPECT_EQ(contribute(last, "late", {}, path(5)).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(apply_beacon(last, "late", {{1}, 10}, path(5)).error().code, ErrorCode::kMismatch);
  EXPECT_FALSE(std::filesystem::exists(path(5)));

  // A transcript by itself, and out of powers.
  ASSERT_TRUE(last.ceremony().write(directory_.file("t")).ok());
  EXPECT_EQ(Ceremony::read(directory_.file("t")).value(), last.ceremony());
  EXPECT_EQ(Ceremony::read(path(4)).value(), last.ceremony());
}

TEST_F(PowersOfCeremony, TwoContributorsNeverDrawTheSame) {
  const Ceremony begun = start(axes_, directory_.file("c")).value();
  const Powers powers = Powers::open(directory_.file("c")).value();
  const auto secrets = [&](ByteSpan entropy, std::uint8_t seed) {
    return contribute(powers, "a", entropy, directory_.file("d"), test::seeded_world(seed))
        .value()
        .ceremony->secrets();
  };
  const Bytes entropy = {1, 2, 3}, other = {1, 2, 4};
  EXPECT_EQ(secrets(entropy, 1), secrets(entropy, 1));
  EXPECT_NE(secrets(entropy, 1), secrets(other, 1));
  EXPECT_NE(secrets(entropy, 1), secrets({}, 1));
  EXPECT_NE(secrets({}, 1), secrets({}, 2));
}

TEST_F(PowersOfCeremony, NothingIsWrittenOnBadInput) {
  const Powers good = write(one_, secrets_);
  Ceremony bad_chain = one_;
  bad_chain.contributions[0].responses[0] += Fr::one();
  const Powers bad = write(bad_chain, secrets_);
  const Powers empty = write(start_, std::vector<Fr>(4, Fr::one()));
  const std::size_t files = directory_.count();
  const auto out = directory_.file("out");

  const Result<Contributed> refused = contribute(bad, "a", {}, out);
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->before.step(), "contribution proof");
  EXPECT_FALSE(refused->ceremony.has_value());
  EXPECT_EQ(apply_beacon(bad, "a", {{1}, 10}, out)->before.step(), "contribution proof");
  // A beacon alone would make secrets that everybody knows.
  EXPECT_EQ(apply_beacon(empty, "a", {{1}, 10}, out)->before.step(), "contributors");
  EXPECT_EQ(contribute(good, "", {}, out).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(contribute(good, "\n", {}, out).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(apply_beacon(good, "a", {{}, 10}, out).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(apply_beacon(good, "a", {Bytes(257, 1), 10}, out).error().to_string(),
            "beacon: a beacon's value has 1 to 256 bytes, not 257");
  EXPECT_EQ(apply_beacon(good, "a", {{1}, 60}, out).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(contribute(good, "a", {}, directory_.file("no/such/folder")).error().code, ErrorCode::kIo);
  const World broken{[](std::span<std::uint8_t>) -> Status {
                       return Error{ErrorCode::kIo, "random", "none"};
                     },
                     [] { return std::int64_t{0}; }};
  EXPECT_EQ(start(axes_, out, broken).error().code, ErrorCode::kIo);
  EXPECT_EQ(directory_.count(), files);
}

TEST_F(PowersOfCeremony, ACeremonyThatIsFull) {
  Ceremony full = start_;
  full.contributions.assign(Ceremony::kMaxContributions, one_.contributions[0]);
  EXPECT_EQ(contribute(write(full, secrets_), "a", {}, directory_.file("out")).error().code,
            ErrorCode::kTooLarge);
}

// More than one block of 2^16, and of 2^18 in the check.
TEST_F(PowersOfCeremony, ManyBlocks) {
  const Axes axes = axes_of({5, 54321});
  ASSERT_TRUE(start(axes, directory_.file("a")).ok());
  const World world = test::seeded_world(3);
  ASSERT_TRUE(
      contribute(Powers::open(directory_.file("a")).value(), "a", {}, directory_.file("b"), world)->ceremony);
  const Powers powers = Powers::open(directory_.file("b")).value();
  EXPECT_TRUE(check_powers(powers).ok());
  for (const std::size_t k : {std::size_t{65536}, powers.points().size() - 1}) {
    Bytes bytes = internal::encode_powers_head(powers.ceremony());
    std::vector<G1Affine> points(powers.points().begin(), powers.points().end());
    points[k] = curve::add(points[k], G1Affine::generator());
    const ByteSpan raw = internal::raw_bytes(points);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
    ASSERT_TRUE(write_file(directory_.file("c"), bytes).ok());
    EXPECT_EQ(check_powers(Powers::open(directory_.file("c")).value()).step(), "power relation") << k;
  }
}

}  // namespace
}  // namespace assay::setup
