#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <utility>

#include "assay/toploc_verdict.h"
#include "base/file.h"
#include "base/sha256.h"
#include "toploc/test_support.h"

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

// A bound that values without any relation meet, often or at times, would be in the file to no purpose, or to
// a bad one.
TEST(Profile, RefusesBoundsThatExcludeTooLittle) {
  const auto error_with = [](double Profile::*field, double bound) {
    Profile profile = filled();
    profile.*field = bound;
    const Status status = profile.validate();
    return status.ok() ? std::string() : status.error().to_string();
  };
  for (const auto& [field, name, most] :
       {std::tuple(&Profile::exponent_mismatches, "exponent_mismatches", 121.0),
        {&Profile::mantissa_mean, "mantissa_mean", 30.5},
        {&Profile::mantissa_median, "mantissa_median", 20.0},
        {&Profile::sign_mismatches, "sign_mismatches", 36.0},
        {&Profile::chunk_exponent_mismatches, "chunk_exponent_mismatches", 121.0},
        {&Profile::deviating_share, "deviating_share", 0.5}}) {
    EXPECT_EQ(error_with(field, most), "") << name;
    const std::string error = error_with(field, std::nextafter(most, 1000.0));
    EXPECT_NE(error.find(std::string(name) + ": "), std::string::npos) << name;
    EXPECT_NE(error.find("values of another run would meet it"), std::string::npos) << name;
  }
  EXPECT_EQ(error_with(&Profile::dispersion, std::nextafter(1.0 / 64, 1.0)), "");
  EXPECT_EQ(error_with(&Profile::dispersion, 128), "");
  EXPECT_NE(error_with(&Profile::dispersion, std::nextafter(128.0, 200.0)), "");
  for (const double low : {0.0, 1.0 / 128, 1.0 / 64})
    EXPECT_NE(error_with(&Profile::dispersion, low).find("one value for all would meet it"),
              std::string::npos);
  Profile profile = filled();
  profile.topk = kMaxTopK;
  EXPECT_TRUE(profile.validate().ok());
  profile.fingerprint_distance = 0.5;
  EXPECT_TRUE(profile.validate().ok());
  profile.fingerprint_distance = std::nextafter(0.5, 1.0);  // half of every value
  EXPECT_EQ(profile.validate().error().place, "fingerprint_distance");
  profile = filled();
  profile.minimum_points = 5;
  EXPECT_TRUE(profile.validate().ok());
  for (const std::uint64_t points : {0, 1, 4}) {
    profile.minimum_points = points;
    EXPECT_EQ(profile.validate().error().to_string(),
              "minimum_points: " + std::to_string(points) + " is not over 4: one token would meet it");
  }
  // Nor does a file.
  EXPECT_EQ(code_with("\"minimum_points\": 512", "\"minimum_points\": 4"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_with("\"dispersion\": 0.75", "\"dispersion\": 0"), ErrorCode::kOutOfRange);
}

// A file may call itself what it likes.
TEST(Profile, OfAFileIsShownByItsPathAndDigest) {
  EXPECT_EQ(Profile::published().title(), "published");
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "profile_test.profile";
  const std::string text = replaced(Profile::published().to_json(), ": 38", ": 120");
  ASSERT_TRUE(write_file(path, text).ok());
  const Profile read = Profile::read(path).value();
  std::filesystem::remove(path);
  EXPECT_EQ(read.name, "published");
  EXPECT_EQ(read.title(),
            "published (" + path.string() + ", SHA-256 " + to_hex(Sha256().update(text).digest()) + ")");
  Comparison chunk;
  chunk.points = 128;
  chunk.rows = 32;
  chunk.modulus = kPrime;
  chunk.distinct_values = chunk.distinct_own = 40;
  chunk.mantissa_mean = chunk.mantissa_median = 0;
  const Verdict verdict = decide({&chunk, 1}, read);
  ASSERT_TRUE(verdict.ok());
  EXPECT_NE(verdict.notes()[0].find(read.title()), std::string::npos) << verdict.notes()[0];
  EXPECT_NE(verdict.assumptions()[0].find(read.title()), std::string::npos) << verdict.assumptions()[0];
  chunk.sign_mismatches = 25;
  EXPECT_NE(decide({&chunk, 1}, read).reason().find(read.title()), std::string::npos);
  chunk.points = chunk.distinct_own = 5;
  EXPECT_NE(decide({&chunk, 1}, read).reason().find(read.title()), std::string::npos);
  EXPECT_NE(profile::unmeasured(read, {"", "float32", ""}).find(read.title()), std::string::npos);
  // What it says does not depend on where it lies.
  EXPECT_EQ(Profile::from_json(text, "elsewhere").value(), read);
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
  // NaN in the optional one too.
  Profile profile = filled();
  profile.fingerprint_distance = std::nan("");
  EXPECT_EQ(profile.validate().error().place, "fingerprint_distance");
  profile = filled();
  profile.conditions.model = "\xff";
  EXPECT_EQ(profile.validate().error().place, "model");
}

}  // namespace
}  // namespace assay::toploc
