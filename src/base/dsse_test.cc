#include "base/dsse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/key_file.h"

namespace assay {
namespace {

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

SigningKey sample_key(std::uint8_t first = 1) {
  std::array<std::uint8_t, 32> seed{};
  seed[0] = first;
  return SigningKey::from_seed(seed);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Dsse, PaeIsThatOfTheSpecification) {
  // secure-systems-lab/dsse, protocol.md, "Test vectors".
  EXPECT_EQ(dsse_pae("http://example.com/HelloWorld", bytes_of("hello world")),
            bytes_of("DSSEv1 29 http://example.com/HelloWorld 11 hello world"));
  EXPECT_EQ(dsse_pae("", {}), bytes_of("DSSEv1 0  0 "));
}

TEST(Dsse, SignsTypeAndPayload) {
  const SigningKey key = sample_key();
  const Envelope envelope = Envelope::sign("text/plain", bytes_of("hello"), key);
  EXPECT_TRUE(envelope.is_signed_by(key.public_key()));
  EXPECT_FALSE(envelope.is_signed_by(sample_key(2).public_key()));
  EXPECT_EQ(envelope.key_id, sha256(key.public_key()));
  for (Envelope changed : {envelope, envelope, envelope}) {
    changed.payload.push_back('!');
    EXPECT_FALSE(changed.is_signed_by(key.public_key()));
    changed.payload.pop_back();
    EXPECT_TRUE(changed.is_signed_by(key.public_key()));
    changed.payload_type = "text/html";
    EXPECT_FALSE(changed.is_signed_by(key.public_key()));
  }
}

TEST(Dsse, ReadsBackTheOneTextOfAnEnvelope) {
  const Envelope envelope = Envelope::sign("text/plain", bytes_of("hello"), sample_key());
  const std::string text = envelope.encode();
  EXPECT_EQ(text.substr(0, 52), R"({"payload":"aGVsbG8=","payloadType":"text/plain","si)");
  EXPECT_EQ(Envelope::decode(text, "test").value(), envelope);
}

TEST(Dsse, RefusesOtherTexts) {
  const std::string text = Envelope::sign("text/plain", bytes_of("hello"), sample_key()).encode();
  const auto code = [](std::string_view changed) { return Envelope::decode(changed, "test").error().code; };
  EXPECT_EQ(code(""), ErrorCode::kMalformed);
  for (std::size_t size = 0; size + 1 < text.size(); ++size)
    EXPECT_FALSE(Envelope::decode(text.substr(0, size), "test").ok()) << size;
  EXPECT_EQ(code(text.substr(0, text.size() - 1)), ErrorCode::kNonCanonical);
  EXPECT_EQ(code(text + "\n"), ErrorCode::kNonCanonical);
  EXPECT_EQ(code(replaced(text, ":", ": ")), ErrorCode::kNonCanonical);
  EXPECT_EQ(code(replaced(text, "aGVsbG8=", "aGVsbG9=")), ErrorCode::kNonCanonical);
  EXPECT_EQ(code(replaced(text, "payloadType", "payloadtype")), ErrorCode::kMalformed);
  EXPECT_EQ(code(replaced(text, "[{", "[{\"keyid\":\"\",\"sig\":\"\"},{")), ErrorCode::kTooLarge);
  EXPECT_EQ(
      Envelope::decode(R"({"payload":"","payloadType":"","signatures":[]})", "test").error().to_string(),
      "test: signatures: it is empty, one signature is taken");
  EXPECT_EQ(code(replaced(text, "text/plain", "text\\u0000plain")), ErrorCode::kMalformed);
  EXPECT_EQ(code(replaced(text, "\"sig\":\"", "\"sig\":\"AAAA")), ErrorCode::kTooLarge);
  std::string shorter = text;
  shorter.replace(shorter.find("\"sig\":\"") + 7, 88, "AAAA");
  EXPECT_EQ(Envelope::decode(shorter, "test").error().to_string(),
            "test: signatures[0].sig: 3 bytes, a signature has 64");
  EXPECT_EQ(code(replaced(text, "\"}]", "\",\"cert\":\"\"}]")), ErrorCode::kMalformed);
}

}  // namespace
}  // namespace assay
