#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

/// 39 rows of 16, with a prompt of 3 rows, and a tail that is merged.
ProofFile sample() {
  return ProofFile::build(39, 16, TorchNormal(1).draw(39 * 16), {4, {16, 3, 8}, TieRule::kLowerIndex})
      .value();
}

std::string text() { return sample().encode().value(); }

ErrorCode code_after(const std::string& from, const std::string& to) {
  return ProofFile::decode(replaced(text(), from, to), "f").error().code;
}

TEST(ProofFile, HasOneText) {
  EXPECT_EQ(ProofFile::decode(text(), "").value(), sample());
  const std::string start =
      "{\n  \"format\": \"assay/toploc/proofs/v1\",\n  \"topk\": 4,\n  \"decode_batching_size\": 16,\n"
      "  \"prefill_rows\": 3,\n  \"merge_tail_below\": 8,\n  \"ties\": \"lower-index\",\n  \"rows\": 39,\n"
      "  \"hidden\": 16,\n  \"proofs\": [\n    \"";
  EXPECT_EQ(text().substr(0, start.size()), start);
}

TEST(ProofFile, IsAFile) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "proof_file_test.json";
  ASSERT_TRUE(sample().write(path).ok());
  EXPECT_EQ(ProofFile::read(path).value(), sample());
  std::filesystem::remove(path);
  EXPECT_EQ(ProofFile::read(path).error().code, ErrorCode::kIo);
}

TEST(ProofFile, RefusesAnotherLayout) {
  EXPECT_EQ(code_after("\"topk\": 4", "\"topk\":4"), ErrorCode::kNonCanonical);
  EXPECT_EQ(ProofFile::decode(text() + "\n", "").error().code, ErrorCode::kNonCanonical);
  const std::string whole = text();
  EXPECT_EQ(ProofFile::decode(whole.substr(0, whole.size() - 1), "").error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(code_after("\"rows\": 39,\n  \"hidden\": 16", "\"hidden\": 16,\n  \"rows\": 39"),
            ErrorCode::kNonCanonical);
}

TEST(ProofFile, RefusesWhatDoesNotFitTogether) {
  EXPECT_EQ(code_after("proofs/v1", "proofs/v2"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_after("lower-index", "random"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_after("\"rows\": 39", "\"rows\": 100"), ErrorCode::kMismatch);
  EXPECT_EQ(code_after("\"rows\": 39", "\"rows\": 0"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_after("\"rows\": 39", "\"rows\": 1000000000000000"), ErrorCode::kTooLarge);
  EXPECT_EQ(code_after("\"topk\": 4", "\"topk\": 5"), ErrorCode::kMismatch);
  EXPECT_EQ(code_after("\"topk\": 4", "\"topk\": 0"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_after("\"topk\": 4", "\"topk\": 4097"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_after("_size\": 16", "_size\": 0"), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_after("\"/9", "\"*9"), ErrorCode::kMalformed);
  EXPECT_EQ(code_after("\"proofs\": [", "\"proofs\": [7,"), ErrorCode::kMalformed);
  EXPECT_EQ(code_after("\"proofs\": [", "\"proofs\": [\"\","), ErrorCode::kMismatch);
  EXPECT_EQ(code_after("\"prefill_rows\": 3,", ""), ErrorCode::kMalformed);
  const std::string whole = text();
  const std::string without_proofs = whole.substr(0, whole.find("\"proofs\": ["));
  EXPECT_EQ(ProofFile::decode(without_proofs + "\"proofs\": \"x\"\n}\n", "f").error().to_string(),
            "f: proofs: an array is expected here");
  const std::string_view vast("{", ProofFile::kMaxBytes + 1);  // never read: its size is asked for first
  EXPECT_EQ(ProofFile::decode(vast, "f").error().code, ErrorCode::kTooLarge);
  ProofFile file = sample();
  file.proofs.pop_back();
  EXPECT_EQ(file.encode().error().code, ErrorCode::kMismatch);
  file = sample();
  file.proofs.push_back(file.proofs.back());
  EXPECT_EQ(file.encode().error().code, ErrorCode::kMismatch);
  EXPECT_EQ(file.write("/nowhere/at/all").error().code, ErrorCode::kMismatch);
}

// A file of nothing takes no room on the disk.
TEST(ProofFile, AFileOfTheLargestSizeIsRead) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "proof_file_nothing";
  ASSERT_TRUE(write_file(path, "").ok());
  std::filesystem::resize_file(path, ProofFile::kMaxBytes);
  const MappedFile file = MappedFile::open(path).value();
  const ByteSpan bytes = file.bytes();
  const std::string_view nothing(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_EQ(ProofFile::decode(nothing, "f").error().code, ErrorCode::kMalformed);
  std::filesystem::remove(path);
}

// Whether it is base64 is looked at where it can be short enough.
TEST(ProofFile, AProofIsNotLongerThanThoseOfTheLargestK) {
  const auto error_with = [](std::size_t size) {
    const std::string proof(size, '*');
    return ProofFile::decode(replaced(text(), "\"proofs\": [", "\"proofs\": [\"" + proof + "\","), "f")
        .error();
  };
  const std::size_t most = (proof_size(kMaxTopK) + 2) / 3 * 4;
  EXPECT_EQ(error_with(most).code, ErrorCode::kMalformed);
  EXPECT_EQ(error_with(most + 4).code, ErrorCode::kTooLarge);
  EXPECT_EQ(error_with(most + 4).reason, "base64 of more than 8194 bytes");
}

// What a proof holds is for the verifier to look at: a bad one is rejected, not unreadable.
TEST(ProofFile, TakesProofsOfAnyContent) {
  ProofFile file = sample();
  file.proofs[0].assign(10, 0xff);
  EXPECT_EQ(ProofFile::decode(file.encode().value(), "").value(), file);
}

}  // namespace
}  // namespace assay::toploc
