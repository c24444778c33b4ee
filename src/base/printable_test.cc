#include "base/printable.h"

#include <gtest/gtest.h>

#include "assay/base.h"
#include "assay/error_line.h"
#include "base/json.h"
#include "base/utf8.h"

namespace assay {
namespace {

TEST(Printable, LeavesWhatCanBeSeen) {
  for (const char* text : {"", "layer_0[0, 1]", "a b", "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80", "C:\\x \"q\"",
                           "~\xc2\xa0\xef\xbf\xbd"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, ShowsWhatMovesATerminalByItsNumber) {
  EXPECT_EQ(printable("a\nb\r\tc"), "a\\nb\\r\\tc");
  EXPECT_EQ(printable("\x1b[2Jaccepted"), "\\u001b[2Jaccepted");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\u0000\\u007f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J\xc2\x80"),
            "\\u009b2J\\u0080");
}

TEST(Printable, ShowsWhatTurnsTextOrIsNotSeen) {
  for (const auto& [text, shown] : {std::pair("\xe2\x80\xae", "\\u202e"),
                                    {"\xe2\x80\xaa", "\\u202a"},
                                    {"\xe2\x81\xa6", "\\u2066"},
                                    {"\xe2\x81\xa9", "\\u2069"},
                                    {"\xe2\x80\x8e", "\\u200e"},
                                    {"\xe2\x80\x8f", "\\u200f"},
                                    {"\xd8\x9c", "\\u061c"},
                                    {"\xe2\x80\x8b", "\\u200b"},
                                    {"\xe2\x80\x8d", "\\u200d"},
                                    {"\xef\xbb\xbf", "\\ufeff"},
                                    {"\xe2\x80\xa8", "\\u2028"},
                                    {"\xe2\x80\xa9", "\\u2029"},
                                    {"\xc2\xad", "\\u00ad"},
                                    {"\xef\xb8\x8f", "\\ufe0f"},
                                    {"\xf3\xa0\x80\x81", "\\U000e0001"},
                                    {"\xf3\xa0\x81\x81", "\\U000e0041"},
                                    {"\xf3\xa0\x84\x80", "\\U000e0100"}})
    EXPECT_EQ(printable(std::string("a") + text + "b"), std::string("a") + shown + "b");
}

TEST(Printable, ShowsBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("a\xff"
                      "b"),
            "a\\xffb");
  EXPECT_EQ(printable("\x9b"
                      "2J"),
            "\\x9b2J");                   // a control character of Latin-1 terminals
  EXPECT_EQ(printable("\xc2"), "\\xc2");  // cut
  EXPECT_EQ(printable("\xc2"
                      "a"),
            "\\xc2a");
  EXPECT_EQ(printable("\xc1\x9b"), "\\xc1\\x9b");                    // overlong
  EXPECT_EQ(printable("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(printable("\xe2\x80"), "\\xe2\\x80");
}

TEST(Printable, GivesUtf8WithoutHiddenCharactersOfAnyBytes) {
  std::uint64_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      text += static_cast<char>(state >> 40);
    }
    const std::string shown = printable(text);
    ASSERT_TRUE(is_valid_utf8(shown)) << shown;
    ASSERT_EQ(printable(shown), shown);
    for (std::string_view rest = shown; !rest.empty(); rest.remove_prefix(next_utf8(rest).size))
      ASSERT_FALSE(is_hidden(next_utf8(rest).code)) << shown;
  }
}

TEST(Printable, JsonKeepsItsMeaning) {
  const Json given = {{"a\xe2\x80\xae",
                       "\xc2\x9b"
                       "2J\x1b\n\x7f\xf3\xa0\x81\x81\xf0\x9f\x98\x80"}};
  const std::string text = dump_json(given);
  EXPECT_EQ(text, "{\n  \"a\\u202e\": \"\\u009b2J\\u001b\\n\\u007f\\udb40\\udc41\xf0\x9f\x98\x80\"\n}");
  EXPECT_EQ(parse_json(text, "t").value(), given);
}

TEST(Printable, JsonKeepsTheLinesBetweenItsStrings) {
  EXPECT_EQ(printable_json("{\n\t\"a\xe2\x80\xae\"\r\n}"), "{\n\t\"a\\u202e\"\r\n}");
}

TEST(ErrorLine, HasThreeHundredCharactersAtMost) {
  std::string whole;  // of 300 characters of two bytes
  for (int i = 0; i < 300; ++i) whole += "\xc3\xa9";
  EXPECT_EQ(error_line("f: a\nb"), "f: a\\nb");
  EXPECT_EQ(error_line(whole), whole);
  const std::string begin(200, 'a'), end(200, 'b');
  const auto cut = [&](std::size_t kept) { return begin.substr(0, kept) + " .. " + end.substr(0, 120); };
  EXPECT_EQ(error_line(begin + end), cut(176));
  EXPECT_EQ(error_line(begin + end, 30), cut(146));
  EXPECT_EQ(error_line(begin + end, 1000), cut(76)) << "100 at most are left for what stands before";
}

}  // namespace
}  // namespace assay
