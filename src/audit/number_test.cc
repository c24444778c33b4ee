#include "audit/number.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "audit/test_support.h"

namespace assay::audit::internal {
namespace {

constexpr FloatFormat kBf16 = format_of(RowDtype::kBF16);
constexpr FloatFormat kF16 = format_of(RowDtype::kF16);
constexpr FloatFormat kF32 = format_of(RowDtype::kF32);

TEST(Round, ToFp32IsWhatTheProcessorDoes) {
  test::Normal normal(1);
  for (int i = 0; i < 100'000; ++i) {
    const double value = std::ldexp(double{normal()} * normal(), static_cast<int>(40 * normal()));
    EXPECT_EQ(round_to(value, kF32), double{static_cast<float>(value)}) << value;
  }
  for (const double value :
       {0.0, 0x1p-126, 0x1p-127, 0x1.8p-149, 0x1p-150, 0x1.1p-150, 0x1.fffffefp127, 0x1.ffffffp127})
    EXPECT_EQ(round_to(value, kF32), double{static_cast<float>(value)}) << value;
}

TEST(Round, ToBf16IsThatOfItsBits) {
  test::Normal normal(2);
  for (int i = 0; i < 100'000; ++i) {
    const float value = normal() * normal();
    EXPECT_EQ(round_to(value, kBf16), double{test::to_bf16(value)}) << value;
  }
  EXPECT_EQ(round_to(1 + 0x1p-8, kBf16), 1) << "ties to even";
  EXPECT_EQ(round_to(1 + 0x1.8p-7, kBf16), 1 + 0x1p-6);
  EXPECT_EQ(round_to(-1 - 0x1.8p-7, kBf16), -1 - 0x1p-6);
  EXPECT_EQ(round_to(0x1.ffp127, kBf16), std::numeric_limits<double>::infinity());
}

TEST(Round, ToF16HasItsRange) {
  EXPECT_EQ(round_to(65519, kF16), 65504);
  EXPECT_EQ(round_to(65520, kF16), std::numeric_limits<double>::infinity());
  EXPECT_EQ(round_to(-65520, kF16), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(round_to(0x1p-25, kF16), 0);
  EXPECT_EQ(round_to(0x1.8p-25, kF16), 0x1p-24);
  EXPECT_EQ(round_to(0x1.8p-24, kF16), 0x1p-23);
}

TEST(Ulp, IsTheDistanceToTheNextNumber) {
  EXPECT_EQ(ulp_of(1, kBf16), 0x1p-7);
  EXPECT_EQ(ulp_of(-1.99, kBf16), 0x1p-7);
  EXPECT_EQ(ulp_of(2, kBf16), 0x1p-6);
  EXPECT_EQ(ulp_of(0, kBf16), 0x1p-133);
  EXPECT_EQ(ulp_of(0x1p-20, kF16), 0x1p-24);
  EXPECT_EQ(ulp_of(1, format_of(RowDtype::kF64)), 0x1p-52);
}

TEST(Rows, AreReadAsTheyAreWritten) {
  const std::vector<double> values = {0, 1, -2.5, 0x1p-20, 65504, 0x1p-24, -0x1.8p-14};
  for (const RowDtype dtype : {RowDtype::kBF16, RowDtype::kF16, RowDtype::kF32, RowDtype::kF64}) {
    std::vector<double> rounded = values;
    for (double& value : rounded) value = round_to(value, format_of(dtype));
    const Bytes row = to_row(values, dtype);
    EXPECT_EQ(row.size(), values.size() * size_of(dtype));
    EXPECT_EQ(values_of(row, dtype, "row").value(), rounded) << to_string(dtype);
  }
  EXPECT_EQ(to_row(std::vector<double>{65520, -65520}, RowDtype::kF16), (Bytes{0x00, 0x7c, 0x00, 0xfc}));
  const Bytes infinite = {0x80, 0x7f};
  EXPECT_THAT(values_of(infinite, RowDtype::kBF16, "here").error().to_string(),
              testing::HasSubstr("here: the value at index 0 is infinite"));
}

}  // namespace
}  // namespace assay::audit::internal
