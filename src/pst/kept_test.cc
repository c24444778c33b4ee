#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/wire.h"
#include "pst/kinds.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;

Digest owner() { return sha256(Bytes{1, 2, 3}); }

struct Sample {
  Axes axes = axes_of({3, 2, 4});
  Srs srs = Srs::dev(axes, 9).value();
  std::vector<Scalar> values = test::Random(8).integers(24, 40);
};

bool same(const Opening& a, const Opening& b) { return a.value == b.value && a.quotients == b.quotients; }

TEST(KeptQuotients, AreWhatOpeningsAreMadeOf) {
  const Sample sample;
  KeptQuotients kept(sample.axes);
  EXPECT_EQ(kept.depth(), 3u);
  for (std::uint64_t i = 0; i < 24; ++i) {
    const std::vector<std::uint32_t> point = sample.axes.coordinates_of(i);
    const Opening plain = open(sample.srs, sample.values, point).value();
    EXPECT_TRUE(same(open(sample.srs, sample.values, point, &kept).value(), plain));
    EXPECT_TRUE(same(open(sample.srs, sample.values, point, &kept).value(), plain));
  }
  EXPECT_EQ(kept.size(), 3u + 6 + 24);
}

TEST(KeptQuotients, AreTakenAndNotMadeAgain) {
  const Sample sample;
  KeptQuotients kept(sample.axes);
  const std::vector<std::uint32_t> first{1};
  const G1Affine wrong = test::times_generator(Fr::from_u64(77));
  kept.keep(first, wrong);
  const std::vector<std::uint32_t> point{1, 0, 2}, other{2, 0, 2};
  EXPECT_EQ(open(sample.srs, sample.values, point, &kept)->quotients[0], wrong);
  EXPECT_NE(open(sample.srs, sample.values, other, &kept)->quotients[0], wrong);
}

TEST(KeptQuotients, TheFirstAxisInOneGo) {
  const Sample sample;
  KeptQuotients kept(sample.axes);
  ASSERT_TRUE(keep_first_axis(sample.srs, sample.values, kept).ok());
  EXPECT_EQ(kept.size(), 3u);
  for (std::uint32_t z = 0; z < 3; ++z) {
    const std::vector<std::uint32_t> point{z, 1, 3};
    const G1Affine* const quotient = kept.find(std::span(&z, 1));
    ASSERT_NE(quotient, nullptr);
    EXPECT_EQ(*quotient, open(sample.srs, sample.values, point)->quotients[0]);
  }
  KeptQuotients again(sample.axes);
  EXPECT_EQ(keep_first_axis(sample.srs, IntegerView(std::vector<std::int8_t>(23)), again).error().code,
            ErrorCode::kMismatch);
}

TEST(KeptQuotients, AreOfTheFirstAxesAsFarAsTheyAreFew) {
  EXPECT_EQ(KeptQuotients(axes_of({6, 6, 6, 6, 6, 6, 6, 6})).depth(), 6u);  // 55,986 prefixes
  EXPECT_EQ(KeptQuotients(axes_of({100'000, 2})).depth(), 1u);
  EXPECT_EQ(KeptQuotients(axes_of({256, 255})).depth(), 2u);  // 65,536, as many as may be
  KeptQuotients kept(axes_of({256, 256, 2}));
  EXPECT_EQ(kept.depth(), 1u);
  const std::vector<std::uint32_t> one{255}, two{255, 255};
  kept.keep(one, G1Affine::generator());
  kept.keep(two, G1Affine::generator());
  EXPECT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept.find(two), nullptr);
}

class KeptFile : public ::testing::Test {
 protected:
  static ErrorCode refusal(const Bytes& bytes) {
    const Result<KeptQuotients> kept = KeptQuotients::decode(bytes, axes_of({3, 2, 4}), owner(), "kept");
    EXPECT_FALSE(kept.ok());
    return kept.ok() ? ErrorCode::kIo : kept.error().code;
  }
  static WireWriter begin(std::uint32_t count) {
    WireWriter writer;
    writer.raw("assay/kept/v1").raw(owner()).u32(count);
    return writer;
  }
  static void add(WireWriter& writer, const std::vector<std::uint32_t>& prefix) {
    writer.u32(static_cast<std::uint32_t>(prefix.size()));
    for (const std::uint32_t coordinate : prefix) writer.u32(coordinate);
    writer.raw(curve::encode(G1Affine::generator()));
  }
};

TEST_F(KeptFile, RoundTrips) {
  const Sample sample;
  KeptQuotients kept(sample.axes);
  const std::vector<std::uint32_t> point{2, 1, 3};
  ASSERT_TRUE(open(sample.srs, sample.values, point, &kept).ok());
  ASSERT_TRUE(keep_first_axis(sample.srs, sample.values, kept).ok());
  const Bytes bytes = kept.encode(owner());
  EXPECT_EQ(bytes.size(), 13u + 32 + 4 + 3 * 40 + 44 + 48);
  const KeptQuotients read = KeptQuotients::decode(bytes, sample.axes, owner(), "kept").value();
  EXPECT_EQ(read.size(), 5u);
  EXPECT_EQ(read.encode(owner()), bytes);
  for (std::size_t count = 1; count <= 3; ++count) {
    const auto prefix = std::span(point).first(count);
    EXPECT_EQ(*read.find(prefix), *kept.find(prefix));
  }
}

TEST_F(KeptFile, IsWrittenAndRead) {
  const Sample sample;
  const test::TemporaryDirectory directory;
  KeptQuotients kept(sample.axes);
  ASSERT_TRUE(keep_first_axis(sample.srs, sample.values, kept).ok());
  const std::filesystem::path path = directory.file("kept");
  ASSERT_TRUE(kept.write(path, owner()).ok());
  EXPECT_EQ(KeptQuotients::read(path, sample.axes, owner()).value().encode(owner()), kept.encode(owner()));
  const Result<KeptQuotients> other = KeptQuotients::read(path, sample.axes, sha256(Bytes{9}));
  EXPECT_EQ(other.error().code, ErrorCode::kMismatch);
  EXPECT_TRUE(other.error().place.starts_with(path.string()));
  EXPECT_EQ(KeptQuotients::read(directory.file("none"), sample.axes, owner()).error().code, ErrorCode::kIo);
  EXPECT_EQ(kept.write(directory.file("none") / "kept", owner()).error().code, ErrorCode::kIo);
  std::filesystem::resize_file(path, KeptQuotients::kMaxBytes + 1);
  EXPECT_EQ(KeptQuotients::read(path, sample.axes, owner()).error().code, ErrorCode::kTooLarge);
}

TEST_F(KeptFile, IsRefusedUnlessCanonical) {
  WireWriter good = begin(2);
  add(good, {1});
  add(good, {1, 0});
  EXPECT_TRUE(KeptQuotients::decode(good.bytes(), axes_of({3, 2, 4}), owner(), "kept").ok());
  for (std::size_t size = 0; size < good.bytes().size(); ++size)
    refusal(Bytes(good.bytes().begin(), good.bytes().begin() + static_cast<std::ptrdiff_t>(size)));
  Bytes longer = good.bytes();
  longer.push_back(0);
  EXPECT_EQ(refusal(longer), ErrorCode::kMalformed);
  Bytes other = good.bytes();
  other[13] ^= 1;
  EXPECT_EQ(refusal(other), ErrorCode::kMismatch);
  Bytes of_another_version = good.bytes();
  of_another_version[12] = '2';
  EXPECT_EQ(refusal(of_another_version), ErrorCode::kUnsupported);
  Bytes point = good.bytes();
  point[13 + 32 + 4 + 8] ^= 1;  // x = 0 is on no point
  EXPECT_EQ(refusal(point), KeptQuotients::decode(point, axes_of({3, 2, 4}), owner(), "").error().code);

  const auto with = [](const std::vector<std::vector<std::uint32_t>>& prefixes) {
    WireWriter writer = begin(static_cast<std::uint32_t>(prefixes.size()));
    for (const auto& prefix : prefixes) add(writer, prefix);
    return writer.take();
  };
  EXPECT_EQ(refusal(with({{1}, {1}})), ErrorCode::kNonCanonical);
  EXPECT_EQ(refusal(with({{1, 0}, {1}})), ErrorCode::kNonCanonical);
  EXPECT_EQ(refusal(with({{3}})), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with({{0, 2}})), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with({{0, 0, 0}, {}})), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(with({{0, 0, 0, 0}})), ErrorCode::kOutOfRange);
  EXPECT_EQ(refusal(begin(~0u).take()), ErrorCode::kTooLarge);
}

// Prefixes that the axes have, but that are too many to be kept.
TEST_F(KeptFile, HoldsNoPrefixDeeperThanIsKept) {
  const Axes axes = axes_of({256, 256, 2});
  ASSERT_EQ(KeptQuotients(axes).depth(), 1u);
  const auto read = [&](const std::vector<std::uint32_t>& prefix) {
    WireWriter writer = begin(1);
    add(writer, prefix);
    return KeptQuotients::decode(writer.bytes(), axes, owner(), "kept");
  };
  EXPECT_TRUE(read({255}).ok());
  const Result<KeptQuotients> deeper = read({255, 255});
  ASSERT_FALSE(deeper.ok());
  EXPECT_EQ(deeper.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(deeper.error().reason, "2 of them, 1 to 1 are kept");
}

// Of the axes of its commitment, which it does not name, a file needs as many as there can be.
TEST_F(KeptFile, IsShownWithItsCountAndOwner) {
  const test::TemporaryDirectory directory;
  const std::filesystem::path path = directory.file("kept");
  const auto shown = [&](std::size_t coordinates) {
    WireWriter writer = begin(2);
    add(writer, std::vector<std::uint32_t>(coordinates, 0));
    add(writer, {2, 1});
    EXPECT_TRUE(write_file(path, writer.bytes()).ok());
    const FileKind* const kind = find_kind(path, file_kinds()).value();
    EXPECT_EQ(kind->name, "kept quotients");
    return kind->read(path);
  };
  const Result<Json> fields = shown(Axes::kMaxCount);
  ASSERT_TRUE(fields.ok()) << fields.error().to_string();
  EXPECT_EQ(*fields, (Json{{"quotients", 2}, {"kept_for", to_hex(owner())}}));
  const Result<Json> more = shown(Axes::kMaxCount + 1);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(more.error().reason, "more than there are axes");
}

}  // namespace
}  // namespace assay::pst
