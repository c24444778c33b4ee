#include "base/transcript.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

Bytes drawn(Transcript& transcript, std::string_view label, std::size_t count) {
  Bytes out(count);
  transcript.draw(label, out);
  return out;
}

// Computed by a second implementation, from the description in the header, over Python's hashlib.
TEST(Transcript, DrawsWhatASecondImplementationDraws) {
  Transcript transcript("test/v1");
  transcript.absorb("point", Bytes{1, 2, 3});
  transcript.absorb_u64("index", 7);
  EXPECT_EQ(
      to_hex(drawn(transcript, "challenge", 48)),
      "a8105a6d527c44565a3d594001d577ad31b9d46d2cfbee0885a260d3c3539570cef1c4b594d421d7473914fac447d57b");
  EXPECT_EQ(to_hex(drawn(transcript, "challenge", 16)), "5fb4225c7c3e1ea6c648370933fa9af1");
  Transcript left = transcript.fork("left");
  EXPECT_EQ(to_hex(drawn(left, "c", 8)), "cc55c39155909179");
}

Bytes draw_after(std::string_view type, const std::vector<std::pair<std::string, std::string>>& messages,
                 std::string_view label = "c") {
  Transcript transcript(type);
  for (const auto& [name, text] : messages) transcript.absorb(name, Bytes(text.begin(), text.end()));
  return drawn(transcript, label, 32);
}

TEST(Transcript, EverythingAbsorbedCounts) {
  const Bytes one = draw_after("t", {{"a", "b"}, {"c", "d"}});
  EXPECT_EQ(one, draw_after("t", {{"a", "b"}, {"c", "d"}}));
  EXPECT_NE(one, draw_after("u", {{"a", "b"}, {"c", "d"}}));
  EXPECT_NE(one, draw_after("t", {{"c", "d"}, {"a", "b"}}));
  EXPECT_NE(one, draw_after("t", {{"ab", ""}, {"c", "d"}}));
  EXPECT_NE(one, draw_after("t", {{"", "ab"}, {"c", "d"}}));
  EXPECT_NE(one, draw_after("t", {{"a", "b"}, {"c", "e"}}));
  EXPECT_NE(one, draw_after("t", {{"a", "b"}}));
  EXPECT_NE(one, draw_after("t", {{"a", "b"}, {"c", "d"}}, "d"));
  EXPECT_NE(draw_after("ta", {}), draw_after("t", {{"a", ""}}));
}

TEST(Transcript, DrawsDiffer) {
  Transcript transcript("t");
  const Bytes first = drawn(transcript, "c", 32);
  const Bytes second = drawn(transcript, "c", 32);
  EXPECT_NE(first, second);
  // A draw is not the absorption of what it gave.
  Transcript absorbed("t");
  absorbed.absorb("c", first);
  EXPECT_NE(drawn(absorbed, "c", 32), second);
  // Nor is a long draw the continuation of a short one.
  Transcript longer("t");
  Bytes long_draw = drawn(longer, "c", 64);
  long_draw.resize(32);
  EXPECT_NE(long_draw, first);
  Transcript nothing("t");
  EXPECT_TRUE(drawn(nothing, "c", 0).empty());
  EXPECT_NE(drawn(nothing, "c", 32), first);
}

TEST(Transcript, ForksPartWays) {
  Transcript transcript("t");
  transcript.absorb("a", Bytes{1});
  Transcript left = transcript.fork("left");
  Transcript right = transcript.fork("right");
  const Bytes of_left = drawn(left, "c", 32);
  EXPECT_NE(of_left, drawn(right, "c", 32));
  EXPECT_NE(of_left, drawn(transcript, "c", 32));
}

TEST(Transcript, U64IsAMessageOfEightBytes) {
  Transcript one("t");
  one.absorb_u64("n", 0x0102);
  Transcript two("t");
  two.absorb("n", Bytes{2, 1, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(drawn(one, "c", 32), drawn(two, "c", 32));
}

}  // namespace
}  // namespace assay
