#include <gtest/gtest.h>

#include "pst/lagrange.h"
#include "pst/test_support.h"

namespace assay::pst {
namespace {

using test::axes_of;

/// sum_a c_a x^a, term by term.
Fr evaluate_terms(const Axes& axes, std::span<const Fr> coefficients, std::span<const Fr> point) {
  Fr sum = Fr::zero();
  for (std::size_t k = 0; k < coefficients.size(); ++k) {
    Fr term = coefficients[k];
    const std::vector<std::uint32_t> exponents = axes.coordinates_of(k);
    for (std::size_t i = 0; i < axes.count(); ++i) term *= test::power(point[i], exponents[i]);
    sum += term;
  }
  return sum;
}

const std::vector<std::vector<std::uint64_t>>& shapes() {
  static const std::vector<std::vector<std::uint64_t>> all{
      {1},       {2},     {64},    {1, 3},   {3, 1},      {6, 6, 6}, {2, 2, 2, 2, 2, 2, 2, 2, 2, 2},
      {5, 9, 3}, {40, 3}, {3, 40}, {2, 600}, {300, 2, 3}, {4, 1, 4}, {1, 1, 1}};
  return all;
}

TEST(Interpolate, ToyOfTheTensorTwoByTwo) {
  const std::vector<std::int8_t> values{1, 2, 3, 5};
  const std::vector<Fr> expected{Fr::from_u64(1), Fr::from_u64(1), Fr::from_u64(2), Fr::from_u64(1)};
  EXPECT_EQ(interpolate(axes_of({2, 2}), values).value(), expected);
}

TEST(Interpolate, TakesTheValuesOnTheGridAndBack) {
  test::Random random(1);
  for (const auto& sizes : shapes()) {
    const Axes axes = axes_of(sizes);
    const std::vector<Scalar> values = random.integers(axes.volume(), 250);
    const std::vector<Fr> coefficients = interpolate(axes, values).value();
    const std::vector<Fr> back = grid_values(axes, coefficients).value();
    for (std::size_t k = 0; k < values.size(); ++k)
      ASSERT_EQ(back[k].to_scalar(), values[k]) << axes.to_string();
    for (int i = 0; i < 3; ++i) {
      const std::uint64_t k = random.below(axes.volume());
      const std::vector<Fr> node = test::to_fr(axes.coordinates_of(k));
      EXPECT_EQ(evaluate(axes, coefficients, node)->to_scalar(), values[k]) << axes.to_string();
      EXPECT_EQ(evaluate_terms(axes, coefficients, node).to_scalar(), values[k]) << axes.to_string();
    }
  }
}

TEST(Evaluate, IsTheSumOfTheTermsAndAgreesWithLagrange) {
  test::Random random(2);
  for (const auto& sizes : shapes()) {
    const Axes axes = axes_of(sizes);
    const std::vector<Scalar> values = random.integers(axes.volume(), 40);
    const std::vector<Fr> coefficients = interpolate(axes, values).value();
    const std::vector<Fr> point = random.fields(axes.count());
    const Fr value = evaluate(axes, coefficients, point).value();
    EXPECT_EQ(value, evaluate_terms(axes, coefficients, point));
    EXPECT_EQ(value, test::evaluate_lagrange(axes, values, point));
  }
}

TEST(CommitCoefficients, IsTheCommitmentOfTheGridValues) {
  test::Random random(3);
  for (const auto& sizes : std::vector<std::vector<std::uint64_t>>{{1}, {6, 6, 6}, {3, 1, 17}, {64, 2}}) {
    const Axes axes = axes_of(sizes);
    const Srs srs = Srs::dev(axes, 1).value();
    for (const unsigned bits : {16u, 250u}) {
      const std::vector<Scalar> values = random.integers(axes.volume(), bits);
      EXPECT_EQ(commit_coefficients(srs, interpolate(axes, values).value()).value(),
                commit(srs, values).value());
    }
  }
}

TEST(Lagrange, AtNodesIsTheUnitVector) {
  for (const std::uint32_t n : {1u, 2u, 7u})
    for (std::uint32_t z = 0; z < n; ++z) {
      const std::vector<Fr> values = internal::lagrange_at(n, Fr::from_u64(z));
      for (std::uint32_t j = 0; j < n; ++j) EXPECT_EQ(values[j], j == z ? Fr::one() : Fr::zero());
    }
}

TEST(GridValues, OfTheLongestAxisThatHasACoefficientForm) {
  const Axes axes = axes_of({kMaxCoefficientAxis});
  std::vector<Fr> coefficients(kMaxCoefficientAxis);  // 5 + 3x
  coefficients[0] = Fr::from_u64(5);
  coefficients[1] = Fr::from_u64(3);
  const Result<std::vector<Fr>> values = grid_values(axes, coefficients);
  ASSERT_TRUE(values.ok()) << values.error().to_string();
  for (std::uint32_t j = 0; j < kMaxCoefficientAxis; ++j) EXPECT_EQ((*values)[j], Fr::from_u64(5 + 3 * j));
}

TEST(Refusals, OfTheCoefficientView) {
  const Axes axes = axes_of({2, 3});
  const std::vector<Fr> six(6), five(5), two(2), three(3);
  const std::vector<std::int8_t> few(5), many(1025);
  EXPECT_EQ(interpolate(axes, few).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(interpolate(axes_of({1025}), many).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(grid_values(axes, five).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(grid_values(axes_of({1025}), std::vector<Fr>(1025)).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(evaluate(axes, five, two).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(evaluate(axes, six, three).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(commit_coefficients(Srs::dev(axes, 1).value(), five).error().code, ErrorCode::kMismatch);
}

}  // namespace
}  // namespace assay::pst
