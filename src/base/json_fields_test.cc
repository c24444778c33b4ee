#include "base/json_fields.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "base/file.h"

namespace assay {
namespace {

using enum ErrorCode;

constexpr std::size_t kCap = 1 << 20;

/// A text that is read whole, with one field "a" of the value given.
class Field {
 public:
  explicit Field(std::string_view value)
      : text_(JsonText::parse("{\"a\":" + std::string(value) + "}", "f", kCap).value()) {}
  [[nodiscard]] JsonValue operator*() const { return text_.root().open_fields().value()["a"]; }

 private:
  JsonText text_;
};

template <class T>
std::string refusal(const Result<T>& result, ErrorCode code) {
  EXPECT_FALSE(result.ok());
  if (result.ok()) return "";
  EXPECT_EQ(result.error().code, code) << result.error().to_string();
  return result.error().to_string();
}

TEST(JsonText, IsCappedAndStrict) {
  EXPECT_TRUE(JsonText::parse("{\"a\":1}", "f", 7).ok());
  EXPECT_EQ(refusal(JsonText::parse("{\"a\":1}", "f", 6), kTooLarge), "f: 7 bytes, at most 6 are read");
  refusal(JsonText::parse("{\"a\":1,\"a\":1}", "f", kCap), kMalformed);
  refusal(JsonText::parse("{\"a\":1}{}", "f", kCap), kMalformed);
  EXPECT_EQ(JsonText::parse("[1,2]", "f", kCap)->json(), Json::parse("[1,2]"));
}

TEST(JsonText, MayBeAFile) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "json_fields_test.json";
  ASSERT_TRUE(write_file(path, "{\"a\":true}").ok());
  const JsonText text = JsonText::read(path, 10).value();
  EXPECT_EQ(refusal(text.root().open_fields().value()["a"].text(9), kMalformed),
            path.string() + ": a: a text is expected here");
  refusal(JsonText::read(path, 9), kTooLarge);
  std::filesystem::remove(path);
  refusal(JsonText::read(path, 10), kIo);
}

TEST(JsonValue, ErrorsNameThePlace) {
  const JsonText text =
      JsonText::parse(R"({"x":1,"a":{"b":[0,[],{},{"c":"text","d":{}}]}})", "FILE", kCap).value();
  const JsonFields root = text.root().open_fields().value();
  const JsonFields a = root["a"].open_fields().value();
  const JsonArray b = a["b"].array(4).value();
  const JsonFields third = b[3].open_fields().value();
  const auto place = [](const JsonValue& value) { return value.error(kMalformed, "").place; };
  EXPECT_EQ(place(text.root()), "FILE");
  EXPECT_EQ(place(root["x"]), "FILE: x");
  EXPECT_EQ(place(a["b"]), "FILE: a.b");
  EXPECT_EQ(place(b[0]), "FILE: a.b[0]");
  EXPECT_EQ(place(third["c"]), "FILE: a.b[3].c");
  EXPECT_EQ(place(third["missing"]), "FILE: a.b[3].missing");
  EXPECT_EQ(place(root["missing"]), "FILE: missing");
  EXPECT_EQ(refusal(third["c"].boolean(), kMalformed), "FILE: a.b[3].c: true or false is expected here");
  EXPECT_EQ(refusal(third["missing"].boolean(), kMalformed), "FILE: a.b[3].missing: this field is missing");

  const JsonText list = JsonText::parse("[[7]]", "FILE: taps", kCap).value();
  EXPECT_EQ(place(list.root().array(1).value()[0].array(1).value()[0]), "FILE: taps[0][0]");
  const JsonText unnamed = JsonText::parse(R"({"a":{}})", "", kCap).value();
  const JsonFields fields = unnamed.root().open_fields().value();
  EXPECT_EQ(place(fields["a"]), "a");
  EXPECT_EQ(place(fields["b"]), "b");
  EXPECT_EQ(place(fields["a"].open_fields().value()["b"]), "a.b");
}

TEST(JsonValue, LocatesTheErrorsOfOtherReaders) {
  const Field field("1");
  EXPECT_EQ((*field).located(Result<int>(4)).value(), 4);
  EXPECT_EQ(refusal((*field).located(Result<int>(Error{kNonCanonical, "", "why"})), kNonCanonical),
            "f: a: why");
  EXPECT_EQ(refusal((*field).located(Status(Error{kMismatch, "axis 2", "why"})), kMismatch),
            "f: a: axis 2: why");
  EXPECT_TRUE((*field).located(Status()).ok());
}

// Every reading refuses a missing field, and every value that is of another type than its own.
TEST(JsonValue, RefusesOtherTypes) {
  const auto expect_refused = [](const JsonValue& value, std::string_view but, bool missing) {
    const auto expect_malformed = [&](std::string_view name, const auto& result, std::string_view what) {
      if (but.find(name) != but.npos) return;
      EXPECT_EQ(refusal(result, kMalformed), missing ? "f: a.b: this field is missing"
                                                     : "f: a: " + std::string(what) + " is expected here");
    };
    expect_malformed("boolean", value.boolean(), "true or false");
    expect_malformed("integer", value.integer<std::uint32_t>(1, 9), "an integer from 1 to 9");
    expect_malformed("integer", value.integer<std::int64_t>(-5, 9), "an integer from -5 to 9");
    expect_malformed("real", value.real(0, 0.5), "a number from 0 to 0.5");
    expect_malformed("real", value.real(), "a number");
    expect_malformed("text", value.text(9), "a text");
    expect_malformed("text", value.ascii(9), "a text");
    expect_malformed("text", value.hex(2), "a text of 4 hexadecimal digits");
    expect_malformed("text", value.base64(9), "a text in base64");
    expect_malformed("array", value.array(9), "an array");
    expect_malformed("array", value.integers<std::uint64_t>(9), "an array");
    expect_malformed("object", value.fields({}), "an object");
    expect_malformed("object", value.open_fields(), "an object");
    if (but.find("object") == but.npos) refusal(value.format("t/v", 1, {}), kMalformed);
    if (but.find("integer") == but.npos) {
      EXPECT_EQ(refusal(value.decimal(), kMalformed),
                missing ? "f: a.b: this field is missing" : "f: a: an integer is expected here");
    }
  };
  for (const auto& [value, type] : {std::pair("true", "boolean"),
                                    {"1", "integer real"},
                                    {"-70000000000000000000", "integer real"},
                                    {"1.0", "real"},
                                    {"1e2", "real"},
                                    {"\"1\"", "text"},
                                    {"\"true\"", "text"},
                                    {"null", "null"},
                                    {"[]", "array"},
                                    {"[1]", "array"},
                                    {"{}", "object"}}) {
    SCOPED_TRACE(value);
    const Field field(value);
    expect_refused(*field, type, false);
    EXPECT_EQ((*field).is_null(), std::string_view(type) == "null");
  }
  const Field object("{}");
  const JsonFields fields = (*object).open_fields().value();
  expect_refused(fields["b"], "", true);
  EXPECT_FALSE(fields["b"].is_null());
}

TEST(JsonValue, ReadsTruthAndTexts) {
  EXPECT_TRUE((*Field("true")).boolean().value());
  EXPECT_FALSE((*Field("false")).boolean().value());
  EXPECT_EQ((*Field("\"h\\u00e9\"")).text(3).value(), "h\xc3\xa9");
  EXPECT_EQ((*Field("\"\"")).text(0).value(), "");
  EXPECT_EQ(refusal((*Field("\"abc\"")).text(2), kTooLarge), "f: a: a text of 3 bytes, at most 2 are taken");
  EXPECT_EQ((*Field("\"a ~\"")).ascii(3).value(), "a ~");
  refusal((*Field("\"abc\"")).ascii(2), kTooLarge);
  for (const char* bad : {"\"\\u00e9\"", "\"\\n\"", "\"\\u007f\"", "\"\\u001f\""})
    EXPECT_EQ(refusal((*Field(bad)).ascii(9), kMalformed),
              "f: a: a text of printable ASCII is expected here");
}

TEST(JsonValue, ReadsIntegersInARange) {
  const auto u64 = [](const char* value, std::uint64_t min = 0, std::uint64_t max = UINT64_MAX) {
    return (*Field(value)).integer<std::uint64_t>(min, max);
  };
  EXPECT_EQ(u64("0").value(), 0U);
  EXPECT_EQ(u64("-0").value(), 0U);
  EXPECT_EQ(u64("9223372036854775807").value(), 9223372036854775807U);
  EXPECT_EQ(u64("9223372036854775808").value(), 9223372036854775808U);
  EXPECT_EQ(u64("18446744073709551615").value(), UINT64_MAX);
  refusal(u64("18446744073709551616"), kOutOfRange);
  refusal(u64("36893488147419103232"), kOutOfRange);
  EXPECT_EQ(refusal(u64("-1"), kOutOfRange),
            "f: a: an integer from 0 to 18446744073709551615 is expected here");
  EXPECT_EQ(u64("3", 3, 5).value(), 3U);
  EXPECT_EQ(u64("5", 3, 5).value(), 5U);
  EXPECT_EQ(refusal(u64("6", 3, 5), kOutOfRange), "f: a: an integer from 3 to 5 is expected here");
  refusal(u64("2", 3, 5), kOutOfRange);

  EXPECT_EQ((*Field("4294967295")).integer<std::uint32_t>().value(), UINT32_MAX);
  refusal((*Field("4294967296")).integer<std::uint32_t>(), kOutOfRange);

  const auto i64 = [](const char* value) { return (*Field(value)).integer<std::int64_t>(); };
  EXPECT_EQ(i64("-9223372036854775808").value(), INT64_MIN);
  EXPECT_EQ(i64("9223372036854775807").value(), INT64_MAX);
  refusal(i64("9223372036854775808"), kOutOfRange);
  refusal(i64("18446744073709551615"), kOutOfRange);
  refusal(i64("-9223372036854775809"), kOutOfRange);
  EXPECT_EQ((*Field("-128")).integer<std::int8_t>().value(), -128);
  for (const char* beyond : {"-129", "128"})
    EXPECT_EQ(refusal((*Field(beyond)).integer<std::int8_t>(), kOutOfRange),
              "f: a: an integer from -128 to 127 is expected here");

  EXPECT_EQ((*Field("[1,2,3]")).integers<std::uint32_t>(3).value(), (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(refusal((*Field("[1,2,3]")).integers<std::uint32_t>(2), kTooLarge),
            "f: a: 3 items, at most 2 are read");
  EXPECT_EQ(refusal((*Field("[1,7,3]")).integers<std::uint32_t>(3, 1, 6), kOutOfRange),
            "f: a[1]: an integer from 1 to 6 is expected here");
  EXPECT_EQ(refusal((*Field("[1,2,1.0]")).integers<std::uint32_t>(3), kMalformed),
            "f: a[2]: an integer from 0 to 4294967295 is expected here");
}

TEST(JsonValue, ReadsIntegersOfAnySizeAsDigits) {
  for (const std::string& digits : {std::string("7"), std::string("-1"), std::string("18446744073709551615"),
                                    "-" + std::string(300, '9')})
    EXPECT_EQ((*Field(digits)).decimal().value(), digits);
}

TEST(JsonValue, ReadsNumbersInARange) {
  EXPECT_EQ((*Field("0.25")).real().value(), 0.25);
  EXPECT_EQ((*Field("3")).real(0, 3).value(), 3);
  EXPECT_EQ((*Field("0.25")).real(0.25, 3).value(), 0.25);
  EXPECT_EQ((*Field("-1e300")).real().value(), -1e300);
  // Larger than 64 bits.
  EXPECT_EQ((*Field("36893488147419103232")).real().value(), 36893488147419103232.0);
  EXPECT_EQ(refusal((*Field("36893488147419103232")).real(0, 1e6), kOutOfRange),
            "f: a: a number from 0 to 1000000 is expected here");
  EXPECT_EQ(refusal((*Field("-0.001")).real(0, 1), kOutOfRange),
            "f: a: a number from 0 to 1 is expected here");
  refusal((*Field("1.001")).real(0, 1), kOutOfRange);
  EXPECT_EQ(refusal((*Field("4")).real(std::numeric_limits<double>::lowest(), 3), kOutOfRange),
            "f: a: a number from -1.7976931348623157e+308 to 3 is expected here");
}

TEST(JsonValue, ReadsBytes) {
  EXPECT_EQ((*Field("\"00fF\"")).hex(2).value(), (Bytes{0, 255}));
  EXPECT_EQ((*Field("\"\"")).hex(0).value(), Bytes{});
  for (const char* bad : {"\"00f\"", "\"00f000\"", "\"00fg\"", "\"\"", "\"0x00\""})
    EXPECT_EQ(refusal((*Field(bad)).hex(2), kMalformed),
              "f: a: a text of 4 hexadecimal digits is expected here");

  EXPECT_EQ((*Field("\"Zm8=\"")).base64(2).value(), (Bytes{'f', 'o'}));
  EXPECT_EQ((*Field("\"\"")).base64(0).value(), Bytes{});
  EXPECT_EQ(refusal((*Field("\"Zm8=\"")).base64(1), kTooLarge), "f: a: base64 of more than 1 bytes");
  EXPECT_EQ(refusal((*Field("\"" + std::string(4000, '*') + "\"")).base64(2), kTooLarge),
            "f: a: base64 of more than 2 bytes");
  refusal((*Field("\"Zm9=\"")).base64(2), kNonCanonical);
  EXPECT_EQ(refusal((*Field("\"Zm8\"")).base64(2), kMalformed),
            "f: a: base64: 3 characters, not a multiple of 4");
}

TEST(JsonArray, HasACapAndGivesItsItems) {
  const Field field(R"(["x","y"])");
  const JsonArray array = (*field).array(2).value();
  ASSERT_EQ(array.size(), 2U);
  EXPECT_EQ(array[1].text(1).value(), "y");
  refusal((*field).array(1), kTooLarge);
  const auto text_of = [](const JsonValue& item) { return item.text(1); };
  EXPECT_EQ(array.all(text_of).value(), (std::vector<std::string>{"x", "y"}));
  const Field bad(R"(["x",7])");
  EXPECT_EQ(refusal((*bad).array(2).value().all(text_of), kMalformed), "f: a[1]: a text is expected here");
}

TEST(JsonFields, AreThoseThatAreNamed) {
  const Field field(R"({"x":1,"y":null})");
  EXPECT_TRUE((*field).fields({"x", "y"}).ok());
  EXPECT_TRUE((*field).fields({"y", "x"}).ok());
  const JsonFields fields = (*field).fields({"x"}, {"y", "z"}).value();
  EXPECT_TRUE(fields.has("y"));
  EXPECT_FALSE(fields.has("z"));
  EXPECT_EQ(fields["x"].integer<int>().value(), 1);
  EXPECT_EQ(refusal((*field).fields({"x", "y", "z"}), kMalformed), "f: a.z: this field is missing");
  EXPECT_EQ(refusal((*field).fields({"x"}, {"z"}), kMalformed), "f: a.y: no field of this name belongs here");
  EXPECT_EQ(refusal((*field).fields({}), kMalformed), "f: a.x: no field of this name belongs here");

  const JsonFields open = (*field).open_fields().value();
  ASSERT_EQ(open.size(), 2U);
  EXPECT_EQ(open.name(1), "y");
  EXPECT_TRUE(open.value(1).is_null());
}

TEST(JsonFields, ALongNameIsCutBetweenCharacters) {
  const Field field("{\"" + std::string(63, 'n') + "\xc3\xa9\":1}");
  EXPECT_EQ(refusal((*field).fields({}), kMalformed),
            "f: a." + std::string(63, 'n') + ": no field of this name belongs here");
}

TEST(JsonFields, OfAFormatOfOursBeginWithItsName) {
  const auto read = [](std::string_view text, std::uint32_t version) {
    const JsonText json = JsonText::parse(text, "f", kCap).value();
    const Result<JsonFields> fields = json.root().format("assay/t/v", version, {"x"}, {"y"});
    return fields.ok() ? Status() : Status(fields.error());
  };
  EXPECT_TRUE(read(R"({"format":"assay/t/v1","x":1})", 1).ok());
  EXPECT_TRUE(read(R"({"y":2,"x":1,"format":"assay/t/v12"})", 12).ok());
  EXPECT_EQ(refusal(read(R"({"x":1})", 1), kMalformed), "f: format: this field is missing");
  EXPECT_EQ(refusal(read(R"({"format":1,"x":1})", 1), kMalformed), "f: format: a text is expected here");
  EXPECT_EQ(refusal(read("[]", 1), kMalformed), "f: an object is expected here");
  EXPECT_EQ(refusal(read(R"({"format":"assay/t/v1"})", 1), kMalformed), "f: x: this field is missing");
  refusal(read(R"({"format":"assay/t/v1","x":1,"z":1})", 1), kMalformed);
  for (const char* other : {"", "assay/t", "assay/t/v", "assay/u/v1", "assay/t/v01", "assay/t/v0",
                            "assay/t/v1 ", "assay/t/v-1", "assay/t/v99999999999999999999"}) {
    EXPECT_EQ(refusal(read("{\"format\":\"" + std::string(other) + "\"}", 1), kUnsupported),
              "f: format: '" + std::string(other) + "' is not 'assay/t/v1'");
  }
  // The version is told before the fields, which another one may have otherwise.
  EXPECT_EQ(refusal(read(R"({"format":"assay/t/v1","old":1})", 2), kUnsupported),
            "f: format: version 1 was written by a version before the first release: make the file anew");
  EXPECT_EQ(refusal(read(R"({"format":"assay/t/v3","new":1})", 2), kUnsupported),
            "f: format: version 3, this program knows 2");
}

}  // namespace
}  // namespace assay
