#include "claim/test_support.h"

#include "base/file.h"

namespace assay::claim {
namespace {

Header model_header() {
  const std::vector<encode::LayerShape> shapes{{"layer_0", {1, 2, 17}, "block:0"},
                                               {"layer_1", {1, 2, 17}, "block:1"}};
  Header header{encode::plan_model(shapes).value(),
                {encode::Encoding::Kind::kBits, 0},
                tensor::Dtype::kBF16,
                CaptureMode::kDecode,
                {}};
  header.setup_digest.emplace().fill(0x11);
  return header;
}

// Computed by a script that shares no code with this program.
TEST(Commitment, HasTheDigestOfTheDocument) {
  const Commitment commitment{model_header(), curve::encode(G1Affine::generator())};
  EXPECT_EQ(to_hex(commitment.digest()), "64b00418ef3fc745d2b765fda9425cf6b5b548f5fa89199270abb7fd7c31e70b");
}

TEST(Commitment, HasTheBytesOfTheDocument) {
  const Commitment commitment{model_header(), curve::encode(G1Affine::generator())};
  const Bytes header = commitment.header.encode();
  Bytes expected{'A', 'S', 'S', 'A', 'Y', 'C', 'O', 'M', 2, 0, 0, 0, 194, 0, 0, 0};
  expected.insert(expected.end(), header.begin(), header.end());
  expected.push_back(1);
  expected.resize(expected.size() + 31);
  EXPECT_EQ(commitment.encode(), expected);
}

TEST(Commitment, RoundTrips) {
  for (const auto make : {test::flat_sample, test::cube_sample, test::model_sample}) {
    const Commitment commitment = make().commitment;
    const Commitment decoded = Commitment::decode(commitment.encode(), "test").value();
    EXPECT_EQ(decoded.header, commitment.header);
    EXPECT_EQ(decoded.value, commitment.value);
    EXPECT_EQ(decoded.digest(), commitment.digest());
    EXPECT_EQ(decoded.encode(), commitment.encode());
  }
}

TEST(Commitment, TakesTheCommitmentOfZeros) {
  const Commitment commitment{model_header(), curve::encode(G1Affine::infinity())};
  EXPECT_TRUE(test::point_of(Commitment::decode(commitment.encode(), "test").value()).is_infinity());
}

TEST(Commitment, RefusesWhatItDoesNotKnow) {
  const Bytes good = Commitment{model_header(), curve::encode(G1Affine::generator())}.encode();
  const auto code_with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return Commitment::decode(bytes, "test").error().code;
  };
  EXPECT_EQ(code_with(0, 'B'), ErrorCode::kMalformed);
  EXPECT_EQ(code_with(8, 1), ErrorCode::kUnsupported);
  EXPECT_EQ(code_with(12, 195), ErrorCode::kMalformed);  // takes a byte of the point
  EXPECT_EQ(code_with(12, 193), ErrorCode::kMalformed);  // leaves one over
  EXPECT_EQ(code_with(15, 1), ErrorCode::kTooLarge);
  EXPECT_EQ(code_with(16, 1), ErrorCode::kUnsupported);  // the header's version
  EXPECT_EQ(code_with(20, 3), ErrorCode::kOutOfRange);   // a scheme that is none
  EXPECT_EQ(Commitment::decode(good, "test").ok(), true);
  Bytes bad_point = good;
  bad_point.back() = 0x3f;
  EXPECT_FALSE(Commitment::decode(bad_point, "test").ok());
}

TEST(Commitment, GoesThroughAFile) {
  const test::TemporaryDirectory directory;
  const Commitment commitment{model_header(), curve::encode(G1Affine::generator())};
  ASSERT_TRUE(commitment.write(directory.file("c")).ok());
  EXPECT_EQ(Commitment::read(directory.file("c")).value().digest(), commitment.digest());
  EXPECT_EQ(Commitment::read(directory.file("none")).error().code, ErrorCode::kIo);

  Commitment invalid = commitment;
  invalid.header.dtype = tensor::Dtype::kI8;
  EXPECT_FALSE(invalid.write(directory.file("d")).ok());
  EXPECT_FALSE(std::filesystem::exists(directory.file("d")));
  Bytes large = commitment.encode();
  large.resize(Commitment::kMaxBytes + 1);
  ASSERT_TRUE(write_file(directory.file("e"), large).ok());
  EXPECT_EQ(Commitment::read(directory.file("e")).error().code, ErrorCode::kTooLarge);
  // What is another kind of file is not read to find out how long it is.
  large[0] = 'B';
  ASSERT_TRUE(write_file(directory.file("e"), large).ok());
  EXPECT_EQ(Commitment::read(directory.file("e")).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace assay::claim
