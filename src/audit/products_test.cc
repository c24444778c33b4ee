#include "audit/products.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "audit/test_support.h"

namespace assay::audit::internal {
namespace {

using test::Llama;

// Each output is 1 + 2^-8 + 2^-22: a little above the middle between 1 and its neighbour 1 + 2^-7, and so
// near to it that a sum in fp32 may fall to the other side. A few do in an honest run, never most of a row.
TEST(Products, FewValuesMayBeRoundedOtherwise) {
  Llama model;
  test::Row& weight = model.tensors["model.layers.0.mlp.up_proj.weight"];
  std::ranges::fill(weight, 0.0F);
  for (std::size_t j = 0; j < Llama::kInner; ++j) {
    weight[j * Llama::kHidden] = 1;
    weight[j * Llama::kHidden + 1] = 0x1p-8F;
    weight[j * Llama::kHidden + 2] = 0x1p-22F;
  }
  const weights::ModelFolder files(Llama::config());
  files.whole(model.written());
  const weights::Folder folder = files.open().value();
  const Facts facts = Facts::of(folder, RowDtype::kBF16, {}).value();

  Product product;
  product.op = static_cast<std::uint32_t>(
      std::ranges::find(facts.table.ops, Wire{0, Role::kUp}, &Op::output) - facts.table.ops.begin());
  product.inputs.assign(1, std::vector<double>(Llama::kHidden));
  std::fill_n(product.inputs[0].begin(), 3, 1.0);
  const auto failure_with = [&](std::size_t otherwise) {
    product.output.assign(Llama::kInner, 1 + 0x1p-7);
    std::fill_n(product.output.begin(), otherwise, 1.0);
    const auto found =
        check_by_weights(folder, facts, std::span(&product, 1), Tolerance::of(RowDtype::kBF16)).value();
    return found.failure ? found.failure->reason : "";
  };
  EXPECT_EQ(failure_with(0), "");
  EXPECT_EQ(failure_with(9), "") << "8 and 1 % of 160";
  EXPECT_EQ(failure_with(10), "10 of 160 values are rounded otherwise");
  EXPECT_EQ(failure_with(160), "160 of 160 values are rounded otherwise");
}

TEST(Recomputed, NamesTheFirstOfTheWorstInWhateverOrderItsPartsCome) {
  const Recomputed first{1, 2.5, 3, 70};
  const Recomputed second{4, 8, 3, 130};
  for (const auto& [one, other] : {std::pair(first, second), {second, first}}) {
    Recomputed sum = one;
    sum.add(other);
    EXPECT_EQ(sum.differing, 5U);
    EXPECT_EQ(sum.squares, 10.5);
    EXPECT_EQ(sum.worst, 3);
    EXPECT_EQ(sum.worst_at, 70U);
  }
}

/// A layer of the sample's second block, and products of it that the tests write themselves.
class OneLayer : public testing::Test {
 protected:
  static constexpr double kPlace = 0x1p-133;  // the least number of bf16

  OneLayer() : files_(Llama::config()) {
    files_.whole(Llama().written());
    tolerance_ = Tolerance::of(RowDtype::kBF16);
  }
  [[nodiscard]] weights::Folder folder() const { return files_.open().value(); }
  [[nodiscard]] Facts facts(RowDtype dtype = RowDtype::kBF16) const {
    return Facts::of(folder(), dtype, {}).value();
  }
  /// Of zeros with themselves: an honest one.
  [[nodiscard]] Product zeros(Role role = Role::kUp) const {
    const OpTable table = facts().table;
    Product product;
    product.op = static_cast<std::uint32_t>(table.find({1, role}) - table.ops.data());
    product.inputs.assign(1, std::vector<double>(table.ops[product.op].in));
    product.output.assign(table.ops[product.op].out, 0.0);
    return product;
  }
  ProductFindings check(const std::vector<Product>& products, RowDtype dtype = RowDtype::kBF16) {
    return check_by_weights(folder(), facts(dtype), products, tolerance_, &measured_).value();
  }
  [[nodiscard]] Key key() const {
    return Key::enroll(folder(), Key::Options(), World::system()).value().front();
  }

  weights::ModelFolder files_;
  Tolerance tolerance_;
  Measured measured_;
};

TEST_F(OneLayer, MayDifferInEightValuesAndTheShare) {
  const Llama model;
  test::Runner runner(model);
  runner.feed(7, 0);
  Product product = zeros();
  const test::Row& input = runner.rows.at({1, Role::kMlpInput});
  const test::Row& output = runner.rows.at({1, Role::kUp});
  product.inputs[0].assign(input.begin(), input.end());
  product.output.assign(output.begin(), output.end());
  ASSERT_FALSE(check({product}).failure);
  // Bounds wide enough for values that are a place off, so that their count alone is looked at.
  tolerance_.variance_factor = 1e12;
  tolerance_.differing_share = 1.0 / 16;
  const double differing = measured_.products[0].differing_share * Llama::kInner;
  const auto with = [&](std::size_t changed) {
    Product off = product;
    for (std::size_t i = 0; i < changed; ++i)
      off.output[i] += ulp_of(off.output[i], format_of(RowDtype::kBF16));
    const auto found = check({off});
    return found.failure ? found.failure->reason : "";
  };
  ASSERT_EQ(differing, 0) << "the sample has none of its own";
  EXPECT_EQ(with(18), "") << "8 and 10 of 160";
  EXPECT_EQ(with(19), "19 of 160 values are rounded otherwise");
}

// A value is off by a place, and just so much is allowed: the bound is met, and by any less it is not.
TEST_F(OneLayer, MayBeAsFarOffAsTheBound) {
  Product product = zeros();
  product.inputs[0].assign(Llama::kHidden, 1.0);
  const Llama model;
  const test::Row& weight = model.tensors.at("model.layers.1.mlp.up_proj.weight");
  for (std::size_t j = 0; j < product.output.size(); ++j) {
    for (std::size_t i = 0; i < Llama::kHidden; ++i) product.output[j] += weight[j * Llama::kHidden + i];
    product.output[j] = round_to(product.output[j], format_of(RowDtype::kBF16));
  }
  product.output[3] += ulp_of(product.output[3], format_of(RowDtype::kBF16));
  const auto worst = [&](double factor) {
    tolerance_.variance_factor = factor;
    measured_ = {};
    const bool failed = check({product}).failure.has_value();
    EXPECT_EQ(failed, measured_.products[0].worst > 1) << factor;
    return measured_.products[0].worst;
  };
  double low = 1;
  double high = 1e15;
  ASSERT_GT(worst(low), 1);
  ASSERT_LT(worst(high), 1);
  for (int i = 0; i < 200 && worst(low) != 1; ++i) {
    const double middle = std::sqrt(low * high);
    (worst(middle) >= 1 ? low : high) = middle;
  }
  EXPECT_EQ(worst(low), 1) << "of the bounds there is one that is met";
}

TEST_F(OneLayer, IsRejectedByTheFirstOfWhatIsAsFarOff) {
  std::vector<Product> products = {zeros(), zeros()};
  products[0].position = 4;
  products[1].position = 5;
  for (Product& product : products) product.output[3] = product.output[4] = product.output[100] = 1;
  for (int i = 0; i < 20; ++i) {  // whichever thread comes first
    const auto failure = check(products).failure;
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->position, 4U);
    EXPECT_THAT(failure->reason, testing::StartsWith("value 3 lies "));
  }
}

TEST_F(OneLayer, OfARecomputedInputMayHaveFourTimesTheVariance) {
  Product product = zeros();
  product.recomputed = true;
  // Of a sum of zeros the error is that of rounding alone: 12 times its variance for a place.
  const auto passes = [&](std::size_t places) {
    std::fill_n(product.output.begin(), places, kPlace);
    return !check({product}).failure;
  };
  tolerance_.variance_factor = 0.3125;
  EXPECT_TRUE(passes(56)) << "a factor below 1 is one of sums, and counts as 1 here";
  EXPECT_FALSE(passes(57));
  tolerance_.variance_factor = 1.25;
  EXPECT_TRUE(passes(70)) << "12 * 70 / 160 are 4 * 1.25 + 40 / 160";
  EXPECT_FALSE(passes(71));
}

TEST_F(OneLayer, HasNoVarianceWhereAllInputsWereRecomputed) {
  Product product = zeros();
  EXPECT_TRUE(check({product}).variance);
  product.recomputed = true;
  EXPECT_FALSE(check({product}).variance);
  EXPECT_FALSE(check({}).variance);
}

TEST_F(OneLayer, InLongRowsMayDifferAnywhere) {
  Product product = zeros();
  product.inputs[0].assign(Llama::kHidden, 1.0);
  const Llama model;
  const test::Row& weight = model.tensors.at("model.layers.1.mlp.up_proj.weight");
  constexpr FloatFormat kF32 = format_of(RowDtype::kF32);
  for (std::size_t j = 0; j < product.output.size(); ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < Llama::kHidden; ++i) sum += weight[j * Llama::kHidden + i];
    product.output[j] = round_to(sum, kF32) + ulp_of(sum, kF32);
  }
  const auto failure = check({product}, RowDtype::kF32).failure;
  EXPECT_FALSE(failure) << failure->reason;
  EXPECT_EQ(measured_.products[0].differing_share, 1);
}

TEST_F(OneLayer, OfAWeightThatIsNoNumberIsRefused) {
  Llama model;
  model.tensors.at("model.layers.1.mlp.up_proj.weight")[70 * Llama::kHidden] = std::nanf("");
  const Facts known = facts();
  files_.whole(model.written());
  const std::vector<Product> products = {zeros()};
  tensor::expect_error(check_by_weights(folder(), known, products, tolerance_), ErrorCode::kOutOfRange,
                       "model.layers.1.mlp.up_proj.weight");
}

TEST_F(OneLayer, OfZerosHasNoResidual) {
  const Key secret = key();
  const KeyContents& contents = *secret.shared_contents();
  EXPECT_FALSE(check_by_key(contents, {}, tolerance_).failure) << "of no product";
  // With certainty an honest run would be rejected here, but for one without residuals.
  tolerance_.false_alarm = 2;
  const std::vector<Product> products = {zeros()};
  EXPECT_FALSE(check_by_key(contents, products, tolerance_).failure);
}

TEST_F(OneLayer, IsRejectedByAKeyAtItsFirstLayer) {
  const Key secret = key();
  std::vector<Product> products = {zeros(Role::kGate), zeros(Role::kUp)};
  for (Product& product : products) product.output.assign(Llama::kInner, 100);
  products[0].position = 3;
  products[1].position = 4;
  const auto failure = check_by_key(*secret.shared_contents(), products, tolerance_).failure;
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->op, products[0].op);
  EXPECT_EQ(failure->position, 3U);
}

TEST_F(OneLayer, CountsTheFirstOfEqualRows) {
  const Key secret = key();
  for (const bool recomputed : {false, true}) {
    std::vector<Product> products(40, zeros());
    products[0].recomputed = recomputed;
    for (std::size_t i = 1; i < products.size(); ++i) products[i].recomputed = !recomputed;
    measured_ = {};
    EXPECT_FALSE(check_by_key(*secret.shared_contents(), products, tolerance_, &measured_).failure);
    ASSERT_EQ(measured_.products.size(), 1U);
    EXPECT_EQ(measured_.products[0].recomputed, recomputed);
  }
}

}  // namespace
}  // namespace assay::audit::internal
