#include "base/wire.h"

#include <gtest/gtest.h>

#include "base/try.h"
#include "base/utf8.h"

namespace assay {
namespace {

TEST(Wire, ReadsWhatWasWritten) {
  WireWriter writer;
  writer.begin("MAGC", 7)
      .u8(0xfe)
      .u32(0x01020304)
      .u64(0x05060708090a0b0c)
      .text("h\xc3\xa9")
      .raw(Bytes{1, 2, 3});
  const Bytes bytes = writer.bytes();
  EXPECT_EQ(to_hex(bytes),
            "4d41474307000000fe040302010c0b0a090807060503000000"
            "68c3a9"
            "010203");
  WireReader reader(bytes, "file");
  EXPECT_TRUE(reader.begin("MAGC", 7).ok());
  EXPECT_EQ(reader.u8("byte").value(), 0xfe);
  EXPECT_EQ(reader.u32("word").value(), 0x01020304u);
  EXPECT_EQ(reader.u64("long").value(), 0x05060708090a0b0cu);
  EXPECT_EQ(reader.text(3, "name").value(), "h\xc3\xa9");
  EXPECT_EQ(reader.finish().error().to_string(), "file: end at byte 28: 3 bytes too many");
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_EQ(reader.raw(3, "rest").value()[2], 3);
  EXPECT_TRUE(reader.finish().ok());
  EXPECT_EQ(writer.take(), bytes);
}

TEST(Wire, NumbersOfOtherSizes) {
  const Bytes bytes = WireWriter().u16(0x0102).f32(-1.5F).f64(1.0 / 3).take();
  EXPECT_EQ(to_hex(bytes), "02010000c0bf555555555555d53f");
  WireReader reader(bytes, "file");
  EXPECT_EQ(reader.u16("short").value(), 0x0102);
  EXPECT_EQ(reader.f32("float").value(), -1.5F);
  EXPECT_EQ(reader.f64("double").value(), 1.0 / 3);
  EXPECT_EQ(reader.f64("none").error().code, ErrorCode::kMalformed);
}

TEST(Wire, SaysWhereTheBytesEnd) {
  const Bytes bytes(7, 0xff);
  WireReader reader(bytes, "file");
  EXPECT_TRUE(reader.u32("first").ok());
  EXPECT_EQ(reader.u32("second").error().to_string(),
            "file: second at byte 4: needs 4 bytes, 3 are left: truncated?");
  EXPECT_EQ(reader.u64("second").error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(reader.raw(SIZE_MAX, "second").ok());
  EXPECT_EQ(reader.offset(), 4u);
  EXPECT_TRUE(reader.raw(3, "rest").ok());
  EXPECT_FALSE(reader.u8("none").ok());
  EXPECT_FALSE(reader.text(9, "none").ok());
  EXPECT_FALSE(reader.count(1, 9, "none").ok());
}

/// What begin() says of these bytes.
std::string refusal(const Bytes& bytes, std::string_view tag, std::uint32_t version, ErrorCode code) {
  WireReader reader(bytes, "file");
  const Status status = reader.begin(tag, version);
  EXPECT_FALSE(status.ok());
  if (status.ok()) return "";
  EXPECT_EQ(status.error().code, code);
  return status.error().to_string();
}

TEST(Wire, BeginsWithATagAndAVersion) {
  const Bytes binary = WireWriter().begin(std::string_view("TAG\0", 4), 0x0102).u8(9).take();
  EXPECT_EQ(to_hex(binary),
            "54414700"
            "02010000"
            "09");
  WireReader reader(binary, "file");
  EXPECT_TRUE(reader.begin(std::string_view("TAG\0", 4), 0x0102).ok());
  EXPECT_EQ(reader.u8("byte").value(), 9);

  const Bytes text = WireWriter().begin("assay/t/v", 2).u8('3').take();
  EXPECT_EQ(std::string(text.begin(), text.end()), "assay/t/v23");
  WireReader text_reader(text, "file");
  EXPECT_TRUE(text_reader.begin("assay/t/v", 2).ok());
  EXPECT_EQ(text_reader.offset(), 10U);

  const Bytes bare = WireWriter().begin({}, 3).take();
  EXPECT_EQ(to_hex(bare), "03000000");
  EXPECT_TRUE(WireReader(bare, "file").begin({}, 3).ok());
  const Bytes high = WireWriter().begin("\xff", 1).take();
  EXPECT_TRUE(WireReader(high, "file").begin("\xff", 1).ok());
}

TEST(Wire, RefusesAnotherTag) {
  using enum ErrorCode;
  const Bytes bytes = WireWriter().begin("TAGX", 1).take();
  EXPECT_EQ(refusal(bytes, "TAGY", 1, kMalformed),
            "file: tag at byte 0: these bytes are not 'TAGY': is this another kind of file?");
  EXPECT_EQ(refusal(bytes, std::string_view("TAG\0", 4), 1, kMalformed),
            "file: tag at byte 0: these bytes are not 'TAG': is this another kind of file?");
  refusal({}, "TAGX", 1, kMalformed);
  refusal({'T', 'A', 'G'}, "TAGX", 1, kMalformed);
  EXPECT_EQ(refusal({'T', 'A', 'G', 'X', 1, 0, 0}, "TAGX", 1, kMalformed),
            "file: version at byte 4: needs 4 bytes, 3 are left: truncated?");
  const std::string text = "assay/t/v";
  EXPECT_EQ(refusal(Bytes(text.begin(), text.end()), text, 1, kMalformed),
            "file: version at byte 9: needs 1 bytes, 0 are left: truncated?");
  for (const char digit : {'0', ':', '/', 'x'}) {
    Bytes other(text.begin(), text.end());
    other.push_back(static_cast<std::uint8_t>(digit));
    EXPECT_EQ(refusal(other, text, 1, kMalformed), "file: version at byte 9: not a digit from 1 to 9");
  }
}

TEST(Wire, RefusesAnotherVersionByName) {
  const auto said = [](std::string_view tag, std::uint32_t given, std::uint32_t known) {
    return refusal(WireWriter().begin(tag, given).take(), tag, known, ErrorCode::kUnsupported);
  };
  const std::string older = "version 1 was written by a version before the first release: make the file anew";
  EXPECT_EQ(said("TAGX", 1, 2), "file: version at byte 4: " + older);
  EXPECT_EQ(said("assay/t/v", 1, 3), "file: version at byte 9: " + older);
  EXPECT_EQ(said({}, 1, 2), "file: version at byte 0: " + older);
  EXPECT_EQ(said("TAGX", 3, 2), "file: version at byte 4: version 3, this program knows 2");
  EXPECT_EQ(said("assay/t/v", 9, 2), "file: version at byte 9: version 9, this program knows 2");
  EXPECT_EQ(said("TAGX", 0, 2), "file: version at byte 4: version 0, this program knows 2");
  EXPECT_EQ(said("TAGX", UINT32_MAX, 2), "file: version at byte 4: version 4294967295, this program knows 2");
}

TEST(Wire, TextHasACapAndIsUtf8) {
  const Bytes bytes = WireWriter().text("abc").take();
  EXPECT_EQ(WireReader(bytes, "f").text(2, "name").error().to_string(),
            "f: name at byte 0: text of 3 bytes, at most 2 are taken");
  EXPECT_EQ(WireReader(bytes, "f").text(2, "name").error().code, ErrorCode::kTooLarge);
  const Bytes bad = WireWriter().text("\xc0\x80").take();
  EXPECT_EQ(WireReader(bad, "f").text(2, "name").error().code, ErrorCode::kMalformed);
  const Bytes huge = WireWriter().u32(UINT32_MAX).take();
  EXPECT_EQ(WireReader(huge, "f").text(SIZE_MAX, "name").error().code, ErrorCode::kMalformed);
}

TEST(Wire, CountsMustFitWhatIsLeft) {
  const Bytes bytes = WireWriter().u32(3).raw(Bytes(24)).take();
  EXPECT_EQ(WireReader(bytes, "f").count(8, 3, "points").value(), 3u);
  EXPECT_EQ(WireReader(bytes, "f").count(8, 2, "points").error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(WireReader(bytes, "f").count(9, 3, "points").error().to_string(),
            "f: points at byte 0: a count of 3, there is room for 2");
  const Bytes huge = WireWriter().u32(UINT32_MAX).take();
  EXPECT_FALSE(WireReader(huge, "f").count(SIZE_MAX, UINT32_MAX, "points").ok());
}

TEST(WireDeathTest, BugsOfTheCaller) {
  const Bytes bytes(4);
  EXPECT_DEATH(static_cast<void>(WireReader(bytes, "f").count(0, 1, "x")), "check failed");
  // Another digit would not be told from what follows.
  EXPECT_DEATH(WireWriter().begin("assay/t/v", 10), "check failed");
  EXPECT_DEATH(WireWriter().begin("assay/t/v", 0), "check failed");
}

TEST(Utf8, TakesWellFormedText) {
  for (const char* good : {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
                           "a\xe2\x82\xac"
                           "b"}) {
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  }
}

TEST(Utf8, ACharacterEndsWithinTheText) {
  const std::string_view whole = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
  for (const auto& [begin, size] : {std::pair{0, 2}, {2, 3}, {5, 4}})
    for (int kept = 1; kept < size; ++kept)
      EXPECT_EQ(next_utf8(whole.substr(begin, kept)).size, 0U) << begin << ", " << kept;
}

TEST(Utf8, RefusesTheRest) {
  for (const char* bad : {"\x80",
                          "\xbf",
                          "\xc0\x80",
                          "\xc1\xbf",
                          "\xc2",
                          "\xc2\x7f",
                          "\xc2\xc0",
                          "\xe0\x9f\xbf",
                          "\xe2\x82",
                          "\xe2\x82\x7f",
                          "\xe2\x82\xc0",
                          "\xed\xa0\x80",
                          "\xed\xbf\xbf",
                          "\xf0\x8f\xbf\xbf",
                          "\xf0\x90\x80",
                          "\xf0\x90\x80\x7f",
                          "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80",
                          "\xff",
                          "a\xff"
                          "b"}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << to_hex(ByteSpan(reinterpret_cast<const std::uint8_t*>(bad), 2));
  }
}

}  // namespace
}  // namespace assay
