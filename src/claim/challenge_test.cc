#include <algorithm>
#include <map>
#include <set>

#include "claim/test_support.h"

namespace assay::claim {
namespace {

using Points = std::vector<std::vector<std::uint32_t>>;

/// Challenges to entries, as coordinates.
Points points_of(const Challenge& challenge) {
  Points points;
  for (const Query& query : challenge.queries) points.push_back(query.grid);
  return points;
}

Challenge of(const Points& points) {
  Challenge challenge;
  for (const auto& point : points) challenge.queries.push_back(Query::on_grid(point));
  return challenge;
}

// The positions of a script that shares no code with this program.
TEST(Challenge, DrawsThePointsOfTheDocument) {
  const std::vector<encode::LayerShape> shapes{{"layer_0", {1, 2, 17}, "block:0"},
                                               {"layer_1", {1, 2, 17}, "block:1"}};
  Header header{encode::plan_model(shapes).value(),
                {encode::Encoding::Kind::kBits, 0},
                tensor::Dtype::kBF16,
                CaptureMode::kDecode,
                {}};
  header.setup_digest.emplace().fill(0x11);
  const Commitment commitment{header, curve::encode(G1Affine::generator())};
  EXPECT_EQ(points_of(Challenge::from_seed(commitment, 6, 5).value()),
            (Points{{0, 0, 4, 2}, {0, 1, 2, 0}, {1, 0, 1, 0}, {1, 1, 0, 0}, {1, 1, 0, 2}, {1, 1, 1, 0}}));
  EXPECT_EQ(points_of(Challenge::from_seed(commitment, 2, 0).value()), (Points{{0, 0, 2, 2}, {1, 0, 0, 0}}));
}

TEST(Challenge, DrawsRealPositionsOnly) {
  for (const auto make : {test::flat_sample, test::cube_sample, test::model_sample}) {
    const Commitment commitment = make().commitment;
    const encode::Layout& layout = commitment.header.layout;
    const Challenge all = Challenge::draw(commitment, layout.real_count).value();
    EXPECT_EQ(all.commitment_digest, commitment.digest());
    const Points points = points_of(all);
    EXPECT_EQ(std::set<std::vector<std::uint32_t>>(points.begin(), points.end()).size(), layout.real_count);
    EXPECT_TRUE(std::ranges::is_sorted(points));
    for (const auto& point : points) EXPECT_FALSE(place_of(layout, point).value().is_padding);
  }
}

TEST(Challenge, DrawsEveryPositionAboutAsOften) {
  const Commitment commitment = test::flat_sample().commitment;
  std::map<std::vector<std::uint32_t>, int> seen;
  for (std::uint64_t seed = 0; seed < 1200; ++seed) {
    const Challenge drawn = Challenge::from_seed(commitment, 3, seed).value();
    for (const Query& query : drawn.queries) ++seen[query.grid];
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
  EXPECT_EQ(Challenge::from_seed(commitment, 5, 1).value().queries, drawn.queries);
  EXPECT_NE(Challenge::from_seed(commitment, 5, 2).value().queries, drawn.queries);
  EXPECT_NE(Challenge::from_seed(other, 5, 1).value().queries, drawn.queries);
  EXPECT_NE(Challenge::draw(commitment, 20).value().queries, Challenge::draw(commitment, 20).value().queries);
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
  Challenge challenge = of({{1, 2}, {0, 1048575}});
  challenge.queries.push_back({{}, {Fr::from_i64(-1), Fr::from_u64(258)}, {}});
  challenge.commitment_digest.fill(0x33);
  const Bytes bytes = challenge.encode();
  EXPECT_EQ(to_hex(bytes),
            "415353415943484c"
            "02000000"
            "3333333333333333333333333333333333333333333333333333333333333333"
            "02000000"
            "03000000"
            "00"
            "0100000002000000"
            "00"
            "00000000ffff0f00"
            "01"
            "000000f093f5e1439170b97948e833285d588181b64550b829a031e1724e6430"
            "0201000000000000000000000000000000000000000000000000000000000000");
  const Challenge decoded = Challenge::decode(bytes, "test").value();
  EXPECT_EQ(decoded.queries, challenge.queries);
  EXPECT_EQ(decoded.commitment_digest, challenge.commitment_digest);
  EXPECT_EQ(decoded.encode(), bytes);
}

TEST(Challenge, RefusesWhatIsNotCanonical) {
  const Bytes good = of({{1, 2}, {0, 1}}).encode();
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
  EXPECT_EQ(code_with(55, 16), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(8, 1), ErrorCode::kUnsupported);
  EXPECT_EQ(code_with(52, 4), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with(52, 5), ErrorCode::kOutOfRange);
  EXPECT_EQ(Challenge::decode(of({{1, 2}, {0, 0}, {1, 2}}).encode(), "test").error().code,
            ErrorCode::kMalformed);
}

TEST(Challenge, DigestIsThatOfItsFile) {
  const Challenge challenge = of({{1, 2}, {0, 1}});
  EXPECT_EQ(challenge.digest(), sha256(challenge.encode()));
}

TEST(Challenge, BelongsToOneCommitment) {
  const test::Sample sample = test::flat_sample();
  const Challenge drawn = Challenge::draw(sample.commitment, 3).value();
  EXPECT_TRUE(drawn.check(sample.commitment).ok());
  EXPECT_EQ(drawn.check(test::cube_sample().commitment).error().code, ErrorCode::kMismatch);
}

TEST(Challenge, GoesThroughAFile) {
  const test::TemporaryDirectory directory;
  const Challenge challenge = of({{1, 2}, {0, 1}});
  ASSERT_TRUE(challenge.write(directory.file("c")).ok());
  EXPECT_EQ(Challenge::read(directory.file("c")).value().queries, challenge.queries);
  EXPECT_EQ(Challenge::read(directory.file("none")).error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace assay::claim
