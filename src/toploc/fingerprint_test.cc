#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "base/sha256.h"
#include "base/wire.h"
#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

constexpr std::uint32_t kHidden = 200;
constexpr std::uint32_t kDimensions = 24;

Digest seed(std::uint8_t first) {
  Digest digest{};
  digest[0] = first;
  return digest;
}

std::vector<float> states(std::uint32_t seed_number, std::size_t rows) {
  std::mt19937 random(seed_number);
  std::normal_distribution<float> normal;
  std::vector<float> values(rows * kHidden);
  for (float& value : values) value = normal(random);
  return values;
}

Fingerprint of(const std::vector<float>& values, std::uint8_t seed_byte = 1) {
  return Fingerprint::project(values, kHidden, seed(seed_byte), kDimensions).value();
}

std::vector<float> scaled(std::vector<float> values, float error) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  for (float& value : values) value *= 1 + error * normal(random);
  return values;
}

Profile with_bound(std::optional<double> bound) {
  Profile profile = Profile::published();
  profile.fingerprint_distance = bound;
  return profile;
}

TEST(Fingerprint, IsTheSignedSumOfItsDefinition) {
  const std::vector<float> values = states(1, 3);
  const Fingerprint fingerprint = of(values);
  const Digest key = Sha256()
                         .update("assay/toploc/fingerprint/v1")
                         .update(seed(1))
                         .update_u32(kHidden)
                         .update_u32(kDimensions)
                         .digest();
  ChaCha20Stream stream(key);
  std::vector<std::uint64_t> words(kHidden * kDimensions / 64 + 1);
  for (std::uint64_t& word : words) word = stream.next_u64();
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t j = 0; j < kDimensions; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < kHidden; ++i) {
        const std::size_t bit = i * kDimensions + j;
        const double value = values[row * kHidden + i];
        sum += (words[bit / 64] >> bit % 64 & 1) != 0 ? -value : value;
      }
      EXPECT_EQ(fingerprint.values[row * kDimensions + j],
                static_cast<float>(sum * (1 / std::sqrt(static_cast<double>(kDimensions)))));
    }
  }
}

TEST(Fingerprint, KeepsLengthsOnAverage) {
  double states_squared = 0;
  double projected_squared = 0;
  const std::vector<float> values = states(2, 200);
  for (const float value : values) states_squared += value * value;
  for (const float value : of(values).values) projected_squared += value * value;
  EXPECT_NEAR(projected_squared / states_squared, 1, 0.1);
}

TEST(Fingerprint, TakesBf16AsTheFloatsItStandsFor) {
  const Bits bits = TorchNormal(3).draw(kHidden * 5);
  std::vector<float> floats;
  for (const std::uint16_t value : bits) floats.push_back(from_bf16(value));
  EXPECT_EQ(Fingerprint::project(bits, kHidden, seed(1), kDimensions).value(), of(floats));
}

TEST(Fingerprint, DoesNotDependOnThreads) {
  const std::vector<float> values = states(4, 50);
  const ThreadLimitScope one(1);
  const Fingerprint alone = of(values);
  const ThreadLimitScope four(4);
  EXPECT_EQ(of(values), alone);
}

TEST(Fingerprint, HasOneEncoding) {
  const Fingerprint fingerprint = of(states(5, 4));
  const Bytes bytes = fingerprint.encode();
  EXPECT_EQ(bytes.size(), 27 + 32 + 12 + 4 * 4 * kDimensions);
  EXPECT_EQ(Fingerprint::decode(bytes, "").value(), fingerprint);
  EXPECT_EQ(Fingerprint::decode(of({}).encode(), "").value().rows(), 0u);
}

Bytes header(std::uint32_t hidden, std::uint32_t dimensions, std::uint32_t rows) {
  return WireWriter()
      .raw("assay/toploc/fingerprint/v1")
      .raw(seed(1))
      .u32(hidden)
      .u32(dimensions)
      .u32(rows)
      .take();
}

ErrorCode code_of(const Bytes& bytes) { return Fingerprint::decode(bytes, "f").error().code; }

TEST(Fingerprint, RefusesOtherBytes) {
  const Bytes bytes = of(states(5, 4)).encode();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    ASSERT_FALSE(Fingerprint::decode({bytes.data(), length}, "").ok()) << length;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(code_of(longer), ErrorCode::kMalformed);
  Bytes tagged_otherwise = bytes;
  tagged_otherwise[26] = '2';
  EXPECT_EQ(code_of(tagged_otherwise), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(header(0, 1, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(header(Fingerprint::kMaxHidden + 1, 1, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(header(1, 0, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(header(1, Fingerprint::kMaxDimensions + 1, 0)), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(header(1, 1, UINT32_MAX)), ErrorCode::kTooLarge);
  Bytes infinite = header(1, 1, 1);
  infinite.insert(infinite.end(), {0x00, 0x00, 0x80, 0x7f});
  EXPECT_EQ(code_of(infinite), ErrorCode::kOutOfRange);
}

TEST(Fingerprint, RefusesStatesItCannotProject) {
  const auto code = [](std::vector<float> values, std::uint32_t hidden, std::uint32_t dimensions) {
    return Fingerprint::project(values, hidden, seed(1), dimensions).error().code;
  };
  EXPECT_EQ(code({1, 2, 3}, 2, 4), ErrorCode::kMismatch);
  EXPECT_EQ(code({1, 2}, 0, 4), ErrorCode::kOutOfRange);
  EXPECT_EQ(code({1, 2}, 2, 0), ErrorCode::kOutOfRange);
  EXPECT_EQ(code({1, 2}, 2, Fingerprint::kMaxDimensions + 1), ErrorCode::kOutOfRange);
  EXPECT_EQ(code(std::vector<float>(Fingerprint::kMaxValues / 1024 + 1), 1, 1024), ErrorCode::kOutOfRange);
  const Bits with_nan{0, 0, 0x7fc0, 0};
  EXPECT_EQ(Fingerprint::project(with_nan, 2, seed(1), 4).error().reason, "row 1 holds an infinity or NaN");
}

TEST(FingerprintDistance, IsRelative) {
  const Fingerprint own{seed(1), 9, 2, {3, 4, 0, 0}};
  Fingerprint theirs{seed(1), 9, 2, {3, 4, 0.3F, 0.4F}};
  EXPECT_NEAR(distance(theirs, own).value(), 0.1, 1e-7);
  EXPECT_EQ(distance(own, own).value(), 0);
  const Fingerprint zero{seed(1), 9, 2, {0, 0, 0, 0}};
  EXPECT_EQ(distance(zero, zero).value(), 0);
  EXPECT_EQ(distance(theirs, zero).value(), std::numeric_limits<double>::infinity());
  theirs.hidden = 8;
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kMismatch);
  theirs = {seed(2), 9, 2, {3, 4, 0, 0}};
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kMismatch);
  theirs = {seed(1), 9, 4, {3, 4, 0, 0}};  // as many numbers, of half as many rows
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kMismatch);
  theirs = {seed(1), 9, 2, {3, 4, 0}};
  EXPECT_EQ(theirs.validate().error().code, ErrorCode::kMismatch);
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kMismatch);
  theirs = {seed(1), 9, 2, {3, 4, 0, std::numeric_limits<float>::quiet_NaN()}};
  EXPECT_EQ(distance(theirs, own).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(distance(own, theirs).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ((Fingerprint{seed(1), 0, 2, {}}.validate().error().code), ErrorCode::kOutOfRange);
  EXPECT_EQ((Fingerprint{seed(1), 9, 0, {}}.validate().error().code), ErrorCode::kOutOfRange);
}

TEST(FingerprintVerify, TellsStatesApart) {
  const std::vector<float> own = states(6, 40);
  EXPECT_TRUE(verify(of(scaled(own, 0.004F)), of(own), with_bound(0.05)).ok());
  EXPECT_EQ(verify(of(scaled(own, 0.2F)), of(own), with_bound(0.05)).step(), "distance");
  EXPECT_EQ(verify(of(states(7, 40)), of(own), with_bound(0.05)).step(), "distance");
  EXPECT_EQ(verify(of(own, 2), of(own), with_bound(0.05)).step(), "seed");
  const Verdict shorter = verify(of(states(6, 39)), of(own), with_bound(0.05));
  EXPECT_EQ(shorter.step(), "shape");
  EXPECT_EQ(shorter.reason(), "39 rows of 24 from a width of 200, against 40 of 24 from 200");
  // Signs are seen: each value's turned about.
  std::vector<float> negated = own;
  for (float& value : negated) value = -value;
  EXPECT_EQ(verify(of(negated), of(own), with_bound(0.05)).step(), "distance");
  Fingerprint broken = of(own);
  broken.values[3] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(verify(broken, of(own), with_bound(0.05)).outcome(), Outcome::kRejected);
}

TEST(FingerprintVerify, TheBoundIsInclusive) {
  const Fingerprint own = of(states(6, 4));
  const Fingerprint theirs = of(scaled(states(6, 4), 0.004F));
  const double exact = distance(theirs, own).value();
  EXPECT_TRUE(verify(theirs, own, with_bound(exact)).ok());
  EXPECT_EQ(verify(theirs, own, with_bound(std::nextafter(exact, 0.0))).step(), "distance");
  EXPECT_EQ(verify(theirs, own, with_bound(std::nan(""))).step(), "distance");
}

TEST(FingerprintVerify, IsInconclusiveWithoutABound) {
  const Fingerprint own = of(states(6, 4));
  EXPECT_EQ(verify(own, own, Profile::published()).step(), "profile");
  EXPECT_EQ(verify(own, own, Profile::published()).outcome(), Outcome::kInconclusive);
  const Fingerprint zero = of(std::vector<float>(4 * kHidden));
  EXPECT_EQ(verify(zero, zero, with_bound(0.05)).outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verify(of({}), of({}), with_bound(0.05)).step(), "states");
}

}  // namespace
}  // namespace assay::toploc
