#include <gtest/gtest.h>

#include "base/file.h"
#include "pst/srs_file.h"
#include "pst/srs_points.h"
#include "pst/srs_state.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;

TEST(Srs, SecretsOfADevSrsAreThoseOfItsSeed) {
  const Axes axes = axes_of({2, 2});
  const std::vector<Fr> seven = internal::dev_secrets(axes, 7);
  ASSERT_EQ(seven.size(), 2u);
  EXPECT_NE(seven[0], seven[1]);
  EXPECT_NE(seven[0], internal::dev_secrets(axes, 8)[0]);
  const Srs srs = Srs::dev(axes, 7).value();
  const std::vector<Scalar> values{Scalar::from_i64(5), Scalar::from_i64(-3), Scalar{{0, 0, 0, 1 << 8}},
                                   Scalar::from_i64(7)};
  EXPECT_EQ(to_hex(curve::encode(commit(srs, values).value())),
            "5f10fa5ecdad6d295d6ad5b5669bf5df61fd5b9e8de8d73156fe72a59277af97");
}

TEST(Srs, LevelsAreTheLagrangeBasesOfTheLastAxes) {
  test::Random random(1);
  for (const auto& sizes : std::vector<std::vector<std::uint64_t>>{{1}, {5}, {2, 3}, {3, 1, 4}, {1, 1, 2}}) {
    const Axes axes = axes_of(sizes);
    const std::vector<Fr> secrets = random.fields(axes.count());
    const Srs srs = Srs::from_secrets(axes, secrets).value();
    EXPECT_EQ(srs.axes(), axes);
    EXPECT_EQ(srs.verifier_key().trust, Trust::kDev);
    for (std::size_t level = 0; level <= axes.count(); ++level) {
      ASSERT_EQ(srs.level(level).size(), axes.volume(level));
      for (std::uint64_t j = 0; j < axes.volume(level); ++j) {
        Fr product = Fr::one();
        std::uint64_t index = j;
        for (std::size_t i = axes.count(); i-- > level;) {
          product *= test::lagrange(axes[i], static_cast<std::uint32_t>(index % axes[i]), secrets[i]);
          index /= axes[i];
        }
        EXPECT_EQ(srs.level(level)[j], test::times_generator(product));
      }
    }
    for (std::size_t i = 0; i < axes.count(); ++i) {
      EXPECT_EQ(srs.verifier_key().secrets[i], curve::multiply_vartime(G2Affine::generator(), secrets[i]));
      EXPECT_EQ(srs.verifier_key().level_digests[i], sha256(raw_bytes(srs.level(i))));
    }
  }
}

// More points than the table of products over the last axes, and than a block.
TEST(Srs, LevelsLongerThanABlockAreMadeInOrder) {
  test::Random random(2);
  const Axes axes = axes_of({3, 2, 16384, 2});
  const std::vector<Fr> secrets = random.fields(4);
  const internal::LevelMaker maker(axes, secrets);
  std::vector<G1Affine> points;
  Progress progress("test", 1);
  ASSERT_TRUE(maker
                  .make(0, progress,
                        [&](std::span<const G1Affine> some) -> Status {
                          points.insert(points.end(), some.begin(), some.end());
                          return {};
                        })
                  .ok());
  ASSERT_EQ(points.size(), axes.volume());
  for (const std::uint64_t j : {std::uint64_t{0}, std::uint64_t{65535}, std::uint64_t{65536},
                                std::uint64_t{131071}, std::uint64_t{131072}, axes.volume() - 1}) {
    const std::vector<std::uint32_t> at = axes.coordinates_of(j);
    Fr product = Fr::one();
    for (const std::size_t i : {0, 1, 3}) product *= test::lagrange(axes[i], at[i], secrets[i]);
    product *= test::lagrange(axes[2], at[2], secrets[2]);
    EXPECT_EQ(points[j], test::times_generator(product)) << j;
  }
}

TEST(Srs, MakingStopsAtTheFirstErrorOfTheSink) {
  const Axes axes = axes_of({2});
  const internal::LevelMaker maker(axes, internal::dev_secrets(axes, 1));
  Progress progress("test", 1);
  const Status status = maker.make(0, progress, [](std::span<const G1Affine>) -> Status {
    return Error{ErrorCode::kIo, "disk", "full"};
  });
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
}

TEST(Srs, RefusesSecretsThatDoNotFitTheAxesAndSizesThatDoNotFitTheMemory) {
  EXPECT_EQ(Srs::from_secrets(axes_of({2, 2}), test::Random(1).fields(3)).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(Srs::dev(axes_of({1u << 20, 64}), 1).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(internal::total_points(axes_of({2, 3, 4})), 24u + 12u + 4u);
}

TEST(SrsFile, IsTheSameHoweverItIsMadeAndOpensToTheSame) {
  const test::TemporaryDirectory directory;
  for (const auto& sizes :
       std::vector<std::vector<std::uint64_t>>{{1}, {3, 5}, {65, 2, 1}, {2, 2, 2, 2, 2}}) {
    const Axes axes = axes_of(sizes);
    const Srs made = Srs::dev(axes, 42).value();
    ASSERT_TRUE(made.write(directory.file("made.srs")).ok());
    ASSERT_TRUE(Srs::write_dev(axes, 42, directory.file("streamed.srs")).ok());
    EXPECT_EQ(read_file(directory.file("made.srs"), 1 << 20).value(),
              read_file(directory.file("streamed.srs"), 1 << 20).value());
    const Srs opened = Srs::open(directory.file("streamed.srs")).value();
    EXPECT_EQ(opened.verifier_key(), made.verifier_key());
    EXPECT_EQ(test::points_of(opened), test::points_of(made));
    EXPECT_EQ(opened.level(axes.count())[0], G1Affine::generator());
    ASSERT_TRUE(opened.write(directory.file("copied.srs")).ok());
    EXPECT_EQ(read_file(directory.file("copied.srs"), 1 << 20).value(),
              read_file(directory.file("made.srs"), 1 << 20).value());
  }
}

TEST(SrsFile, LevelsStartAtPagesAndNothingFollowsThem) {
  const internal::SrsLayout layout = internal::srs_layout(axes_of({3, 64, 1}));
  EXPECT_EQ(layout.offsets, (std::vector<std::uint64_t>{4096, 4096 + 3 * 4096, 4096 + 4 * 4096}));
  EXPECT_EQ(layout.file_size, 4096u + 4 * 4096 + 64);
  EXPECT_EQ(internal::srs_layout(axes_of({65, 2})).offsets[1], 4096u + 3 * 4096);
}

class SrsFileBytes : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Srs::write_dev(axes_of({3, 2}), 1, directory_.file("good.srs")).ok());
    good_ = read_file(directory_.file("good.srs"), 1 << 20).value();
  }
  ErrorCode refusal(const Bytes& bytes) const {
    const Result<internal::SrsHeader> parsed = internal::parse_srs_file(bytes, "f.srs");
    EXPECT_FALSE(parsed.ok());
    if (parsed.ok()) return ErrorCode::kIo;
    EXPECT_NE(parsed.error().to_string().find("f.srs"), std::string::npos) << parsed.error().to_string();
    return parsed.error().code;
  }
  test::TemporaryDirectory directory_;
  Bytes good_;
};

TEST_F(SrsFileBytes, EveryFlippedByteOfTheHeaderIsRefusedOrRejected) {
  constexpr std::size_t kAfterMagics = 16 + 17;
  constexpr std::size_t kSecrets = kAfterMagics + 8;
  constexpr std::size_t kDigests = kSecrets + 2 * 64;
  constexpr std::size_t kEnd = kDigests + 2 * 32;
  // All of the verifier part; of the padding, which is looked at after costly work, some.
  for (std::size_t at = 0; at < internal::kSrsPage; at += at < kEnd ? 1 : 97) {
    Bytes bad = good_;
    bad[at] ^= static_cast<std::uint8_t>(1 << (at % 7));
    if (at < kDigests || at >= kEnd) {
      refusal(bad);
      continue;
    }
    ASSERT_TRUE(write_file(directory_.file("bad.srs"), bad).ok());
    const Verdict verdict = verify_srs(Srs::open(directory_.file("bad.srs")).value());
    EXPECT_EQ(verdict.step(), "level digests");
  }
  // The other root is a point too: the secret is its negative.
  Bytes negated = good_;
  negated[kSecrets + 63] ^= 0x80;
  ASSERT_TRUE(write_file(directory_.file("bad.srs"), negated).ok());
  EXPECT_EQ(verify_srs(Srs::open(directory_.file("bad.srs")).value()).step(), "degree relation");
}

TEST_F(SrsFileBytes, EveryTruncationAndExtensionIsRefused) {
  for (std::size_t size = 0; size < good_.size(); size += size < 300 ? 1 : 97)
    refusal(Bytes(good_.begin(), good_.begin() + size));
  refusal(Bytes(good_.begin(), good_.end() - 1));
  Bytes longer = good_;
  longer.push_back(0);
  EXPECT_EQ(refusal(longer), ErrorCode::kMalformed);
  longer.resize(good_.size() + 4096);
  EXPECT_EQ(refusal(longer), ErrorCode::kMalformed);
}

TEST_F(SrsFileBytes, PaddingMustBeZero) {
  const std::size_t level0_end = 4096 + 6 * 64;
  for (const std::size_t at : {std::size_t{300}, std::size_t{4095}, level0_end, std::size_t{2 * 4096 - 1}}) {
    Bytes bad = good_;
    bad[at] = 1;
    EXPECT_EQ(refusal(bad), ErrorCode::kNonCanonical) << at;
  }
}

TEST_F(SrsFileBytes, NamesWhatIsWrong) {
  Bytes other_version = good_;
  other_version[8] = 2;
  EXPECT_EQ(refusal(other_version), ErrorCode::kUnsupported);
  Bytes too_long = good_;
  too_long[14] = 0xff;  // the verifier part's length
  EXPECT_EQ(refusal(too_long), ErrorCode::kMalformed);
  EXPECT_EQ(refusal({}), ErrorCode::kMalformed);
  EXPECT_EQ(Srs::open(directory_.file("absent.srs")).error().code, ErrorCode::kIo);
  ASSERT_TRUE(write_file(directory_.file("empty.srs"), Bytes{}).ok());
  EXPECT_EQ(Srs::open(directory_.file("empty.srs")).error().code, ErrorCode::kMalformed);
}

TEST_F(SrsFileBytes, WithoutItsFirstLevelsItHasOneAtLeast) {
  ASSERT_TRUE(Srs::open(directory_.file("good.srs"))->write_levels(1, directory_.file("last.srs")).ok());
  const Bytes last = read_file(directory_.file("last.srs"), 1 << 20).value();
  EXPECT_EQ(internal::parse_srs_file(last, "f.srs").value().first_level, 1U);
  for (const std::uint8_t first : std::initializer_list<std::uint8_t>{0, 2, 3}) {
    Bytes bad(last.begin(), last.begin() + internal::kSrsPage);  // no points
    bad[12] = first;
    const Result<internal::SrsHeader> parsed = internal::parse_srs_file(bad, "f.srs");
    ASSERT_FALSE(parsed.ok()) << int{first};
    EXPECT_EQ(parsed.error().code, ErrorCode::kOutOfRange);
    EXPECT_EQ(parsed.error().place, "f.srs: first level");
    EXPECT_EQ(parsed.error().reason, std::to_string(first) + " where the axes have 2 levels");
  }
}

TEST_F(SrsFileBytes, HeaderPageIsWhatEncodingGives) {
  const VerifierKey key = internal::parse_srs_file(good_, "f.srs").value().key;
  EXPECT_EQ(internal::encode_srs_header(key), Bytes(good_.begin(), good_.begin() + 4096));
}

TEST_F(SrsFileBytes, TheVerifiersPartAloneIsNamed) {
  const Bytes key = internal::parse_srs_file(good_, "f.srs").value().key.encode();
  const Result<internal::SrsHeader> parsed = internal::parse_srs_file(key, "f.vk");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.error().reason.find("the verifier's part alone"), 0u);
}

TEST_F(SrsFileBytes, WritingWhereNothingCanBeWrittenIsAnError) {
  const std::filesystem::path nowhere = directory_.file("absent") / "x.srs";
  EXPECT_EQ(Srs::write_dev(axes_of({2}), 1, nowhere).error().code, ErrorCode::kIo);
  EXPECT_EQ(Srs::dev(axes_of({2}), 1)->write(nowhere).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace assay::pst
