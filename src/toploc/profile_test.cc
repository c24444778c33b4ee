#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "assay/toploc_verdict.h"
#include "base/file.h"

namespace assay::toploc {
namespace {

Profile filled() {
  return {{"mine", {"a/model", "bfloat16", "sdpa"}, 0.001, 200},
          6400,
          128,
          32,
          12.5,
          3.25,
          2,
          1.5,
          0.75,
          90,
          0.1875,
          512,
          0.05};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

ErrorCode code_with(const std::string& from, const std::string& to) {
  return Profile::from_json(replaced(filled().to_json(), from, to), "f").error().code;
}

TEST(Profile, IsReadAsWritten) {
  for (const Profile& profile : {filled(), Profile::published()}) {
    EXPECT_EQ(Profile::from_json(profile.to_json(), "").value(), profile);
    EXPECT_TRUE(profile.validate().ok());
  }
  EXPECT_EQ(Profile::published().exponent_mismatches, 38);
  EXPECT_EQ(Profile::published().mantissa_mean, 10);
  EXPECT_EQ(Profile::published().mantissa_median, 8);
  EXPECT_EQ(Profile::published().sign_mismatches, 24);
  EXPECT_EQ(Profile::published().dispersion, 0.5);
  EXPECT_EQ(Profile::published().chunk_exponent_mismatches, 112);
  EXPECT_EQ(Profile::published().deviating_share, 0.125);
  EXPECT_EQ(Profile::published().minimum_points, 128u);
}

TEST(Profile, MayBeLaidOutFreely) {
  const std::string text =
      replaced(filled().to_json(), "\"exponent_mismatches\": 12.5", "\"exponent_mismatches\":  38");
  EXPECT_EQ(Profile::from_json(text, "").value().exponent_mismatches, 38);
}

TEST(Profile, IsAFile) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "profile_test.json";
  ASSERT_TRUE(filled().write(path).ok());
  EXPECT_EQ(Profile::read(path).value(), filled());
  std::filesystem::remove(path);
  EXPECT_EQ(Profile::read(path).error().code, ErrorCode::kIo);
  Profile bad = filled();
  bad.dispersion = -1;
  EXPECT_EQ(bad.write(path).error().code, ErrorCode::kOutOfRange);
}

TEST(Profile, RefusesWhatIsNotOne) {
  EXPECT_EQ(code_with("profile/v1", "profile/v2"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_with("\"topk\": 128,", ""), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("\"topk\": 128", "\"topk\": \"128\""), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("\"topk\": 128", "\"topk\": -1"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("\"topk\": 128", "\"topk\": 1.5"), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("\"topk\": 128", "\"topk\": 4294967424"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("\"topk\": 128", "\"topk\": 4097"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("\"topk\": 128", "\"topk\": 128, \"extra\": 1"), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("\"mine\"", "7"), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("3.25", "null"), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("3.25", "\"3.25\""), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("3.25", "-0.5"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("3.25", "128.5"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("\"deviating_share\": 0.1875,", ""), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("0.1875", "null"), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("0.1875", "1.001"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("0.1875", "-0.001"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("0.001", "1.5"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("0.001", "\"0.001\""), ErrorCode::kMalformed);
  EXPECT_EQ(code_with("\"fingerprint_distance\": 0.05", "\"fingerprint_distance\": -0.05"),
            ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("\"mine\"", "\"" + std::string(5000, 'x') + "\""), ErrorCode::kOutOfRange);
  EXPECT_EQ(Profile::from_json("[]", "f").error().to_string(), "f: an object is expected here");
  EXPECT_EQ(Profile::from_json("{}", "f").error().to_string(), "f: format: this field is missing");
  EXPECT_EQ(Profile::from_json("{", "").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(Profile::from_json(std::string(Profile::kMaxBytes + 1, ' '), "").error().code,
            ErrorCode::kTooLarge);
  EXPECT_TRUE(Profile::from_json(replaced(filled().to_json(), "0.001", "null"), "").ok());
}

TEST(Profile, ValidatesItsNumbers) {
  for (double Profile::*field : {&Profile::exponent_mismatches, &Profile::mantissa_mean,
                                 &Profile::mantissa_median, &Profile::sign_mismatches, &Profile::dispersion,
                                 &Profile::chunk_exponent_mismatches, &Profile::deviating_share}) {
    for (const double bad : {-1.0, 1e9, std::nan(""), std::numeric_limits<double>::infinity()}) {
      Profile profile = filled();
      profile.*field = bad;
      EXPECT_EQ(profile.validate().error().code, ErrorCode::kOutOfRange);
    }
  }
  Profile profile = filled();
  profile.conditions.model = "\xff";
  EXPECT_EQ(profile.validate().error().place, "model");
}

}  // namespace
}  // namespace assay::toploc
