#include <algorithm>

#include "assay/pipeline.h"
#include "base/file.h"
#include "claim/test_support.h"

namespace assay::pipeline {
namespace {

namespace test = claim::test;

std::string text_of(const Axes& axes, const std::vector<Fr>& coefficients) {
  std::string text;
  const Status status = write_coefficients_json(axes, coefficients, [&](std::string_view piece) {
    text += piece;
    return Status{};
  });
  EXPECT_TRUE(status.ok());
  return text;
}

TEST(CoefficientsJson, IsReadAsTheOriginalWritesIt) {
  const CoefficientsJson polynomial =
      CoefficientsJson::parse(
          R"({"dims": [2, 1, 3], "degree_bound": 3, "coefficients": ["5908203", "0", "1", "2", "3",
             "21888242871839275222246405745257275088548364400416034343698204186575808495616"]})",
          "test")
          .value();
  EXPECT_EQ(polynomial.axes, test::axes_of({2, 1, 3}));
  EXPECT_EQ(polynomial.degree_bound, 3U);
  ASSERT_EQ(polynomial.coefficients.size(), 6U);
  EXPECT_EQ(polynomial.coefficients[0], Scalar::from_u64(5908203));
  EXPECT_EQ(polynomial.coefficients[5], Scalar::from_i64(-1));
}

TEST(CoefficientsJson, FieldsComeInAnyOrder) {
  EXPECT_TRUE(
      CoefficientsJson::parse(R"({"coefficients": ["1"], "degree_bound": 1, "dims": [1]})", "test").ok());
}

TEST(CoefficientsJson, CommitsToTheSamePointAsTheValues) {
  const test::Sample sample = test::flat_sample();
  const std::vector<Fr> coefficients = pst::interpolate(sample.srs.axes(), sample.values.view()).value();
  const CoefficientsJson read =
      CoefficientsJson::parse(text_of(sample.srs.axes(), coefficients), "test").value();
  std::vector<Fr> again;
  for (const Scalar& coefficient : read.coefficients) again.push_back(Fr::from_scalar(coefficient));
  EXPECT_EQ(again, coefficients);
  EXPECT_EQ(pst::commit_coefficients(sample.srs, again).value(), test::point_of(sample.commitment));
}

TEST(CoefficientsJson, IsWrittenInPieces) {
  const Axes axes = test::axes_of({100, 100});
  const std::vector<Fr> coefficients(10000, Fr::from_i64(-1));
  std::size_t pieces = 0;
  std::size_t longest = 0;
  const auto write = [&](std::string_view piece) {
    ++pieces;
    longest = std::max(longest, piece.size());
    return Status{};
  };
  ASSERT_TRUE(write_coefficients_json(axes, coefficients, write).ok());
  EXPECT_GT(pieces, 10U);
  EXPECT_LT(longest, 70000U);
  EXPECT_EQ(CoefficientsJson::parse(text_of(axes, coefficients), "test").value().coefficients.size(), 10000U);
}

// As pieces are written, a coefficient is not split, and nothing waits for the one behind it.
TEST(CoefficientsJson, APieceEndsBehindTheCoefficientThatFillsIt) {
  constexpr std::size_t kFull = 65536;
  const Axes axes = test::axes_of({14000});
  std::vector<Fr> coefficients(14000, Fr::one());
  // All but the first take five bytes; the first is as long as it takes to fill a piece to the byte.
  const std::size_t begun = text_of(axes, coefficients).find("\"1\"") + 3;
  std::uint64_t first = 1;
  for (std::size_t i = 0; i < (kFull - begun) % 5; ++i) first *= 10;
  coefficients[0] = Fr::from_u64(first);
  std::vector<std::size_t> sizes;
  const auto write = [&](std::string_view piece) {
    sizes.push_back(piece.size());
    return Status{};
  };
  ASSERT_TRUE(write_coefficients_json(axes, coefficients, write).ok());
  ASSERT_EQ(sizes.size(), 2U);
  EXPECT_EQ(sizes[0], kFull);
}

TEST(CoefficientsJson, StopsWhenWritingFails) {
  const std::vector<Fr> coefficients(10000, Fr::from_i64(-1));
  int calls = 0;
  const auto fail = [&](std::string_view) -> Status {
    ++calls;
    return Error{ErrorCode::kIo, "disk", "full"};
  };
  EXPECT_EQ(write_coefficients_json(test::axes_of({100, 100}), coefficients, fail).error().code,
            ErrorCode::kIo);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(write_coefficients_json(test::axes_of({2, 2}), coefficients, fail).error().code,
            ErrorCode::kMismatch);
  EXPECT_EQ(calls, 1);
}

TEST(CoefficientsJson, RefusesLies) {
  const auto code_of = [](std::string_view text) {
    const Result<CoefficientsJson> parsed = CoefficientsJson::parse(text, "file");
    EXPECT_FALSE(parsed.ok()) << text;
    return parsed.ok() ? ErrorCode::kIo : parsed.error().code;
  };
  using enum ErrorCode;
  EXPECT_EQ(code_of(R"({"dims": [2], "degree_bound": 2, "coefficients": ["1"]})"), kMismatch);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients": ["1", "2"]})"), kMismatch);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 2, "coefficients": ["1"]})"), kMismatch);
  EXPECT_EQ(code_of(R"({"dims": [0], "degree_bound": 0, "coefficients": []})"), kOutOfRange);
  EXPECT_EQ(code_of(R"({"dims": [], "degree_bound": 0, "coefficients": []})"), kOutOfRange);
  EXPECT_EQ(code_of(R"({"dims": [1048576, 1048576], "degree_bound": 1048576, "coefficients": []})"),
            kOutOfRange);
  EXPECT_EQ(code_of(R"({"dims": [18446744073709551617], "degree_bound": 1, "coefficients": []})"),
            kOutOfRange);
  EXPECT_EQ(code_of(R"({"dims": [-1], "degree_bound": 1, "coefficients": []})"), kOutOfRange);
  EXPECT_EQ(code_of(R"({"dims": [1.0], "degree_bound": 1, "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": ["1"], "degree_bound": 1, "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [[1]], "degree_bound": 1, "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": 1, "degree_bound": 1, "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": [1], "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": "1", "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients": [1]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients": "1"})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients": ["01"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients": ["0x1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients": ["-1"]})"), kOutOfRange);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients":
    ["21888242871839275222246405745257275088548364400416034343698204186575808495617"]})"),
            kOutOfRange);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients": {"0": "1"}})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "degree_bound": 1, "coefficients": ["1"], "more": 1})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "dims": [1], "degree_bound": 1, "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": [1], "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"({"dims": null, "degree_bound": 1, "coefficients": ["1"]})"), kMalformed);
  EXPECT_EQ(code_of(R"(["dims"])"), kMalformed);
  EXPECT_EQ(code_of(R"(7)"), kMalformed);
  EXPECT_EQ(code_of(R"("dims")"), kMalformed);
  EXPECT_EQ(code_of(""), kMalformed);
  const auto reason_of = [](std::string_view text) {
    return CoefficientsJson::parse(text, "file").error().reason;
  };
  for (const char* text : {"[]", R"(["dims"])", R"({"degree_bound": []})"})
    EXPECT_EQ(reason_of(text), "an array is not expected here") << text;
  for (const char* text :
       {R"({"dims": {}})", R"({"dims": [{"degree_bound": 1}]})", R"({"coefficients": [{}]})"})
    EXPECT_EQ(reason_of(text), "an object is not expected here") << text;
  std::string many = R"({"dims": [1)";
  for (int i = 0; i < 32; ++i) many += ", 1";
  EXPECT_EQ(code_of(many + R"(], "degree_bound": 1, "coefficients": ["1"]})"), kTooLarge);
}

TEST(CoefficientsJson, CoefficientsAreTextsOfAnArray) {
  const Error error =
      CoefficientsJson::parse(R"({"coefficients": "1", "dims": [1], "degree_bound": 1})", "file").error();
  EXPECT_EQ(error.code, ErrorCode::kMalformed);
  EXPECT_EQ(error.place, "file: before byte 20");
  EXPECT_EQ(error.reason, "a string is not expected here");
}

TEST(CoefficientsJson, HasIntegersInTheirPlacesAlone) {
  const auto reason_of = [](std::string_view text) {
    return CoefficientsJson::parse(text, "file").error().reason;
  };
  for (const char* text : {"7", R"({"dims": 1, "degree_bound": 1, "coefficients": ["1"]})",
                           R"({"coefficients": 1, "dims": [1], "degree_bound": 1})",
                           R"({"coefficients": [1], "dims": [1], "degree_bound": 1})"})
    EXPECT_EQ(reason_of(text), "an integer is not expected here") << text;
  EXPECT_EQ(reason_of(R"({"dims": [1], "degree_bound": 4611686018427387904, "coefficients": ["1"]})"),
            "4611686018427387904, the largest of the dims is 1");
}

TEST(CoefficientsJson, GoesThroughAFile) {
  const test::TemporaryDirectory directory;
  const Axes axes = test::axes_of({2, 2});
  ASSERT_TRUE(write_file(directory.file("c.json"), text_of(axes, std::vector<Fr>(4, Fr::one()))).ok());
  EXPECT_EQ(CoefficientsJson::read(directory.file("c.json")).value().axes, axes);
  EXPECT_EQ(CoefficientsJson::read(directory.file("none")).error().code, ErrorCode::kIo);
  ASSERT_TRUE(write_file(directory.file("empty"), std::string_view()).ok());
  EXPECT_EQ(CoefficientsJson::read(directory.file("empty")).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace assay::pipeline
