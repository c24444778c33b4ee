#include <gmock/gmock.h>

#include <set>

#include "claim/test_support.h"

namespace assay::claim {
namespace {

using encode::Encoding;
using tensor::Dtype;

Header header_of_model() {
  const std::vector<encode::LayerShape> shapes{{"layer_0", {1, 2, 17}, "block:0"},
                                               {"layer_1", {1, 2, 17}, "block:1"}};
  Header header{
      encode::plan_model(shapes).value(), {Encoding::Kind::kBits, 0}, Dtype::kBF16, CaptureMode::kDecode, {}};
  header.setup_digest.emplace().fill(0x11);
  return header;
}

// Written out by a script that shares no code with this program.
constexpr std::string_view kModelHeader =
    "0200000000020400000002000000020000000600000003000000440000000000000000000000000000000000000000"
    "0000000100000000110101111111111111111111111111111111111111111111111111111111111111111102000000"
    "070000006c617965725f3007000000626c6f636b3a3003000000010000000000000002000000000000001100000000"
    "000000070000006c617965725f3107000000626c6f636b3a3103000000010000000000000002000000000000001100"
    "000000000000";

TEST(Header, HasTheBytesOfTheDocument) {
  EXPECT_EQ(to_hex(header_of_model().encode()), kModelHeader);
  const Result<Header> decoded = Header::decode(from_hex(kModelHeader, "test").value(), "test");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, header_of_model());
}

TEST(Header, RoundTripsForEveryDtypeEncodingAndMode) {
  const std::vector<encode::LayerShape> shapes{{"array", {3, 4}, ""}};
  Header header{encode::plan_flat(shapes).value(), {}, {}, {}, Digest{}};
  std::set<std::string> seen;
  for (int dtype = -1; dtype <= static_cast<int>(Dtype::kF64); ++dtype) {
    for (const Encoding encoding :
         {Encoding{}, Encoding{Encoding::Kind::kBits, 0}, Encoding{Encoding::Kind::kDecimal, 0},
          Encoding{Encoding::Kind::kDecimal, 200}}) {
      for (const char* mode : {"unknown", "decode", "prefill", "recompute"}) {
        header.dtype = dtype < 0 ? std::nullopt : std::optional(static_cast<Dtype>(dtype));
        header.encoding = encoding;
        header.capture_mode = capture_mode(mode).value();
        EXPECT_EQ(to_string(header.capture_mode), mode);
        if (!header.validate().ok()) continue;
        const Bytes bytes = header.encode();
        EXPECT_TRUE(seen.insert(to_hex(bytes)).second);
        EXPECT_EQ(Header::decode(bytes, "test").value(), header);
      }
    }
  }
  EXPECT_EQ(seen.size(), 4U * (4 + 9 + 4 * 2 + 3 + 1 -
                               1));  // none: 4; integers: int; f16 to f64: bits but f64, 2 decimals
}

TEST(Header, FixesTheNumbersOfTheDtypes) {
  Header header = header_of_model();
  header.encoding = {};
  const std::vector<std::pair<Dtype, int>> codes{
      {Dtype::kBool, 0},  {Dtype::kU8, 1},   {Dtype::kI8, 2},  {Dtype::kU16, 3}, {Dtype::kI16, 4},
      {Dtype::kU32, 5},   {Dtype::kI32, 6},  {Dtype::kU64, 7}, {Dtype::kI64, 8}, {Dtype::kF16, 16},
      {Dtype::kBF16, 17}, {Dtype::kF32, 18}, {Dtype::kF64, 19}};
  for (const auto& [dtype, code] : codes) {
    header.dtype = dtype;
    EXPECT_EQ(header.encode()[55], code);
  }
  header.dtype.reset();
  EXPECT_EQ(header.encode()[55], 0xff);
}

TEST(Header, NamesOfModes) {
  EXPECT_EQ(capture_mode("Decode"), std::nullopt);
  EXPECT_EQ(capture_mode(""), std::nullopt);
  EXPECT_EQ(to_string(static_cast<CaptureMode>(4)), "unknown");
  EXPECT_EQ(to_string(static_cast<CaptureMode>(77)), "unknown");
}

TEST(Header, NamesOfSchemes) {
  EXPECT_EQ(scheme_of("tensor"), Scheme::kTensor);
  EXPECT_EQ(scheme_of("kzg"), Scheme::kKzg);
  EXPECT_EQ(scheme_of("merkle"), Scheme::kMerkle);
  for (const char* name : {"", "Tensor", "pst"}) EXPECT_EQ(scheme_of(name), std::nullopt) << name;
}

void expect_refused(const Bytes& bytes, ErrorCode code, std::string_view place) {
  const Result<Header> decoded = Header::decode(bytes, "file");
  ASSERT_FALSE(decoded.ok()) << place;
  EXPECT_EQ(decoded.error().code, code) << decoded.error().to_string();
  EXPECT_THAT(decoded.error().place, ::testing::StartsWith("file"));
  EXPECT_THAT(decoded.error().place, ::testing::HasSubstr(std::string(place)));
}

TEST(Header, RefusesWhatItDoesNotKnow) {
  const Bytes good = header_of_model().encode();
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return bytes;
  };
  expect_refused(with(0, 1), ErrorCode::kUnsupported, "version");
  expect_refused(with(0, 3), ErrorCode::kUnsupported, "version");
  expect_refused(with(4, 2), ErrorCode::kMismatch, "setup digest");  // of the scheme merkle
  expect_refused(with(4, 3), ErrorCode::kOutOfRange, "scheme");
  expect_refused(with(5, 3), ErrorCode::kOutOfRange, "layout");
  expect_refused(with(6, 0), ErrorCode::kOutOfRange, "axis count");
  expect_refused(with(6, 33), ErrorCode::kOutOfRange, "axis count");
  expect_refused(with(10, 0), ErrorCode::kOutOfRange, "axes");
  expect_refused(with(47, 2), ErrorCode::kOutOfRange, "first token");  // over 2^40
  expect_refused(with(50, 3), ErrorCode::kOutOfRange, "encoding");
  expect_refused(with(51, 1), ErrorCode::kOutOfRange, "encoding");  // a scale that bits does not have
  expect_refused(with(55, 9), ErrorCode::kOutOfRange, "dtype");     // between the integers and the floats
  expect_refused(with(55, 4), ErrorCode::kUnsupported, "dtype");    // bits of i16
  expect_refused(with(55, 0xfe), ErrorCode::kOutOfRange, "dtype");
  expect_refused(with(56, 4), ErrorCode::kOutOfRange, "capture mode");
  expect_refused(with(57, 2), ErrorCode::kOutOfRange, "setup");
  expect_refused(with(92, 1), ErrorCode::kTooLarge, "layer count");  // 65,538 layers
  expect_refused(with(90, 3), ErrorCode::kMalformed, "layer name");
  expect_refused(with(95, 4), ErrorCode::kTooLarge, "layer name");      // over 1,024 bytes
  expect_refused(with(109, 0xff), ErrorCode::kMalformed, "layer tap");  // not UTF-8
  expect_refused(with(116, 33), ErrorCode::kTooLarge, "layer rank");
  expect_refused(Bytes{}, ErrorCode::kMalformed, "version");
}

TEST(Header, RefusesWhatContradictsItself) {
  const Header good = header_of_model();
  const auto refused = [](const Header& header) {
    EXPECT_FALSE(header.validate().ok());
    const Bytes bytes = header.encode();
    return !Header::decode(bytes, "file").ok();
  };
  Header header = good;
  header.layout.real_count = 67;
  EXPECT_TRUE(refused(header));
  header = good;
  header.layout.pad_seed = 1;
  EXPECT_TRUE(refused(header));
  header = good;
  header.layout.layer_map[1].name = "layer_0";
  EXPECT_TRUE(refused(header));
  header = good;
  header.encoding.scale = 201;
  EXPECT_TRUE(refused(header));
  header = good;
  header.dtype = Dtype::kI8;
  EXPECT_TRUE(refused(header));
  header = good;
  header.capture_mode = static_cast<CaptureMode>(9);
  EXPECT_TRUE(refused(header));
  header = good;
  header.scheme = static_cast<Scheme>(9);
  EXPECT_TRUE(refused(header));
  EXPECT_EQ(header.validate().error().to_string(), "scheme: no such scheme");
  header = good;
  header.layout.kind = encode::Layout::Kind::kFlat;
  EXPECT_TRUE(refused(header));
  header = good;
  header.setup_digest.reset();
  EXPECT_TRUE(refused(header));
}

TEST(Header, CountsTokensOfARun) {
  Header header = header_of_model();
  header.first_token = Header::kMaxFirstToken;
  EXPECT_EQ(Header::decode(header.encode(), "test").value(), header);
  EXPECT_NE(header.encode(), header_of_model().encode());
  const std::vector<encode::LayerShape> shapes{{"array", {3, 4}, ""}};
  Header flat{encode::plan_flat(shapes).value(), {}, {}, {}, Digest{}};
  EXPECT_TRUE(flat.validate().ok());
  flat.first_token = 1;
  EXPECT_EQ(flat.validate().error().code, ErrorCode::kMismatch);
}

TEST(Header, HasRoomForTokensThatAreNotThere) {
  Header header = header_of_model();
  const std::vector<encode::LayerShape> shapes{{"layer_0", {1, 2, 17}, "block:0"},
                                               {"layer_1", {1, 2, 17}, "block:1"}};
  header.layout = encode::plan_model(shapes, 9).value();
  EXPECT_EQ(header.layout.axes.to_string(), "2,9,6,3");
  EXPECT_EQ(Header::decode(header.encode(), "test").value(), header);
}

TEST(Header, RefusesLayersOverflowingTheCounts) {
  Header header = header_of_model();
  header.layout.layer_map[0].original_shape = {std::uint64_t{1} << 63, 4};
  const Result<Header> decoded = Header::decode(header.encode(), "file");
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code, ErrorCode::kTooLarge);
}

TEST(Header, RefusesMoreThanItsCap) {
  std::vector<encode::LayerShape> shapes;
  for (int i = 0; i < 20000; ++i) shapes.push_back({std::string(200, 'x') + std::to_string(i), {1}, ""});
  const Header header{encode::plan_flat(shapes).value(), {}, {}, {}, Digest{}};
  const Status status = header.validate();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kTooLarge);
  const Result<Header> decoded = Header::decode(header.encode(), "file");
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(decoded.error().place, "file") << "it is refused before it is read";

  shapes.resize(10000);
  const Header smaller{encode::plan_flat(shapes).value(), {}, {}, {}, Digest{}};
  EXPECT_EQ(Header::decode(smaller.encode(), "file").value(), smaller);
}

TEST(Header, BoundsItsValues) {
  Header header = header_of_model();
  EXPECT_EQ(header.value_range().value(), encode::range_of(header.encoding, Dtype::kBF16).value());
  EXPECT_TRUE(header.value_range()->contains(Scalar{}));
  EXPECT_FALSE(header.value_range()->contains(Scalar::from_i64(40000)));
  header.dtype.reset();
  EXPECT_EQ(header.value_range().value(), encode::range_of(header.encoding, Dtype::kF32).value());
  Scalar largest{kScalarModulus};  // r - 1 is -1
  --largest.words[0];
  for (const Encoding encoding : {Encoding{}, Encoding{Encoding::Kind::kDecimal, 8}}) {
    header.encoding = encoding;
    const encode::Range range = header.value_range().value();
    EXPECT_TRUE(range.contains(largest));
    EXPECT_TRUE(range.smallest.is_negative());
    EXPECT_FALSE(range.largest.is_negative());
    EXPECT_EQ(range.smallest.magnitude(), range.largest);  // and nothing lies between them on the other side
    EXPECT_EQ(Fr::from_scalar(range.largest) + Fr::one(), Fr::from_scalar(range.smallest));
  }
  header.encoding.scale = 500;
  EXPECT_FALSE(header.value_range().ok());
}

}  // namespace
}  // namespace assay::claim
