#include "audit/kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "assay/audit_log.h"
#include "audit/number.h"
#include "audit/products.h"
#include "audit/test_support.h"
#include "base/cpu.h"
#include "tensor/float_values.h"

namespace assay::audit::internal {
namespace {

// Around whole registers, and rows of models.
constexpr std::size_t kCounts[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 576, 1537};

std::vector<double> normal(std::uint64_t seed, std::size_t count) {
  test::Normal draw(seed);
  std::vector<double> values(count);
  for (double& value : values) value = double{draw()} * std::exp2(std::round(3 * draw()));
  return values;
}

/// Each kernel of this processor.
class KernelTest : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { force_kernel(GetParam()); }
  void TearDown() override { force_kernel(kernel_names().back()); }
};
INSTANTIATE_TEST_SUITE_P(Kernels, KernelTest, testing::ValuesIn(kernel_names()),
                         [](const auto& kernel) { return std::string(kernel.param); });

TEST_P(KernelTest, ReadsEveryValueOfSixteenBits) {
  Bytes bytes;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits)
    tensor::append(bytes, static_cast<std::uint16_t>(bits));
  for (std::uint32_t first = 0; first < 0x10000; first += 0x80) {
    std::vector<double> out(0x80, -1);
    const bool finite = kernel().read_bf16(bytes.data() + 2 * first, out.size(), out.data());
    EXPECT_EQ(finite, (first & 0x7f80) != 0x7f80) << first;
    for (std::uint32_t i = 0; finite && i < out.size(); ++i)
      ASSERT_EQ(std::bit_cast<std::uint32_t>(static_cast<float>(out[i])), (first + i) << 16);
  }
}

TEST_P(KernelTest, ReadsRowsOfAnyLengthAndSaysWhatIsNotFinite) {
  for (const std::size_t count : kCounts) {
    Bytes narrow(1);  // an odd address
    Bytes wide(1);
    std::vector<double> narrow_values;
    std::vector<double> wide_values;
    for (const double value : normal(5, count)) {
      const auto single = static_cast<float>(value);
      tensor::append(narrow, test::bf16_bits(single));
      narrow_values.push_back(test::to_bf16(single));
      tensor::append(wide, single);
      wide_values.push_back(single);
    }
    std::vector<double> out(count);
    EXPECT_TRUE(kernel().read_bf16(narrow.data() + 1, count, out.data()));
    EXPECT_EQ(out, narrow_values);
    EXPECT_TRUE(kernel().read_f32(wide.data() + 1, count, out.data()));
    EXPECT_EQ(out, wide_values);
    for (std::size_t bad = 0; bad < count; bad += 1 + count / 40) {
      Bytes changed = narrow;
      changed[1 + 2 * bad] = 0x80;
      changed[2 + 2 * bad] = bad % 2 == 0 ? 0x7f : 0xff;
      EXPECT_FALSE(kernel().read_bf16(changed.data() + 1, count, out.data())) << count << " " << bad;
      changed = wide;
      const float nan = std::numeric_limits<float>::quiet_NaN();
      std::memcpy(&changed[1 + 4 * bad], &nan, sizeof(nan));
      EXPECT_FALSE(kernel().read_f32(changed.data() + 1, count, out.data())) << count << " " << bad;
    }
  }
}

// Against sums in long double, one term after the other.
TEST_P(KernelTest, SumsProducts) {
  for (const std::size_t count : kCounts) {
    const std::vector<double> a = normal(1, count);
    const std::vector<double> b = normal(2, count);
    long double sum = 0;
    long double squares = 0;
    double size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      sum += static_cast<long double>(a[i]) * static_cast<long double>(b[i]);
      squares += static_cast<long double>(a[i] * b[i]) * static_cast<long double>(a[i] * b[i]);
      size += std::abs(a[i] * b[i]);
    }
    const double rounding = size * static_cast<double>(count) * 0x1p-53;
    EXPECT_NEAR(kernel().dot(a.data(), b.data(), count), static_cast<double>(sum), rounding);
    const Terms terms = kernel().terms(a.data(), b.data(), count);
    EXPECT_NEAR(terms.sum, static_cast<double>(sum), rounding);
    EXPECT_NEAR(terms.squares, static_cast<double>(squares), static_cast<double>(squares) * 1e-12);
  }
}

TEST_P(KernelTest, GivesTheVarianceOfRounding) {
  for (const RowDtype dtype : {RowDtype::kBF16, RowDtype::kF16, RowDtype::kF32, RowDtype::kF64}) {
    const FloatFormat format = format_of(dtype);
    for (const std::size_t count : kCounts) {
      std::vector<double> row = normal(3, count);
      if (count > 4) row[0] = 0, row[1] = -0.0, row[2] = 0x1p-140, row[3] = -std::min(format.largest, 1e60);
      std::vector<float> scales;
      for (const double value : normal(4, count))
        scales.push_back(static_cast<float>(std::abs(value) + 0.01));
      constexpr double kSumming = 0x1p-40;
      std::vector<double> out(count + 1, 7);
      const Spread spread = kernel().variances(row.data(), scales.data(), count, format.fraction_bits,
                                               format.least_exponent, kSumming, out.data());
      double total = 0;
      double squares = 0;
      for (std::size_t j = 0; j < count; ++j) {
        const double ulp = ulp_of(row[j], format);
        const double scale = double{scales[j]};
        const double variance = ulp * ulp / 12 + kSumming * (scale * scale);
        ASSERT_EQ(out[j], variance) << to_string(dtype) << " " << j << " of " << count;
        total += variance / (scale * scale);
        squares += std::pow(variance / (scale * scale), 2);
      }
      EXPECT_EQ(out[count], 7) << "nothing is written behind the row";
      EXPECT_NEAR(spread.total, total, total * 1e-12);
      EXPECT_NEAR(spread.squares, squares, squares * 1e-12);
    }
  }
}

TEST_P(KernelTest, ProjectsRows) {
  for (const std::size_t count : kCounts) {
    const std::vector<double> row = normal(6, count);
    const std::vector<double> r = normal(7, count);
    std::vector<double> variances = normal(8, count);
    double variance = 0;
    for (std::size_t j = 0; j < count; ++j) {
      variances[j] = std::abs(variances[j]);
      variance += r[j] * r[j] * variances[j];
    }
    const Projection found = kernel().project(row.data(), variances.data(), r.data(), count);
    EXPECT_EQ(found.value, kernel().dot(row.data(), r.data(), count));
    EXPECT_NEAR(found.variance, variance, variance * 1e-12);
  }
}

// What is found does not depend on the machine, to the last bit: a verdict near its limit neither.
TEST_P(KernelTest, GivesTheBitsOfThePortableOne) {
  for (const std::size_t count : kCounts) {
    const std::vector<double> a = normal(11, count);
    const std::vector<double> b = normal(12, count);
    std::vector<float> scales(count, 0.3F);
    std::vector<double> ours(count);
    std::vector<double> portable(count);
    EXPECT_EQ(kernel().dot(a.data(), b.data(), count), kPortableKernel.dot(a.data(), b.data(), count));
    const Terms terms = kernel().terms(a.data(), b.data(), count);
    const Terms portable_terms = kPortableKernel.terms(a.data(), b.data(), count);
    EXPECT_EQ(terms.sum, portable_terms.sum);
    EXPECT_EQ(terms.squares, portable_terms.squares);
    const Spread spread = kernel().variances(a.data(), scales.data(), count, 7, -126, 0.1, ours.data());
    const Spread portable_spread =
        kPortableKernel.variances(a.data(), scales.data(), count, 7, -126, 0.1, portable.data());
    EXPECT_EQ(ours, portable);
    EXPECT_EQ(spread.total, portable_spread.total);
    EXPECT_EQ(spread.squares, portable_spread.squares);
    const Projection found = kernel().project(a.data(), ours.data(), b.data(), count);
    const Projection portable_found = kPortableKernel.project(a.data(), ours.data(), b.data(), count);
    EXPECT_EQ(found.value, portable_found.value);
    EXPECT_EQ(found.variance, portable_found.variance);
  }
}

TEST(Kernels, AreThoseOfTheProcessor) {
  const std::vector<std::string_view> names = kernel_names();
  EXPECT_EQ(names.front(), "portable");
  EXPECT_EQ(names.size(), 1U + cpu_features().avx2 + cpu_features().avx512);
  EXPECT_EQ(kernel().name, environment_asks_for_portable() ? "portable" : names.back());
}

}  // namespace
}  // namespace assay::audit::internal
