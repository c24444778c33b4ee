#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace assay {
namespace {

constexpr std::string_view kLarge = "123456789012345678901234567890123456789012345678901234567890";

Error error_of(std::string_view text) {
  const Result<Json> parsed = parse_json(text, "t");
  EXPECT_FALSE(parsed.ok()) << text;
  return parsed.ok() ? Error{} : parsed.error();
}

std::string round_trip(std::string_view text) { return dump_json(parse_json(text, "t").value(), -1); }

TEST(Json, KeepsValuesAndTheOrderOfKeys) {
  const Json value =
      parse_json(R"({"z":1,"a":[true,false,null,"x\u00e9\n"],"m":{"k":-2.5},"e":[],"o":{}})", "t").value();
  EXPECT_EQ(value["z"], 1);
  EXPECT_EQ(value["a"][3], "x\xc3\xa9\n");
  EXPECT_EQ(value["m"]["k"], -2.5);
  EXPECT_EQ(value.begin().key(), "z");
  EXPECT_EQ(dump_json(value, -1), R"({"z":1,"a":[true,false,null,"xé\n"],"m":{"k":-2.5},"e":[],"o":{}})");
  EXPECT_EQ(parse_json(" 7 \n", "t").value(), 7);
}

TEST(Json, DumpsAsTheLibraryDoes) {
  const Json value =
      parse_json(R"({"a":[1,[2,{"b":"\u0001\"\\/"}],[],{}],"c":0.1,"d":1e300,"e":-0.0,"f":5e-324})", "t")
          .value();
  for (const int indent : {-1, 0, 2, 7}) EXPECT_EQ(dump_json(value, indent), value.dump(indent));
}

TEST(Json, FloatsRoundTrip) {
  for (const double x : {0.1, 1.0, -0.0, 1e22, 1e-7, 3.141592653589793, 5e-324,
                         std::numeric_limits<double>::max(), 0.30000000000000004, 100.0}) {
    const Json back = parse_json(dump_json(Json(x)), "t").value();
    ASSERT_TRUE(back.is_number_float()) << x;
    EXPECT_EQ(back.get<double>(), x);
    EXPECT_EQ(std::signbit(back.get<double>()), std::signbit(x));
  }
}

TEST(Json, IntegersOfAnySizeStayIntegers) {
  constexpr std::string_view kTexts[] = {"0",
                                         "-1",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "-9223372036854775808",
                                         "-9223372036854775809",
                                         "18446744073709551615",
                                         "18446744073709551616",
                                         "-18446744073709551616",
                                         kLarge};
  for (const std::string_view text : kTexts) {
    EXPECT_EQ(round_trip(text), text);
    EXPECT_EQ(json_decimal(parse_json(text, "t").value(), "t").value(), text);
    EXPECT_EQ(json_integer(text), parse_json(text, "t").value());
    EXPECT_EQ(dump_json(json_integer(text)), text);
  }
  EXPECT_TRUE(parse_json("18446744073709551615", "t").value().is_number_unsigned());
  EXPECT_TRUE(parse_json("-9223372036854775808", "t").value().is_number_integer());
  EXPECT_TRUE(parse_json("18446744073709551616", "t").value().is_binary());
  EXPECT_EQ(round_trip("[" + std::string(kLarge) + ",1]"), "[" + std::string(kLarge) + ",1]");
  const std::string longest = "-" + std::string(308, '1');
  EXPECT_EQ(round_trip(longest), longest);
}

TEST(Json, DecimalIsOfIntegersOnly) {
  EXPECT_EQ(json_decimal(Json(1.0), "f: x").error().to_string(), "f: x: an integer is expected here");
  for (const Json& value : {Json("5"), Json(true), Json(nullptr), Json::array(), Json::object(), Json(1.5)}) {
    EXPECT_EQ(json_decimal(value, "t").error().code, ErrorCode::kMalformed);
  }
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_EQ(error_of(R"({"a":1,"a":2})").to_string(),
            "t: before byte 10: the key \"a\" stands twice in one object");
  EXPECT_EQ(error_of(R"({"a":1,"b":{"c":1,"c":1}})").code, ErrorCode::kMalformed);
  EXPECT_EQ(error_of(R"({"a":1,"\u0061":2})").code, ErrorCode::kMalformed);
  EXPECT_TRUE(parse_json(R"([{"a":{"a":1},"b":[{"a":1}]},{"a":1}])", "t").ok());
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const std::string_view bad : {"",
                                     " ",
                                     "{",
                                     "[1",
                                     "[1,]",
                                     "{\"a\":1,}",
                                     "{\"a\"}",
                                     "{a:1}",
                                     "'a'",
                                     "nul",
                                     "tru",
                                     "1 2",
                                     "{} x",
                                     "[1]]",
                                     "01",
                                     "-",
                                     "+1",
                                     "1.",
                                     ".5",
                                     "1e",
                                     "0x10",
                                     "NaN",
                                     "Infinity",
                                     "-Infinity",
                                     "// c\n1",
                                     "/* */1",
                                     "\"\t\"",
                                     "\"\\x41\"",
                                     "\"\\ud800\"",
                                     "\"a",
                                     "[1}",
                                     "\xef\xbb\xbf"
                                     "1"}) {
    EXPECT_EQ(error_of(bad).code, ErrorCode::kMalformed) << bad;
  }
  EXPECT_EQ(error_of(std::string_view("1\0", 2)).to_string(),
            "t: byte 2: not JSON: parse error at line 1, column 2: nothing more is expected");
  EXPECT_FALSE(parse_json(std::string_view("{}\0{", 4), "t").ok());
  EXPECT_FALSE(parse_json(std::string_view("\0", 1), "t").ok());
  EXPECT_FALSE(parse_json(std::string_view("\"a\0b\"", 5), "t").ok());
  EXPECT_THAT(error_of("[1,\n x]").to_string(),
              testing::StartsWith("t: byte 6: not JSON: parse error at line 2"));
  EXPECT_FALSE(parse_json({}, "t").ok());
  EXPECT_EQ(error_of("\"a").to_string(),
            "t: byte 3: not JSON: parse error at line 1, column 3: a string is not ended");
}

TEST(Json, CountsTheDigitsOfIntegersAlone) {
  for (const auto& [text, digits] : {std::pair<std::string_view, std::size_t>{"0", 1},
                                     {"-0", 1},
                                     {"-120", 3},
                                     {"", 0},
                                     {"-", 0},
                                     {"01", 0},
                                     {"-00", 0},
                                     {"1:", 0},
                                     {"1/", 0},
                                     {"1a", 0}})
    EXPECT_EQ(internal::count_integer_digits(text), digits) << text;
}

// nlohmann's own reader takes the same texts, but for what is refused above and below.
TEST(Json, TakesWhatTheLibraryTakes) {
  constexpr std::string_view kPieces[] = {"{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          ":",
                                          "\"a\"",
                                          "\"b\"",
                                          "1",
                                          "-0",
                                          "-",
                                          "0",
                                          "1.5",
                                          "1e5",
                                          "2E-3",
                                          "1e+2",
                                          ".5",
                                          "1.",
                                          "e1",
                                          "true",
                                          "false",
                                          "null",
                                          "nul",
                                          " ",
                                          "\n",
                                          "\t",
                                          "\"\\n\"",
                                          "\"\\u00e9\"",
                                          "\"\\ud83d\\ude00\"",
                                          "\"\\ud83d\"",
                                          "\"\\ude00\"",
                                          "\"\\u12g4\"",
                                          "\"\\q\"",
                                          "\"\x01\"",
                                          "\"\xc3\xa9\"",
                                          "\"\xc3\"",
                                          "\"",
                                          "\\",
                                          "x",
                                          "\f",
                                          "1e-999",
                                          "5e-324",
                                          "1.7976931348623157e308",
                                          "1.8e308",
                                          "0e999999999999999999999",
                                          "1e-99999999999999999999"};
  std::uint64_t state = 1;
  const auto draw = [&state](std::size_t below) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state >> 33) % below;
  };
  std::size_t taken = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text;
    // Half of them are arrays, of which more are right.
    const bool array = draw(2) == 0;
    for (std::size_t i = 1 + draw(6); i > 0; --i) {
      text += kPieces[draw(std::size(kPieces))];
      if (array && i > 1) text += ",";
    }
    if (array) text = "[" + text + "]";
    const Json theirs = Json::parse(text, nullptr, false);
    const Result<Json> own = parse_json(text, "t");
    if (own.ok()) {
      ++taken;
      ASSERT_FALSE(theirs.is_discarded()) << text;
      ASSERT_EQ(dump_json(*own, -1), dump_json(theirs, -1)) << text;
    } else if (own.error().reason.find("stands twice") == std::string::npos) {
      ASSERT_TRUE(theirs.is_discarded()) << text << ": " << own.error().to_string();
    }
  }
  EXPECT_GT(taken, 20'000u);
}

TEST(Json, EscapedCharactersTakeTheBytesThatTheyNeed) {
  EXPECT_EQ(parse_json(R"("\u007f\u0080\u07ff\u0800\uffff")", "t").value().get<std::string>(),
            "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf");
}

TEST(Json, AByteOrderMarkIsNamed) {
  EXPECT_EQ(error_of("\xef\xbb\xbf{}").reason, "a byte order mark before the JSON text: remove it");
}

TEST(Json, SurrogatesEndWhereTheStandardSays) {
  EXPECT_EQ(parse_json(R"("\ud7ff\ue000")", "t").value().get<std::string>(), "\xed\x9f\xbf\xee\x80\x80");
  EXPECT_EQ(parse_json(R"("\ud800\udc00\udbff\udfff")", "t").value().get<std::string>(),
            "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
  for (const char* half :
       {R"("\udc00")", R"("\udfff")", R"("\udc00\udc00")", R"("\ud800\ue000")", R"("\ud800\udbff")"})
    EXPECT_THAT(error_of(half).reason, testing::HasSubstr("half of a surrogate pair")) << half;
}

TEST(Json, ShowsSixtyFourBytesAtMost) {
  const std::string text = std::string(64, 'x') + "\x80";
  EXPECT_EQ(internal::shown(std::string_view(text).substr(0, 64)), std::string(64, 'x'));
  EXPECT_EQ(internal::shown(std::string(65, 'x')), std::string(64, 'x'));
  EXPECT_EQ(internal::shown(std::string(63, 'x') + "\xc3\xa4"), std::string(63, 'x'));
  EXPECT_EQ(internal::shown(std::string(65, '\x80')), "") << "no character begins";
}

TEST(Json, SaysLittleOfMuch) {
  const std::string much(1 << 20, 'x');
  for (const std::string& text :
       {"\"" + much, "\"" + much + "\xff\"", std::string(1 << 20, '\n') + "x", std::string(1 << 20, '9'),
        "1." + std::string(1 << 20, '9') + "e999", "{\"" + much + "\":1,\"" + much + "\":1}", much})
    EXPECT_LT(error_of(text).to_string().size(), 200u);
  EXPECT_EQ(error_of(std::string(1 << 20, '\n') + "x").to_string(),
            "t: byte 1048577: not JSON: parse error at line 1048577, column 1: a value is expected");
}

TEST(Json, RefusesInvalidUtf8) {
  for (const std::string_view bad :
       {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\""}) {
    EXPECT_EQ(error_of(bad).code, ErrorCode::kMalformed);
  }
}

TEST(Json, RefusesNumbersOutsideTheDoubles) {
  const std::string zeros(400, '0');
  for (const std::string& bad : {std::string("1e999"), std::string("-1e999"), std::string("[1e309]"),
                                 "-1" + zeros + ".5", std::string("10.0e9223372036854775807")}) {
    EXPECT_EQ(error_of(bad).code, ErrorCode::kMalformed) << bad;
    EXPECT_THAT(error_of(bad).reason, testing::EndsWith("a number outside the doubles")) << bad;
  }
  EXPECT_EQ(error_of("1" + std::string(308, '0')).reason, "an integer of more than 308 digits");
  EXPECT_EQ(error_of(std::string(400, '9')).code, ErrorCode::kMalformed);
  EXPECT_EQ(parse_json("1e-999", "t").value().get<double>(), 0.0);
  EXPECT_EQ(parse_json("0.01e-9223372036854775807", "t").value().get<double>(), 0.0);
  // Too small without an exponent, or in spite of one that is not negative.
  for (const char* exponent : {"", "e50", "e+50", "E+50"})
    EXPECT_EQ(parse_json("0." + zeros + "1" + exponent, "t").value().get<double>(), 0.0);
}

TEST(Json, RefusesDepthsOver64) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(round_trip(nested(64)), nested(64));
  EXPECT_EQ(error_of(nested(65)).code, ErrorCode::kTooLarge);
  EXPECT_EQ(error_of(std::string(1'000'000, '[')).code, ErrorCode::kTooLarge);
  std::string objects;
  for (int i = 0; i < 65; ++i) objects += "{\"a\":";
  EXPECT_EQ(error_of(objects).code, ErrorCode::kTooLarge);
}

class Anything final : public JsonVisitor {
 public:
  Status begin_object() override { return {}; }
  Status end_object() override { return {}; }
  Status begin_array() override { return {}; }
  Status end_array() override { return {}; }
  Status key(std::string_view) override { return {}; }
  Status string(std::string_view) override { return {}; }
  Status integer(std::string_view) override { return {}; }
  Status real(double) override { return {}; }
  Status boolean(bool) override { return {}; }
  Status null() override { return {}; }
};

TEST(Json, WidthIsNoDepth) {
  std::string text = "[[]";
  for (int i = 0; i < 1000; ++i) text += i % 2 ? ",[]" : ",{}";
  EXPECT_TRUE(parse_json(text + "]", "t").ok());
}

TEST(Json, ManyKeysTakeLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 65'535; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(parse_json(text + "\"end\":1}", "t").value().size(), 65'536u);
}

// What is kept of a text takes many times its space: so much of it and no more.
TEST(Json, KeepsSoManyValuesAndNoMore) {
  const auto many = [](std::string_view value, std::size_t count) {
    std::string text = "[";
    for (std::size_t i = 1; i < count; ++i) text += std::string(value) + ",";
    return text + std::string(value) + "]";
  };
  // The array is a value too.
  EXPECT_TRUE(parse_json(many("0", kMaxJsonValues - 1), "t").ok());
  for (const char* value : {"0", "\"\"", "[]", "{}", "null", "1.5", "true"}) {
    const Error error = error_of(many(value, kMaxJsonValues));
    EXPECT_EQ(error.code, ErrorCode::kTooLarge) << value;
    EXPECT_THAT(error.reason, testing::HasSubstr("more than 131072 values"));
  }
  Anything anything;
  EXPECT_TRUE(parse_json_stream(many("0", kMaxJsonValues), anything, "t").ok());
}

TEST(Json, TheKeysOfOpenObjectsHaveACap) {
  const auto object = [](std::size_t keys, std::string_view last) {
    std::string text = "{";
    for (std::size_t i = 1; i < keys; ++i) text += "\"" + std::to_string(i) + "\":0,";
    return text + "\"last\":" + std::string(last) + "}";
  };
  constexpr std::size_t kMost = 262'144;
  Anything anything;
  EXPECT_TRUE(parse_json_stream(object(kMost, "0"), anything, "t").ok());
  EXPECT_TRUE(parse_json_stream(object(kMost - 3, object(3, "0")), anything, "t").ok());
  EXPECT_TRUE(
      parse_json_stream("[" + object(kMost, "0") + "," + object(kMost, "0") + "]", anything, "t").ok());
  for (const std::string& text : {object(kMost + 1, "0"), object(kMost - 2, object(3, "0"))}) {
    const Status refused = parse_json_stream(text, anything, "t");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
    EXPECT_THAT(refused.error().reason, testing::HasSubstr("more than 262144 keys"));
  }
}

TEST(Json, AFieldMayBeLeftOutOnceItIsChecked) {
  const auto without = [](std::string_view text) { return parse_json(text, "t", "out"); };
  EXPECT_EQ(without(R"({"a":1,"out":2,"b":[3]})").value(), Json::parse(R"({"a":1,"b":[3]})"));
  EXPECT_EQ(without(R"({"out":[1,{"x":[2,{}]},"y"],"b":4})").value(), Json::parse(R"({"b":4})"));
  EXPECT_EQ(without(R"({"a":{"out":1},"out":{"out":[]}})").value(), Json::parse(R"({"a":{"out":1}})"));
  EXPECT_EQ(without(R"([{"out":1}])").value(), Json::parse(R"([{"out":1}])"));
  EXPECT_EQ(without(R"({"":1})").value(), parse_json(R"({"":1})", "t").value());
  std::string much = R"({"a":1,"out":[0)";
  for (std::size_t i = 0; i < kMaxJsonValues; ++i) much += ",0";
  EXPECT_EQ(without(much + "]}").value(), Json::parse(R"({"a":1})"));
  EXPECT_EQ(error_of(much + "]}").code, ErrorCode::kTooLarge);
  for (const char* bad : {R"({"out":[1,}})", R"({"out":{"a":1,"a":1}})", R"({"out":1,"out":1})"})
    EXPECT_FALSE(without(bad).ok()) << bad;
}

TEST(Json, WritesUtf8Always) { EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xef\xbf\xbd\""); }

TEST(JsonDeathTest, BugsOfTheCaller) {
  EXPECT_DEATH(static_cast<void>(dump_json(Json(std::nan("")))), "check failed");
  EXPECT_DEATH(static_cast<void>(dump_json(Json::array({std::numeric_limits<double>::infinity()}))),
               "check failed");
  const std::string too_long(309, '1');
  for (const char* bad : {"", "-", "007", "1.5", "x", "-00", too_long.c_str()}) {
    EXPECT_DEATH(static_cast<void>(json_integer(bad)), "check failed");
  }
}

// Writes down every event.
class Recorder : public JsonVisitor {
 public:
  Status begin_object() override { return note("{"); }
  Status end_object() override { return note("}"); }
  Status begin_array() override { return note("["); }
  Status end_array() override { return note("]"); }
  Status key(std::string_view name) override { return note("k:" + std::string(name)); }
  Status string(std::string_view text) override { return note("s:" + std::string(text)); }
  Status integer(std::string_view decimal) override { return note("i:" + std::string(decimal)); }
  Status real(double value) override { return note("r:" + std::to_string(value)); }
  Status boolean(bool value) override { return note(value ? "true" : "false"); }
  Status null() override { return note("null"); }
  std::string events;

 private:
  Status note(const std::string& event) {
    events += event + " ";
    return {};
  }
};

TEST(JsonStream, GivesEveryEventInOrder) {
  Recorder recorder;
  const std::string text = R"({"dims":[2,-3],"x":-0.5,"degree_bound":)" + std::string(kLarge) +
                           R"(,"c":["1","-2"],"b":[true,false,null,{}]})";
  ASSERT_TRUE(parse_json_stream(text, recorder, "t").ok());
  EXPECT_EQ(recorder.events, "{ k:dims [ i:2 i:-3 ] k:x r:-0.500000 k:degree_bound i:" + std::string(kLarge) +
                                 " k:c [ s:1 s:-2 ] k:b [ true false null { } ] } ");
}

TEST(JsonStream, MakesTheChecksOfTheParser) {
  Recorder recorder;
  for (const std::string& bad : {std::string("{\"a\":1,\"a\":1}"), std::string("[1] 2"), std::string(65, '['),
                                 std::string("\"\xff\""), std::string("1e999"), std::string("[")}) {
    EXPECT_FALSE(parse_json_stream(bad, recorder, "t").ok()) << bad;
  }
}

// Takes an array of strings that are digits.
class Digits : public JsonVisitor {
 public:
  Status begin_array() override { return {}; }
  Status end_array() override { return {}; }
  Status string(std::string_view text) override {
    if (text == "bad") return Error{ErrorCode::kOutOfRange, "", "not digits"};
    if (text == "placed") return Error{ErrorCode::kMismatch, "row 4", "not digits"};
    return {};
  }
};

TEST(JsonStream, StopsWhereTheVisitorRefuses) {
  Digits digits;
  EXPECT_TRUE(parse_json_stream(R"(["1","2"])", digits, "t").ok());
  const Error filled = parse_json_stream(R"(["1","bad","2"])", digits, "t").error();
  EXPECT_EQ(filled.code, ErrorCode::kOutOfRange);
  EXPECT_EQ(filled.to_string(), "t: before byte 10: not digits");
  EXPECT_EQ(parse_json_stream(R"(["placed"])", digits, "t").error().to_string(), "t: row 4: not digits");
}

TEST(JsonStream, EventsThatNobodyTakesRefuseTheText) {
  JsonVisitor nothing;
  Digits digits;
  EXPECT_EQ(parse_json_stream("{}", nothing, "t").error().reason, "an object is not expected here");
  EXPECT_EQ(parse_json_stream("[]", nothing, "t").error().reason, "an array is not expected here");
  EXPECT_EQ(parse_json_stream("\"a\"", nothing, "t").error().reason, "a string is not expected here");
  EXPECT_EQ(parse_json_stream("[1]", digits, "t").error().reason, "an integer is not expected here");
  EXPECT_EQ(parse_json_stream("[1.5]", digits, "t").error().reason,
            "a number that is not an integer is not expected here");
  EXPECT_EQ(parse_json_stream("[true]", digits, "t").error().reason, "true or false is not expected here");
  EXPECT_EQ(parse_json_stream("[null]", digits, "t").error().reason, "null is not expected here");
  EXPECT_EQ(nothing.key("a").error().reason, "a key is not expected here");
  EXPECT_EQ(nothing.end_object().error().reason, "the end of an object is not expected here");
  EXPECT_EQ(nothing.end_array().error().reason, "the end of an array is not expected here");
}

}  // namespace
}  // namespace assay
