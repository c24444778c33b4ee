#include "assay/matrix.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "base/cpu.h"
#include "base/threads.h"
#include "matrix/kernel.h"

namespace assay::matrix {
namespace {

using internal::force_kernel;
using internal::kernel;
using internal::kernel_names;
using Rows = std::vector<double>;

Rows random_rows(std::size_t rows, std::size_t side, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  Rows out(rows * side);
  for (double& value : out) value = normal(generator);
  return out;
}

std::vector<double> gram_eigenvalues(const Rows& rows, std::size_t side, std::size_t panel) {
  Gram gram = Gram::make(side).value();
  for (std::size_t at = 0; at < rows.size(); at += panel * side)
    gram.add(std::span(rows).subspan(at, std::min(panel * side, rows.size() - at))).value();
  return gram.eigenvalues().value();
}

std::vector<double> singular_values(const Rows& rows, std::size_t side, std::size_t panel) {
  Triangle triangle = Triangle::make(side).value();
  for (std::size_t at = 0; at < rows.size(); at += panel * side)
    triangle.add(std::span(rows).subspan(at, std::min(panel * side, rows.size() - at))).value();
  return triangle.singular_values().value();
}

/// The n x n second difference, 2 on the diagonal and -1 beside it: its eigenvalues are 4 sin^2(k pi / (2n +
/// 2)), and being symmetric and positive it has them for singular values as well.
Rows second_difference(std::size_t n) {
  Rows out(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    out[i * n + i] = 2;
    if (i > 0) out[i * n + i - 1] = -1;
    if (i + 1 < n) out[i * n + i + 1] = -1;
  }
  return out;
}

double known(std::size_t n, std::size_t k) {
  const double root = 2 * std::sin(static_cast<double>(k + 1) * M_PI / static_cast<double>(2 * n + 2));
  return root * root;
}

TEST(Matrix, GramHasTheSquaresOfKnownSingularValues) {
  for (const std::size_t n : {1U, 2U, 7U, 64U, 150U}) {
    const std::vector<double> values = gram_eigenvalues(second_difference(n), n, 16);
    ASSERT_EQ(values.size(), n);
    EXPECT_TRUE(std::ranges::is_sorted(values));
    for (std::size_t k = 0; k < n; ++k)
      EXPECT_NEAR(values[k], known(n, k) * known(n, k), 1e-13) << n << " " << k;
  }
}

TEST(Matrix, TriangleHasKnownSingularValues) {
  for (const std::size_t n : {1U, 2U, 7U, 64U, 150U}) {
    const std::vector<double> values = singular_values(second_difference(n), n, 16);
    ASSERT_EQ(values.size(), n);
    for (std::size_t k = 0; k < n; ++k) EXPECT_NEAR(values[k], known(n, k), 1e-13) << n << " " << k;
  }
}

TEST(Matrix, BothWaysAgreeOnManyRows) {
  const Rows rows = random_rows(333, 40, 1);
  const std::vector<double> squares = gram_eigenvalues(rows, 40, 50);
  const std::vector<double> values = singular_values(rows, 40, 50);
  for (std::size_t k = 0; k < 40; ++k) EXPECT_NEAR(values[k] * values[k] / squares[k], 1, 1e-12);
}

TEST(Matrix, AGroupOfRowsMayBeOfAnyLength) {
  const Rows rows = random_rows(100, 7, 2);
  const std::vector<double> whole = singular_values(rows, 7, 100);
  for (const std::size_t panel : {1U, 3U, 14U, 99U}) {
    const std::vector<double> parts = singular_values(rows, 7, panel);
    for (std::size_t k = 0; k < 7; ++k) EXPECT_NEAR(parts[k], whole[k], 1e-12) << panel;
  }
}

TEST(Matrix, FewRowsLeaveZeros) {
  const std::vector<double> values = singular_values({3, 4, 0}, 3, 1);
  EXPECT_NEAR(values[0], 0, 1e-14);
  EXPECT_NEAR(values[1], 0, 1e-14);
  EXPECT_NEAR(values[2], 5, 1e-14);
  EXPECT_THAT(Gram::make(2)->eigenvalues().value(), testing::ElementsAre(0, 0));
  EXPECT_THAT(Triangle::make(3)->singular_values().value(), testing::ElementsAre(0, 0, 0));
}

// What the Gram matrix squares away: it has no digit of the least value, the triangle has five.
TEST(Matrix, TriangleSeesWhatTheGramMatrixLoses) {
  const double small = 1e-9;
  const Rows rows{1, 1, small, 0, 0, small};  // singular values sqrt(2 + small^2) and small
  EXPECT_NEAR(singular_values(rows, 2, 3)[0] / small, 1, 1e-5);
  EXPECT_GT(std::abs(gram_eigenvalues(rows, 2, 3)[0] - small * small), small * small / 2);
}

TEST(Matrix, SameBitsBesideOthers) {
  const Rows rows = random_rows(90, 60, 3);
  const std::vector<double> alone = gram_eigenvalues(rows, 60, 32);
  std::vector<std::vector<double>> beside(8);
  set_thread_limit(2);
  parallel_for(0, beside.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) beside[i] = gram_eigenvalues(rows, 60, 32);
  });
  set_thread_limit(0);
  for (const std::vector<double>& values : beside) EXPECT_EQ(values, alone);
}

TEST(Matrix, RefusesSidesAndOverflow) {
  EXPECT_EQ(Gram::make(0).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(Gram::make(kMaxSide + 1).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(Triangle::make(0).error().code, ErrorCode::kTooLarge);
  for (const std::size_t side : {std::size_t{0}, kMaxSide + 1}) {
    const Error refused = cholesky({}, side).error();
    EXPECT_EQ(refused.code, ErrorCode::kTooLarge);
    EXPECT_EQ(refused.reason, fmt::format("a side of {}, 1 to {} are possible", side, kMaxSide));
  }
  EXPECT_EQ(cholesky({}, kMaxSide).error().code, ErrorCode::kMismatch) << "of a side that is possible";
  const double large = std::numeric_limits<double>::max();
  Gram gram = Gram::make(2).value();
  ASSERT_TRUE(gram.add(std::vector<double>{large, 1}).ok());
  EXPECT_EQ(gram.eigenvalues().error().code, ErrorCode::kOutOfRange);
  Triangle triangle = Triangle::make(1).value();
  ASSERT_TRUE(triangle.add(std::vector<double>{large, large}).ok());
  EXPECT_EQ(triangle.singular_values().error().code, ErrorCode::kOutOfRange);
}

/// Each kernel of this processor.
class MatrixKernelTest : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override { force_kernel(GetParam()); }
  void TearDown() override { force_kernel(kernel_names().back()); }
};
INSTANTIATE_TEST_SUITE_P(Kernels, MatrixKernelTest, testing::ValuesIn(kernel_names()),
                         [](const auto& name) { return std::string(name.param); });

TEST_P(MatrixKernelTest, CholeskyOfThePascalMatrix) {
  // A_ij = (i + j choose i) has the factor L_ij = (i choose j).
  std::vector<double> pascal(36, 1);
  for (std::size_t i = 1; i < 6; ++i)
    for (std::size_t j = 1; j < 6; ++j) pascal[i * 6 + j] = pascal[(i - 1) * 6 + j] + pascal[i * 6 + j - 1];
  const std::vector<double> lower = cholesky(pascal, 6).value();
  for (std::size_t i = 0; i < 6; ++i) {
    double choose = 1;
    for (std::size_t j = 0; j < 6; ++j) {
      EXPECT_NEAR(lower[i * 6 + j], j <= i ? choose : 0, 1e-12) << i << " " << j;
      choose = choose * static_cast<double>(i - std::min(i, j)) / static_cast<double>(j + 1);
    }
  }
}

TEST_P(MatrixKernelTest, CholeskyReadsTheLowerTriangleAlone) {
  EXPECT_THAT(cholesky(std::vector<double>{4, 99, 2, 5}, 2).value(), testing::ElementsAre(2, 0, 1, 2));
}

TEST_P(MatrixKernelTest, CholeskyRefusesWhatIsNotPositive) {
  EXPECT_EQ(cholesky(std::vector<double>{1, 2, 2, 1}, 2).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(cholesky(std::vector<double>{0}, 1).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(cholesky(std::vector<double>{std::nan("")}, 1).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(cholesky(std::vector<double>{1, 2, 3}, 2).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(cholesky(std::vector<double>{}, 0).error().code, ErrorCode::kTooLarge);
}

// More rows and columns than a register or the library's blocks hold.
TEST_P(MatrixKernelTest, CholeskyGivesBackWhatItWasMadeOf) {
  const std::size_t side = 150;
  const Rows rows = random_rows(side, side, 7);
  std::vector<double> gram(side * side);
  ASSERT_TRUE(add_product({rows.data(), side, side, side}, {rows.data(), side, side, side}, Turned::kRight,
                          {gram.data(), side, side, side})
                  .ok());
  const std::vector<double> lower = cholesky(gram, side).value();
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k <= j; ++k) sum += lower[i * side + k] * lower[j * side + k];
      ASSERT_NEAR(sum, gram[i * side + j], 1e-11) << i << " " << j;
    }
  }
}

TEST_P(MatrixKernelTest, ProductsOfPartsAgainstTheirDefinition) {
  // 2 x 3 times 3 x 4 by each way of turning, and sizes that no register divides.
  const std::size_t sizes[][3] = {{2, 3, 4}, {37, 301, 91}};
  for (const auto& [rows, inner, columns] : sizes) {
    const std::size_t n = rows + inner + columns;
    const Rows a = random_rows(n, n, 5);
    const Rows b = random_rows(n, n, 6);
    for (const Turned turned : {Turned::kNone, Turned::kLeft, Turned::kRight}) {
      const bool left = turned == Turned::kLeft;
      const bool right = turned == Turned::kRight;
      // Each is a part of a larger matrix that begins at its row 1, column 2.
      const Part<const double> first{a.data() + n + 2, left ? inner : rows, left ? rows : inner, n};
      const Part<const double> second{b.data() + n + 2, right ? columns : inner, right ? inner : columns, n};
      Rows c(rows * n, 1);
      ASSERT_TRUE(add_product(first, second, turned, {c.data(), rows, columns, n}).ok());
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
          double sum = 1;
          for (std::size_t k = 0; k < inner; ++k)
            sum += (left ? first.first[k * n + i] : first.first[i * n + k]) *
                   (right ? second.first[j * n + k] : second.first[k * n + j]);
          ASSERT_NEAR(c[i * n + j], sum, 1e-12 * static_cast<double>(inner)) << i << " " << j;
        }
        ASSERT_EQ(c[i * n + columns], 1);
      }
    }
  }
}

TEST(MatrixKernels, AreThoseOfTheProcessor) {
  const std::vector<std::string_view> names = kernel_names();
  EXPECT_EQ(names.front(), "portable");
  EXPECT_EQ(names.size(), 1U + cpu_features().fma + (cpu_features().fma && cpu_features().avx512));
  EXPECT_EQ(kernel().name, environment_asks_for_portable() ? "portable" : names.back());
}

}  // namespace
}  // namespace assay::matrix
