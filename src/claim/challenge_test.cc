#include <algorithm>
#include <map>
#include <set>

#include "claim/test_support.h"

namespace assay::claim {
namespace {

using Points = std::vector<std::vector<std::uint32_t>>;

// The positions of a script that shares no code with this program.
TEST(Challenge, DrawsThePointsOfTheDocument) {
  const std::vector<encode::LayerShape> shapes{{"layer_0", {1, 2, 17}, "block:0"},
                                               {"layer_1", {1, 2, 17}, "block:1"}};
  Header header{encode::plan_model(shapes).value(),
                {encode::Encoding::Kind::kBits, 0},
                tensor::Dtype::kBF16,
                CaptureMode::kDecode,
                {}};
  header.srs_digest.fill(0x11);
  const Commitment commitment{header, G1Affine::generator()};
  EXPECT_EQ(Challenge::from_seed(commitment, 6, 5).value().points,
            (Points{{0, 0, 2, 1}, {0, 0, 5, 0}, {0, 1, 5, 1}, {1, 0, 3, 2}, {1, 0, 4, 2}, {1, 1, 3, 1}}));
  EXPECT_EQ(Challenge::from_seed(commitment, 2, 0).value().points, (Points{{0, 1, 1, 0}, {1, 0, 4, 1}}));
}

TEST(Challenge, DrawsRealPositionsOnly) {
  for (const auto make : {test::flat_sample, test::cube_sample, test::model_sample}) {
    const Commitment commitment = make().commitment;
    const encode::Layout& layout = commitment.header.layout;
    const Challenge all = Challenge::draw(commitment, layout.real_count).value();
    EXPECT_EQ(all.commitment_digest, commitment.digest());
    EXPECT_EQ(std::set<std::vector<std::uint32_t>>(all.points.begin(), all.points.end()).size(),
              layout.real_count);
    EXPECT_TRUE(std::ranges::is_sorted(all.points));
    for (const auto& point : all.points) EXPECT_FALSE(place_of(layout, point).value().is_padding);
  }
}

TEST(Challenge, DrawsEveryPositionAboutAsOften) {
  const Commitment commitment = test::flat_sample().commitment;
  std::map<std::vector<std::uint32_t>, int> seen;
  for (std::uint64_t seed = 0; seed < 1200; ++seed) {
    const Challenge drawn = Challenge::from_seed(commitment, 3, seed).value();
    for (const auto& point : drawn.points) ++seen[point];
  }
  ASSERT_EQ(seen.size(), 12U);
  // 300 expected each, standard deviation 15: six of them.
  for (const auto& [point, times] : seen) EXPECT_NEAR(times, 300, 90);
}

TEST(Challenge, DependsOnSeedAndCommitment) {
  const Commitment commitment = test::model_sample().commitment;
  Commitment other = commitment;
  other.header.capture_mode = CaptureMode::kPrefill;
  const Challenge drawn = Challenge::from_seed(commitment, 5, 1).value();
  EXPECT_EQ(Challenge::from_seed(commitment, 5, 1).value().points, drawn.points);
  EXPECT_NE(Challenge::from_seed(commitment, 5, 2).value().points, drawn.points);
  EXPECT_NE(Challenge::from_seed(other, 5, 1).value().points, drawn.points);
  EXPECT_NE(Challenge::draw(commitment, 20).value().points, Challenge::draw(commitment, 20).value().points);
}

TEST(Challenge, RefusesCountsThatCannotBe) {
  Commitment commitment = test::cube_sample().commitment;
  EXPECT_EQ(Challenge::draw(commitment, 0).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(Challenge::draw(commitment, 12).error().code, ErrorCode::kOutOfRange);  // 11 real values of 16
  EXPECT_EQ(Challenge::from_seed(commitment, UINT64_MAX, 0).error().code, ErrorCode::kOutOfRange);
  commitment.header.layout.real_count = 16;
  EXPECT_FALSE(Challenge::draw(commitment, 1).ok());
}

TEST(Challenge, HasTheBytesOfTheDocument) {
  Challenge challenge{{}, {{1, 2}, {0, 1048575}}};
  challenge.commitment_digest.fill(0x33);
  const Bytes bytes = challenge.encode();
  EXPECT_EQ(to_hex(bytes),
            "415353415943484c"
            "01000000"
            "3333333333333333333333333333333333333333333333333333333333333333"
            "02000000"
            "02000000"
            "0100000002000000"
            "00000000ffff0f00");
  const Challenge decoded = Challenge::decode(bytes, "test").value();
  EXPECT_EQ(decoded.points, challenge.points);
  EXPECT_EQ(decoded.commitment_digest, challenge.commitment_digest);
  EXPECT_EQ(decoded.encode(), bytes);
}

TEST(Challenge, RefusesWhatIsNotCanonical) {
  const Bytes good = Challenge{{}, {{1, 2}, {0, 1}}}.encode();
  const auto code_with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    const Result<Challenge> decoded = Challenge::decode(bytes, "test");
    EXPECT_FALSE(decoded.ok()) << at;
    return decoded.ok() ? ErrorCode::kIo : decoded.error().code;
  };
  EXPECT_EQ(code_with(0, 'B'), ErrorCode::kMalformed);
  EXPECT_EQ(code_with(8, 0), ErrorCode::kUnsupported);
  EXPECT_EQ(code_with(44, 0), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(44, 33), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(48, 0), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(48, 3), ErrorCode::kTooLarge);
  EXPECT_EQ(code_with(48, 1), ErrorCode::kMalformed);
  EXPECT_EQ(code_with(54, 16), ErrorCode::kOutOfRange);
  EXPECT_EQ(Challenge::decode(Challenge{{}, {{1, 2}, {0, 0}, {1, 2}}}.encode(), "test").error().code,
            ErrorCode::kMalformed);
}

TEST(Challenge, GoesThroughAFile) {
  const test::TemporaryDirectory directory;
  const Challenge challenge{{}, {{1, 2}, {0, 1}}};
  ASSERT_TRUE(challenge.write(directory.file("c")).ok());
  EXPECT_EQ(Challenge::read(directory.file("c")).value().points, challenge.points);
  EXPECT_EQ(Challenge::read(directory.file("none")).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace assay::claim
