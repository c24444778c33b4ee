#include "base/wire.h"

#include <gtest/gtest.h>

#include "base/try.h"
#include "base/utf8.h"

namespace assay {
namespace {

TEST(Wire, ReadsWhatWasWritten) {
  WireWriter writer;
  writer.raw("MAGC").u8(0xfe).u32(0x01020304).u64(0x05060708090a0b0c).text("h\xc3\xa9").raw(Bytes{1, 2, 3});
  const Bytes bytes = writer.bytes();
  EXPECT_EQ(to_hex(bytes),
            "4d414743fe040302010c0b0a090807060503000000"
            "68c3a9"
            "010203");
  WireReader reader(bytes, "file");
  EXPECT_TRUE(reader.expect("MAGC", "magic").ok());
  EXPECT_EQ(reader.u8("byte").value(), 0xfe);
  EXPECT_EQ(reader.u32("word").value(), 0x01020304u);
  EXPECT_EQ(reader.u64("long").value(), 0x05060708090a0b0cu);
  EXPECT_EQ(reader.text(3, "name").value(), "h\xc3\xa9");
  EXPECT_EQ(reader.finish().error().to_string(), "file: end at byte 24: 3 bytes too many");
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_EQ(reader.raw(3, "rest").value()[2], 3);
  EXPECT_TRUE(reader.finish().ok());
  EXPECT_EQ(writer.take(), bytes);
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

TEST(Wire, RefusesAnotherMagic) {
  const Bytes bytes{'M', 'A', 'G', 'X'};
  WireReader reader(bytes, "file");
  EXPECT_EQ(reader.expect("MAGC", "magic").error().code, ErrorCode::kMalformed);
  EXPECT_FALSE(reader.expect("MAGXY", "magic").ok());
  EXPECT_EQ(reader.offset(), 0u);
  EXPECT_TRUE(reader.expect("MAGX", "magic").ok());
  const Bytes high{0xff};
  EXPECT_TRUE(WireReader(high, "file").expect("\xff", "magic").ok());
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
}

TEST(Utf8, TakesWellFormedText) {
  for (const char* good : {"", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
                           "a\xe2\x82\xac"
                           "b"}) {
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  }
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
