#include "audit/chain.h"

#include <gtest/gtest.h>

#include <cmath>

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

}  // namespace
}  // namespace assay::audit::internal
