#include "audit/chain.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "audit/products.h"
#include "audit/test_support.h"

namespace assay::audit::internal {
namespace {

constexpr std::size_t kHidden = 576;

/// A row whose RMSNorm has the factor 3/4, to the last place of fp32.
class NormBesideATie : public testing::Test {
 protected:
  NormBesideATie() {
    test::Normal normal(3);
    double squares = 0;
    for (double& value : row_) {
      value = test::to_bf16(normal());
      squares += value * value;
    }
    spec_.family = Family::kLlama;
    spec_.norm_epsilon = 16.0 / 9 - squares / kHidden;
    norm_.weight.assign(kHidden, 1);
  }
  [[nodiscard]] std::vector<double> with(int shift) const {
    return normalised(spec_, norm_, row_, kFormat, shift);
  }
  [[nodiscard]] std::string compare(const std::vector<double>& given, Measured* measured = nullptr) const {
    return compare_norm(spec_, norm_, row_, given, kFormat, measured);
  }

  static constexpr FloatFormat kFormat = format_of(RowDtype::kBF16);
  std::vector<double> row_ = std::vector<double>(kHidden);
  ModelSpec spec_;
  Norm norm_;
};

TEST_F(NormBesideATie, IsHonestInEitherOrderOfSummation) {
  for (const int shift : {-4, -1, 1, 4}) {
    const RowDifference found = difference_of(with(0), with(shift), kFormat);
    EXPECT_GT(found.differing, kHidden / 10) << "one order of summation against another, " << shift;
    EXPECT_LE(found.worst, 1);
    EXPECT_EQ(compare(with(shift)), "") << shift;
  }
  Measured measured;
  EXPECT_EQ(compare(with(1), &measured), "");
  ASSERT_EQ(measured.chain.size(), 1U);
  EXPECT_EQ(measured.chain[0].differing_share, 0) << "one of the orders gives these bits";
  EXPECT_EQ(norms_of(spec_, norm_, row_, kFormat).size(), 3U) << "3/4, more and less";
  EXPECT_EQ(norms_of(spec_, norm_, row_, kFormat).front(), with(0));
}

TEST_F(NormBesideATie, IsNotWhatDiffersElsewhere) {
  std::vector<double> given = with(1);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < kHidden && changed < 20; i += 7, ++changed)
    given[i] = std::nextafter(static_cast<float>(given[i]), INFINITY) + ulp_of(given[i], kFormat);
  for (double& value : given) value = round_to(value, kFormat);
  EXPECT_EQ(compare(given), "20 of 576 values differ in the last place");
  given = with(1);
  given[5] += 8 * ulp_of(given[5], kFormat);
  EXPECT_NE(compare(given), "");
  EXPECT_NE(compare(normalised(spec_, norm_, std::vector<double>(kHidden, 1), kFormat)), "");
}

TEST_F(NormBesideATie, IsHeldAgainstTheLikeliestWhereOthersFitNoBetter) {
  const std::vector<double> likeliest = with(0);
  std::vector<double> given(kHidden, 1000);
  // The furthest off, where another of the norms is another number.
  const auto at = std::ranges::mismatch(likeliest, with(-1)).in1 - likeliest.begin();
  given[at] = 0x1.fep20;
  EXPECT_EQ(compare(given), fmt::format("value {} is {}, it should be {}", at, given[at], likeliest[at]));
}

// Two places are what rounding explains: a row that is so far off is preferred to none, and not given up for
// another that differs in more values.
TEST_F(NormBesideATie, MayBeTwoPlacesOff) {
  const std::vector<double> first = with(0);
  const std::vector<double> second = with(1);
  const std::size_t at = static_cast<std::size_t>(std::ranges::mismatch(first, second).in1 -
                                                  first.begin());  // one of many at which they differ
  const double place = second[at] - first[at];
  std::vector<double> given = first;
  given[at] += 2 * place;
  EXPECT_EQ(difference_of(first, given, kFormat).worst, 1);
  EXPECT_LT(difference_of(second, given, kFormat).worst, 1);
  EXPECT_GT(difference_of(second, given, kFormat).differing, kHidden / 10);
  EXPECT_EQ(compare(given), "");
}

TEST_F(NormBesideATie, MayBeTwoPlacesOffTheLessLikely) {
  // With zeros for most values, so that the two differ in few.
  std::fill(row_.begin() + 60, row_.end(), 0.0);
  double squares = 0;
  for (const double value : row_) squares += value * value;
  spec_.norm_epsilon = 16.0 / 9 - squares / kHidden;
  const std::vector<double> first = with(0);
  const std::vector<double> second = with(1);
  const auto at = std::ranges::mismatch(first, second).in1 - first.begin();
  ASSERT_LT(at, 60);
  std::vector<double> given = first;
  given[at] += 3 * (second[at] - first[at]);
  EXPECT_GT(difference_of(first, given, kFormat).worst, 1);
  EXPECT_EQ(difference_of(second, given, kFormat).worst, 1);
  EXPECT_LE(difference_of(second, given, kFormat).differing, 19U) << "8 and one in fifty";
  EXPECT_EQ(compare(given), "");
}

// k and v of earlier positions are products of a norm that is recomputed: of whichever it may have been.
TEST_F(NormBesideATie, GivesProductsOfEitherInput) {
  const test::Llama model;
  const weights::ModelFolder files(test::Llama::config());
  files.whole(model.written());
  const weights::Folder folder = files.open().value();
  const Facts facts = Facts::of(folder, RowDtype::kBF16, {}).value();
  const auto op = static_cast<std::uint32_t>(facts.table.find({1, Role::kK}) - facts.table.ops.data());
  const test::Row& weight = model.tensors.at(facts.table.ops[op].weight);
  const auto product_of = [&](const std::vector<double>& input) {
    std::vector<double> output(facts.table.ops[op].out);
    for (std::size_t j = 0; j < output.size(); ++j) {
      for (std::size_t i = 0; i < input.size(); ++i)
        output[j] += double{weight[j * input.size() + i]} * input[i];
      output[j] = round_to(output[j], kFormat);
    }
    return output;
  };
  std::vector<double> first(test::Llama::kHidden, 1);
  std::vector<double> second = first;
  second[3] = 3;
  Product product{op, 0, 0, {first, second}, product_of(second), true};
  const Tolerance tolerance = Tolerance::of(RowDtype::kBF16);
  Measured measured;
  EXPECT_FALSE(check_by_weights(folder, facts, std::span(&product, 1), tolerance, &measured).value().failure);
  ASSERT_EQ(measured.products.size(), 1U);
  EXPECT_LT(measured.products[0].variance, 2) << "of the input that fits";
  product.inputs.pop_back();
  EXPECT_TRUE(check_by_weights(folder, facts, std::span(&product, 1), tolerance).value().failure);
}

TEST(CompareRows, AllowsWhatRoundingDoes) {
  constexpr FloatFormat kBf16 = format_of(RowDtype::kBF16);
  const std::vector<double> row(50, 1.0);
  const auto with_differing = [&](std::size_t count, double by) {
    std::vector<double> given = row;
    std::fill_n(given.begin() + 1, count, 1.0 + by);
    return given;
  };
  EXPECT_EQ(compare_rows(row, with_differing(9, 0x1p-6), kBf16), "") << "8 and one in fifty, by two places";
  EXPECT_EQ(compare_rows(row, with_differing(10, 0x1p-7), kBf16), "10 of 50 values differ in the last place");
  EXPECT_EQ(compare_rows(row, with_differing(2, 0x1.8p-6), kBf16), "value 1 is 1.0234375, it should be 1")
      << "the first of those that are as far off";
  // Rows as long as what is computed in between differ anywhere, and by more places.
  constexpr FloatFormat kF32 = format_of(RowDtype::kF32);
  EXPECT_EQ(compare_rows(row, with_differing(49, 0x1p-20), kF32), "");
  EXPECT_NE(compare_rows(row, with_differing(1, 0x1p-17), kF32), "");
}

TEST(NormsOf, LongRowsAreOne) {
  ModelSpec spec;
  spec.family = Family::kLlama;
  const Norm norm{{1, 1}, {}};
  const std::vector<double> row = {0.3F, 0.7F};
  for (const RowDtype dtype : {RowDtype::kF32, RowDtype::kF64})
    EXPECT_EQ(norms_of(spec, norm, row, format_of(dtype)).size(), 1U);
}

TEST(ActivationSlack, IsOfTheFunctionOfManyRoundings) {
  ModelSpec spec;
  constexpr FloatFormat kBf16 = format_of(RowDtype::kBF16);
  const std::vector<double> up = {-3, 4};
  for (const Activation one : {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf}) {
    spec.activation = one;
    EXPECT_TRUE(activation_slack(spec, up, kBf16).empty());
  }
  spec.activation = Activation::kGeluNew;
  EXPECT_EQ(activation_slack(spec, up, kBf16), (std::vector<double>{3 * 0x1p-8, 4 * 0x1p-8}));
}

TEST(Attention, SeesItsWindow) {
  ModelSpec spec;
  spec.heads = spec.kv_heads = 1;
  spec.head_size = 2;
  const std::vector<double> q = {0, 0};  // all that is seen has the same weight
  const std::vector<AttentionRow> rows = {{{}, {1, 1}, {6, 0}}, {{}, {1, 1}, {0, 6}}, {{}, {1, 1}, {0, 0}}};
  const auto with_window = [&](std::uint64_t window) {
    spec.window = window;
    return attention(spec, q, rows);
  };
  for (const std::uint64_t all : {0U, 3U, 4U})
    EXPECT_EQ(with_window(all), (std::vector<double>{2, 2})) << all;
  EXPECT_EQ(with_window(2), (std::vector<double>{0, 3}));
  EXPECT_EQ(with_window(1), (std::vector<double>{0, 0}));
}

TEST(AttentionError, IsThatOfTheWorstHead) {
  ModelSpec spec;
  spec.heads = 2;
  spec.head_size = 2;
  const auto error = [&](const std::vector<double>& expected, const std::vector<double>& given) {
    return attention_error(spec, expected, given);
  };
  EXPECT_EQ(error({3, 4, 0, 10}, {3, 4.5, 0, 9}), 0.1);
  EXPECT_EQ(error({0, 0, 0, 10}, {0, 0, 0, 10}), 0) << "of a head of zeros";
  EXPECT_EQ(error({0, 0, 0, 0}, {0, 0, 0, 0}), 0) << "of zeros alone";
  EXPECT_EQ(error({0, 0, 0, 10}, {0, 1e-9, 0, 10}), std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace assay::audit::internal
