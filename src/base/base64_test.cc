#include <gtest/gtest.h>

#include <numeric>
#include <utility>
#include <vector>

#include "assay/base.h"

namespace assay {
namespace {

TEST(Base64, KnowsTheStandardsExamples) {
  // RFC 4648, section 10.
  for (const auto& [plain, text] : std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                                                    {"f", "Zg=="},
                                                                                    {"fo", "Zm8="},
                                                                                    {"foo", "Zm9v"},
                                                                                    {"foob", "Zm9vYg=="},
                                                                                    {"fooba", "Zm9vYmE="},
                                                                                    {"foobar", "Zm9vYmFy"}}) {
    const Bytes bytes(plain.begin(), plain.end());
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text, "").value(), bytes);
  }
  Bytes all(256);
  std::iota(all.begin(), all.end(), std::uint8_t{0});
  EXPECT_EQ(from_base64(to_base64(all), "").value(), all);
}

TEST(Base64, NothingBeforeATextIsRead) {
  const std::string_view text = "=";
  EXPECT_EQ(from_base64(text.substr(1), "").value(), Bytes{});
}

TEST(Base64, IsStrict) {
  for (const char* text :
       {"Zg=", "Z", "Zg", "====", "Z===", "Zg==Zg==", "Z=g=", "Zm8=\n", "Zm 8", "Zm-_", "Zm8\xff"})
    EXPECT_EQ(from_base64(text, "").error().code, ErrorCode::kMalformed) << text;
  for (const char* text : {"Zh==", "Zm9=", "Zn=="})
    EXPECT_EQ(from_base64(text, "").error().code, ErrorCode::kNonCanonical) << text;
}

}  // namespace
}  // namespace assay
