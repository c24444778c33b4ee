#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "base/file.h"
#include "base/json.h"
#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

Signature sample_signature() {
  Signature signature;
  signature.model = "a/model";
  signature.dtype = "bfloat16";
  signature.attention = "sdpa";
  signature.prompt = "Why \"not\"?\n\u00e9";
  signature.prompt_token_ids = {1, 2};
  signature.output_token_ids = {3, Signature::kMaxToken};
  signature.parameters = {4, {16, 0, 8}, TieRule::kLowerIndex};
  signature.proofs = {{0xff, 0xd9, 0, 1, 0, 2, 0, 3, 0, 4}, {}};
  return signature;
}

std::string signed_text() { return sample_signature().encode().value(); }

Error error_with(const std::string& from, const std::string& to) {
  const Result<Signature> read = Signature::decode(replaced(signed_text(), from, to), "f");
  return read.ok() ? Error{} : read.error();
}
ErrorCode code_of_signed(const std::string& from, const std::string& to) { return error_with(from, to).code; }

TEST(Signature, HasOneText) {
  EXPECT_EQ(
      signed_text(),
      R"({"format":"assay/toploc/signature/v2","model":"a/model","dtype":"bfloat16","attention":"sdpa",)"
      R"("prompt":"Why \"not\"?\n)"
      "\u00e9"
      R"(","prompt_token_ids":[1,2],"output_token_ids":[3,2147483647],"topk":4,"decode_batching_size":16,)"
      R"("prefill_rows":0,"merge_tail_below":8,"ties":"lower-index","proofs":["/9kAAQACAAMABA==",""]})"
      "\n");
  EXPECT_EQ(Signature::decode(signed_text(), "").value(), sample_signature());
  Signature tokens = sample_signature();
  tokens.proofs.clear();
  EXPECT_EQ(Signature::decode(tokens.encode().value(), "").value(), tokens);
}

TEST(Signature, IsAFile) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "signature_test.json";
  ASSERT_TRUE(sample_signature().write(path).ok());
  EXPECT_EQ(Signature::read(path).value(), sample_signature());
  std::filesystem::resize_file(path, Signature::kMaxBytes + 1);
  EXPECT_EQ(Signature::read(path).error().code, ErrorCode::kTooLarge);
  std::filesystem::remove(path);
  EXPECT_EQ(Signature::read(path).error().code, ErrorCode::kIo);
}

TEST(Signature, OfBeforeTheFirstReleaseIsRefusedByName) {
  const Error error = error_with("signature/v2", "signature/v1");
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_EQ(error.to_string(),
            "f: format: version 1 was written by a version before the first release: make the file anew");
  EXPECT_EQ(code_of_signed("signature/v2", "signature/v3"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of_signed("signature/v2", "proofs/v1"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of_signed("\"format\":\"assay/toploc/signature/v2\",", ""), ErrorCode::kMalformed);
}

TEST(Signature, HasEveryFieldOnceAndNoOther) {
  const Json fields = parse_json(signed_text(), "").value();
  for (const auto& [name, value] : fields.items()) {
    Json without = fields;
    without.erase(name);
    const Result<Signature> read = Signature::decode(dump_json(without, -1) + "\n", "f");
    ASSERT_FALSE(read.ok()) << name;
    EXPECT_EQ(read.error().to_string(), "f: " + name + ": this field is missing");
    const std::string again = "\"" + name + "\":" + dump_json(value, -1) + ",";
    EXPECT_EQ(Signature::decode("{" + again + signed_text().substr(1), "").error().code,
              ErrorCode::kMalformed)
        << name;
    Json null = fields;
    null[name] = nullptr;
    EXPECT_FALSE(Signature::decode(dump_json(null, -1) + "\n", "").ok()) << name;
  }
  EXPECT_EQ(error_with("\"topk\":4,", "\"topk\":4,\"merge_short_tails\":false,").to_string(),
            "f: merge_short_tails: no field of this name belongs here");
}

TEST(Signature, RefusesAnotherLayout) {
  EXPECT_EQ(code_of_signed("\"topk\":4", "\"topk\": 4"), ErrorCode::kNonCanonical);
  EXPECT_EQ(code_of_signed("[1,2]", "[1,2 ]"), ErrorCode::kNonCanonical);
  EXPECT_EQ(code_of_signed("\u00e9", "\\u00e9"), ErrorCode::kNonCanonical);
  EXPECT_EQ(Signature::decode(signed_text() + "\n", "").error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(Signature::decode(signed_text().substr(0, signed_text().size() - 1), "").error().code,
            ErrorCode::kNonCanonical);
  EXPECT_EQ(code_of_signed("\"model\":\"a/model\",\"dtype\":\"bfloat16\"",
                           "\"dtype\":\"bfloat16\",\"model\":\"a/model\""),
            ErrorCode::kNonCanonical);
}

TEST(Signature, RefusesOtherValues) {
  EXPECT_EQ(code_of_signed("\"a/model\"", "3"), ErrorCode::kMalformed);
  EXPECT_EQ(code_of_signed("a/model", std::string(Signature::kMaxText + 1, 'x')), ErrorCode::kTooLarge);
  for (const char* list : {"[]", "[2147483648]", "[-1]"})
    EXPECT_EQ(code_of_signed("[1,2]", list), ErrorCode::kOutOfRange) << list;
  for (const char* list : {"3", "null", "[1.0]", "[true]", "[\"1\"]", "{\"1\":2}"})
    EXPECT_EQ(code_of_signed("[1,2]", list), ErrorCode::kMalformed) << list;
  EXPECT_EQ(code_of_signed("[3,2147483647]", "[]"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of_signed("\"topk\":4", "\"topk\":0"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of_signed("\"topk\":4", "\"topk\":4097"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of_signed("_size\":16", "_size\":0"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of_signed("_size\":16", "_size\":true"), ErrorCode::kMalformed);
  EXPECT_EQ(code_of_signed("_below\":8", "_below\":4294967296"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of_signed("lower-index", "random"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of_signed("\"/9kA", "\"*9kA"), ErrorCode::kMalformed);
  EXPECT_EQ(code_of_signed("ABA==", "ABB=="), ErrorCode::kNonCanonical);
  EXPECT_EQ(code_of_signed("\"\"]", "3]"), ErrorCode::kMalformed);
  EXPECT_EQ(code_of_signed("\"\"]", "\"" + std::string(10928, 'A') + "\"]"), ErrorCode::kTooLarge);
  // The first thing that belongs nowhere ends the reading.
  for (const std::string& other :
       {std::string(1000, '['), std::string("[]"), std::string("3"), std::string("\"x\"")})
    EXPECT_EQ(Signature::decode(other, "f").error().reason, "an object is expected here") << other;
  EXPECT_EQ(Signature::decode("{\"format\":[[", "f").error().to_string(),
            "f: format: a text is expected here");
  EXPECT_EQ(error_with(R"("topk":4)", R"("topk":0)").to_string(),
            "f: topk: an integer from 1 to 4096 is expected here");
  EXPECT_EQ(error_with(R"("topk":4)", R"("topk":{})").to_string(),
            "f: topk: an integer from 1 to 4096 is expected here");
  EXPECT_EQ(Signature::decode("{}", "f").error().to_string(), "f: format: this field is missing");
  EXPECT_EQ(Signature::decode("", "").error().code, ErrorCode::kMalformed);
}

// "Zg==" and "Zo==" are the same byte to who does not look at the bits behind it.
TEST(Signature, TakesOneTextForABytes) {
  EXPECT_EQ(Signature::decode(replaced(signed_text(), "\"\"]", "\"Zg==\"]"), "f").value().proofs[1],
            Bytes{0x66});
  for (const char* other : {"Zo==", "Zh==", "Zm9=", "Zg=", "Zg", "Zg===", "Z=g=", "====", " Zg=="}) {
    const Error error = error_with("\"\"]", "\"" + std::string(other) + "\"]");
    EXPECT_EQ(error.place, "f: proofs[1]") << other;
    EXPECT_EQ(error.reason.find("base64: "), 0u) << other << ": " << error.reason;
  }
  EXPECT_EQ(error_with("\"\"]", "\"Zo==\"]").reason, "base64: bits are set after the last byte");
}

std::string with_many(const char* list, std::size_t count, const std::string& item) {
  std::string items = "[" + item;
  for (std::size_t i = 1; i < count; ++i) items += "," + item;
  return replaced(signed_text(), list, items + "]");
}

TEST(Signature, IsCapped) {
  const auto code_of = [](const std::string& given) {
    const Result<Signature> read = Signature::decode(given, "");
    return read.ok() ? ErrorCode{} : read.error().code;
  };
  EXPECT_TRUE(Signature::decode(with_many("[1,2]", Signature::kMaxTokens, "7"), "").ok());
  EXPECT_EQ(code_of(with_many("[1,2]", Signature::kMaxTokens + 1, "7")), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(with_many("[3,2147483647]", Signature::kMaxTokens + 1, "7")), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(with_many("[\"/9kAAQACAAMABA==\",\"\"]", Signature::kMaxProofs + 1, "\"\"")),
            ErrorCode::kTooLarge);
  EXPECT_EQ(code_of(std::string(Signature::kMaxBytes + 1, ' ')), ErrorCode::kTooLarge);
}

TEST(Signature, IsReadAtItsCaps) {
  Signature most = sample_signature();
  most.model.assign(Signature::kMaxText, 'x');
  most.proofs = {Bytes(8194, 1)};
  EXPECT_EQ(Signature::decode(most.encode().value(), "").value(), most);
  most.proofs.assign(Signature::kMaxProofs, Bytes());
  EXPECT_EQ(Signature::decode(most.encode().value(), "").value().proofs.size(), Signature::kMaxProofs);
  Signature longest = sample_signature();
  longest.prompt.clear();
  longest.prompt.assign(Signature::kMaxBytes - longest.encode().value().size(), 'x');
  const std::string whole = longest.encode().value();
  ASSERT_EQ(whole.size(), Signature::kMaxBytes);
  EXPECT_EQ(Signature::decode(whole, "").value(), longest);
  longest.prompt += 'x';
  EXPECT_EQ(longest.encode().error().code, ErrorCode::kTooLarge);
}

TEST(Signature, EscapesWhatJsonDoes) {
  Signature escaped = sample_signature();
  escaped.prompt = "a\\b\x01\x1f\b\f\r\t/";
  const std::string written = escaped.encode().value();
  EXPECT_NE(written.find(R"("prompt":"a\\b\u0001\u001f\b\f\r\t/")"), std::string::npos) << written;
  EXPECT_EQ(Signature::decode(written, "").value(), escaped);
}

TEST(Signature, HasNoListWithinAList) {
  const Error error = error_with("[1,2]", "[[1,2]]");
  EXPECT_EQ(error.code, ErrorCode::kMalformed);
  EXPECT_EQ(error.place, "f: prompt_token_ids[0]");
  EXPECT_EQ(error_with(R"("a/model")", R"(["a/model"])").to_string(), "f: model: a text is expected here");
  EXPECT_EQ(error_with("a/model", std::string(Signature::kMaxText + 1, 'x')).reason,
            "a text of " + std::to_string(Signature::kMaxText + 1) + " bytes, at most " +
                std::to_string(Signature::kMaxText) + " are taken");
  EXPECT_EQ(error_with(R"("topk":4)", R"("topk":"4")").reason, "an integer from 1 to 4096 is expected here");
  EXPECT_EQ(error_with("\"\"]", "\"" + std::string(10928, 'A') + "\"]").reason,
            "base64 of more than 8194 bytes");
}

TEST(Signature, WritesNothingThatIsNotRead) {
  const auto code_of = [](const std::function<void(Signature&)>& change) {
    Signature signature = sample_signature();
    change(signature);
    const Result<std::string> encoded = signature.encode();
    EXPECT_EQ(signature.write("/nowhere/at/all").error().code, encoded.error().code);
    return encoded.error().code;
  };
  EXPECT_EQ(code_of([](Signature& s) { s.model = "\xff"; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of([](Signature& s) { s.prompt = "\xff"; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of([](Signature& s) { s.dtype.assign(5000, 'x'); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of([](Signature& s) { s.prompt_token_ids.clear(); }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of([](Signature& s) { s.output_token_ids = {Signature::kMaxToken + 1}; }),
            ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of([](Signature& s) { s.output_token_ids.resize(Signature::kMaxTokens + 1); }),
            ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of([](Signature& s) { s.parameters.topk = 0; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of([](Signature& s) { s.proofs.resize(Signature::kMaxProofs + 1); }), ErrorCode::kTooLarge);
  EXPECT_EQ(code_of([](Signature& s) { s.proofs[0].resize(8195); }), ErrorCode::kTooLarge);
  // Each part within its cap, and more together than is read.
  EXPECT_EQ(code_of([](Signature& s) { s.proofs.assign(4000, Bytes(8194)); }), ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace assay::toploc
