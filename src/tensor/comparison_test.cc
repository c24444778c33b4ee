#include "assay/tensor_comparison.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/json.h"
#include "base/threads.h"
#include "tensor/load.h"

namespace assay::tensor {
namespace {

template <class T>
TensorView layer_of(std::string name, Dtype dtype, Shape shape, const std::vector<T>& values) {
  auto bytes = std::make_shared<Bytes>();
  for (const T value : values) append(*bytes, value);
  const ByteSpan span = *bytes;
  return {std::move(name), dtype, std::move(shape), span, bytes};
}

TensorView floats(std::string name, Shape shape, const std::vector<float>& values) {
  return layer_of(std::move(name), Dtype::kF32, std::move(shape), values);
}

Comparison compared(const std::vector<TensorView>& a, const std::vector<TensorView>& b,
                    const ComparisonOptions& options = {}) {
  return Comparison::of(a, b, options).value();
}

Error refused(const std::vector<TensorView>& a, const std::vector<TensorView>& b,
              const ComparisonOptions& options = {}) {
  return Comparison::of(a, b, options).error();
}

TEST(Comparison, EqualLayersAreEqual) {
  const std::vector<TensorView> a{floats("x", {1, 2, 2}, {1, -2, 0, 3})};
  const Comparison found = compared(a, a);
  ASSERT_EQ(found.layers().size(), 1U);
  EXPECT_EQ(found.layers()[0].rows, std::vector<RowDifference>(2));
  EXPECT_EQ(found.first(std::nullopt), std::nullopt);
  EXPECT_EQ(found.first_token(0.0), std::nullopt);
  // Whatever the values are.
  const std::vector<TensorView> none{
      floats("x", {2}, {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})};
  EXPECT_EQ(compared(none, none).layers()[0].rows, std::vector<RowDifference>(1));
}

// |b - a| = 5, |a| = 13, <a, b> = 5 * 5 + 12 * 7 = 109, |b|^2 = 25 + 49; of the two largest magnitudes both.
TEST(Comparison, MeasuresWorkedByHand) {
  const Comparison found =
      compared({floats("x", {1, 3}, {5, 12, 0})}, {floats("x", {1, 3}, {5, 7, 0})}, {.top = 2});
  const RowDifference row = found.layers()[0].rows[0];
  EXPECT_EQ(row.unequal, 1U);
  EXPECT_DOUBLE_EQ(row.relative_error, 5.0 / 13);
  EXPECT_DOUBLE_EQ(row.cosine, 109 / (13 * std::sqrt(74.0)));
  EXPECT_EQ(row.overlap, 1);
}

TEST(Comparison, OverlapCountsPlacesOfTheLargestMagnitudes) {
  const auto overlap = [](const std::vector<float>& a, const std::vector<float>& b, std::uint64_t top) {
    const std::uint64_t width = a.size();
    return compared({floats("x", {width}, a)}, {floats("x", {width}, b)}, {.top = top})
        .layers()[0]
        .rows[0]
        .overlap;
  };
  EXPECT_EQ(overlap({9, -8, 1, 0}, {-9, 0, 1, 8}, 2), 0.5);
  EXPECT_EQ(overlap({9, -8, 1, 0}, {0, 0, 7, 8}, 2), 0);
  EXPECT_EQ(overlap({9, -8, 1, 0}, {0, 0, 7, 8}, 100), 1);  // all places
  EXPECT_EQ(overlap({1, 1, 1, 1}, {1, 1, 1, 0.5F}, 2), 1);  // of equal ones the first
  EXPECT_EQ(overlap({2, 1, 1, 0}, {2, 0, 1, 1}, 2), 0.5);   // places 0, 1 beside 0, 2
  EXPECT_EQ(overlap({1, 0, 0, 0}, {2, 0, 0, 0}, 0), 1);     // at least one
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(overlap({1, 2, 3, 4}, {nan, 2, 3, 4}, 2), 0.5);  // as infinity
}

TEST(Comparison, BitsAreComparedWhereTypesAreEqual) {
  const Comparison zeros = compared({floats("x", {2}, {0.0F, 1})}, {floats("x", {2}, {-0.0F, 1})});
  EXPECT_EQ(zeros.layers()[0].rows[0].unequal, 1U);
  EXPECT_EQ(zeros.layers()[0].rows[0].relative_error, 0);
  EXPECT_TRUE(zeros.first(std::nullopt).has_value());
  EXPECT_EQ(zeros.first(0.0), std::nullopt);
  const Comparison rows_of_zeros =
      compared({floats("x", {2}, {0.0F, -0.0F})}, {floats("x", {2}, {-0.0F, 0})});
  const RowDifference& signs = rows_of_zeros.layers()[0].rows[0];
  EXPECT_EQ(signs.unequal, 2U);
  EXPECT_EQ(signs.relative_error, 0);
  EXPECT_EQ(signs.cosine, 1);

  const float nan = std::bit_cast<float>(0x7fc00001U);
  const Comparison equal_nans = compared({floats("x", {1}, {nan})}, {floats("x", {1}, {nan})});
  EXPECT_EQ(equal_nans.layers()[0].rows[0], RowDifference{});
  const Comparison two_nans =
      compared({floats("x", {1}, {nan})}, {floats("x", {1}, {std::bit_cast<float>(0x7fc00002U)})});
  EXPECT_EQ(two_nans.layers()[0].rows[0].unequal, 1U);
  EXPECT_TRUE(std::isinf(two_nans.layers()[0].rows[0].relative_error));
}

TEST(Comparison, ValuesAreComparedAcrossTypes) {
  // 1.5, -2, 2^-24 (the least of binary16) and 65504 (its largest).
  const std::vector<TensorView> half{
      layer_of<std::uint16_t>("x", Dtype::kF16, {4}, {0x3e00, 0xc000, 0x0001, 0x7bff})};
  const std::vector<TensorView> single{floats("x", {4}, {1.5F, -2, 0x1p-24F, 65504})};
  const std::vector<TensorView> wide{layer_of<double>("x", Dtype::kF64, {4}, {1.5, -2, 0x1p-24, 65504})};
  EXPECT_EQ(compared(half, single).layers()[0].rows[0], RowDifference{});
  EXPECT_EQ(compared(single, wide).layers()[0].rows[0], RowDifference{});
  const std::vector<TensorView> brain{
      layer_of<std::uint16_t>("x", Dtype::kBF16, {4}, {0x3fc0, 0xc000, 0x3380, 0x4780})};
  const RowDifference row = compared(single, brain).layers()[0].rows[0];
  EXPECT_EQ(row.unequal, 1U);  // 65536 instead of 65504
  EXPECT_NEAR(row.relative_error, 32.0 / 65504, 1e-9);
}

TEST(Comparison, NothingAndInfinity) {
  const float infinity = std::numeric_limits<float>::infinity();
  const auto row = [](const std::vector<float>& a, const std::vector<float>& b) {
    return compared({floats("x", {2}, a)}, {floats("x", {2}, b)}).layers()[0].rows[0];
  };
  EXPECT_TRUE(std::isinf(row({0, 0}, {1, 0}).relative_error));
  EXPECT_EQ(row({0, 0}, {1, 0}).cosine, 0);
  EXPECT_EQ(row({3, 4}, {0, 0}).relative_error, 1);
  EXPECT_EQ(row({3, 4}, {0, 0}).cosine, 0);
  EXPECT_TRUE(std::isinf(row({1, 2}, {1, infinity}).relative_error));
  EXPECT_TRUE(Comparison::differs(row({1, 2}, {1, infinity}), 1e300));
  // Squares that leave float64.
  const auto wide = [](double a, double b) {
    return compared({layer_of<double>("x", Dtype::kF64, {1}, {a})},
                    {layer_of<double>("x", Dtype::kF64, {1}, {b})})
        .layers()[0]
        .rows[0];
  };
  EXPECT_DOUBLE_EQ(wide(1e300, 1.5e300).relative_error, 0.5);
  EXPECT_DOUBLE_EQ(wide(1e-300, 1.5e-300).relative_error, 0.5);
}

// Layers a and b; token 2 of b differs a bit, token 1 of c more.
std::vector<TensorView> three(float at_b, float at_c) {
  return {floats("a", {3, 1}, {1, 1, 1}), floats("b", {3, 1}, {1, 1, at_b}),
          floats("c", {3, 1}, {1, at_c, 1})};
}

TEST(Comparison, FirstLayerAndFirstToken) {
  const Comparison found = compared(three(1, 1), three(1.25F, 3));
  EXPECT_EQ(found.first(std::nullopt), (Comparison::Place{1, 2}));
  EXPECT_EQ(found.first_token(std::nullopt), (Comparison::Place{2, 1}));
  EXPECT_EQ(found.first(0.25), (Comparison::Place{2, 1}));  // 0.25 is not over 0.25
  EXPECT_EQ(found.first(std::nextafter(0.25, 0)), (Comparison::Place{1, 2}));
  EXPECT_EQ(found.first(2.0), std::nullopt);
  // Of one token the first layer.
  const Comparison together = compared(
      three(1, 1),
      {floats("a", {3, 1}, {1, 1, 1}), floats("b", {3, 1}, {1, 2, 1}), floats("c", {3, 1}, {1, 2, 1})});
  EXPECT_EQ(together.first_token(std::nullopt), (Comparison::Place{1, 1}));
}

TEST(Comparison, SomeTokensAlone) {
  const Comparison found =
      compared(three(1, 1), three(1.25F, 3), {.first_row = 2, .last_row = std::uint64_t{3}});
  EXPECT_EQ(found.layers()[2].rows.size(), 1U);
  EXPECT_EQ(found.first(std::nullopt), (Comparison::Place{1, 2}));
  EXPECT_EQ(found.first_token(std::nullopt), (Comparison::Place{1, 2}));
  // Files of different lengths, as long as both have the tokens.
  const std::vector<TensorView> longer{floats("a", {5, 1}, {1, 1, 1, 9, 9})};
  EXPECT_EQ(compared(three(1, 1), longer, {.last_row = std::uint64_t{3}}).first(std::nullopt), std::nullopt);
  EXPECT_EQ(refused(three(1, 1), longer).code, ErrorCode::kMismatch);
  EXPECT_EQ(refused(three(1, 1), longer, {.last_row = std::uint64_t{4}}).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refused(three(1, 1), three(1, 1), {.first_row = 4}).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refused(three(1, 1), three(1, 1), {.first_row = 3}).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(refused(three(1, 1), three(1, 1), {.last_row = std::uint64_t{0}}).code, ErrorCode::kOutOfRange);
}

TEST(Comparison, LayersArePairedByNameOrByOrder) {
  const std::vector<TensorView> a{floats("x", {1}, {1}), floats("y", {1}, {2})};
  const std::vector<TensorView> b{floats("y", {1}, {2}), floats("z", {1}, {1})};
  const Comparison by_name = compared(a, b);
  ASSERT_EQ(by_name.layers().size(), 1U);
  EXPECT_EQ(by_name.layers()[0].name, "y");
  EXPECT_EQ(by_name.first(std::nullopt), std::nullopt);
  EXPECT_EQ(by_name.only_in_a(), std::vector<std::string>{"x"});
  EXPECT_EQ(by_name.only_in_b(), std::vector<std::string>{"z"});
  const Comparison by_order = compared(a, b, {.by_order = true});
  EXPECT_EQ(by_order.layers()[1].other_name, "z");
  EXPECT_EQ(by_order.first(std::nullopt), (Comparison::Place{0, 0}));
  EXPECT_TRUE(by_order.only_in_a().empty() && by_order.only_in_b().empty());
  EXPECT_EQ(refused(a, {b[0]}, {.by_order = true}).code, ErrorCode::kMismatch);
  EXPECT_EQ(refused({a[0]}, b).code, ErrorCode::kMismatch);
  EXPECT_EQ(refused({}, {}).code, ErrorCode::kMismatch);
}

TEST(Comparison, NumbersInNamesGiveTheOrder) {
  const auto order = [](const std::vector<std::string>& names) {
    std::vector<TensorView> layers;
    layers.reserve(names.size());
    for (const std::string& name : names) layers.push_back(floats(name, {1}, {1}));
    std::string text;
    const Comparison found = compared(layers, layers);
    for (const LayerDifference& layer : found.layers()) text += layer.name + " ";
    return text;
  };
  EXPECT_EQ(order({"embedding", "layer_0", "layer_1", "layer_10", "layer_2", "norm"}),
            "embedding layer_0 layer_1 layer_2 layer_10 norm ");
  // The places are those of the file; of the numbers the first counts most.
  EXPECT_EQ(order({"b.10.x.2", "z", "b.9.x.30", "a", "b.9.x.4"}), "b.9.x.4 z b.9.x.30 a b.10.x.2 ");
  EXPECT_EQ(order({"x_18446744073709551617", "x_2", "x_02", "x_0"}), "x_0 x_2 x_02 x_18446744073709551617 ");
  EXPECT_EQ(order({"c", "a", "b"}), "c a b ");
  // Pairs by order are those of the sorted layers.
  const std::vector<TensorView> a{floats("a_10", {1}, {10}), floats("a_9", {1}, {9})};
  const std::vector<TensorView> b{floats("b.9", {1}, {9}), floats("b.10", {1}, {10})};
  EXPECT_EQ(compared(a, b, {.by_order = true}).first(std::nullopt), std::nullopt);
}

TEST(Comparison, WhatCannotBeCompared) {
  const std::vector<TensorView> two{floats("x", {1, 2}, {1, 2})};
  EXPECT_EQ(refused(two, {floats("x", {2, 1}, {1, 2})}).place, "layer x");
  EXPECT_EQ(refused(two, {floats("x", {2, 1}, {1, 2})}).code, ErrorCode::kMismatch);
  EXPECT_EQ(refused({floats("x", {3, 0}, {})}, {floats("x", {3, 0}, {})}).code, ErrorCode::kMismatch);
  const std::vector<TensorView> integers{layer_of<std::int32_t>("x", Dtype::kI32, {1, 2}, {1, 2})};
  EXPECT_EQ(refused(two, integers).code, ErrorCode::kUnsupported);
  EXPECT_EQ(refused(integers, two).code, ErrorCode::kUnsupported);
}

TEST(Comparison, CapsTheRowsOfAllLayersTogether) {
  const std::uint64_t half = Comparison::kMaxRows / 2;
  const std::vector<std::uint16_t> zeros(half + 1);
  const std::vector<TensorView> layers{layer_of("x", Dtype::kBF16, {half + 1, 1}, zeros),
                                       layer_of("y", Dtype::kBF16, {half + 1, 1}, zeros)};
  EXPECT_EQ(refused(layers, layers).code, ErrorCode::kTooLarge);
  EXPECT_TRUE(Comparison::of(layers, layers, {.last_row = std::uint64_t{5}}).ok());
}

TEST(Comparison, OneResultWhateverTheThreads) {
  std::mt19937 engine(7);
  std::vector<float> values(300 * 64);
  for (float& value : values)
    value = std::bit_cast<float>(static_cast<std::uint32_t>(0x3f000000U | (engine() & 0x7fffffU)));
  std::vector<float> changed = values;
  for (std::size_t i = 0; i < changed.size(); i += 97) changed[i] *= 1.001F;
  const std::vector<TensorView> a{floats("x", {300, 64}, values)};
  const std::vector<TensorView> b{floats("x", {300, 64}, changed)};
  const ThreadLimitScope one(1);
  const std::string alone = compared(a, b).to_json(0.001);
  const ThreadLimitScope four(4);
  EXPECT_EQ(compared(a, b).to_json(0.001), alone);
}

TEST(Comparison, OfEqualErrorsTheFirstTokenIsNamed) {
  const std::vector<float> ones = {1, 1, 1, 1};
  const Comparison found = compared({floats("x", {4, 1}, ones), floats("y", {4, 1}, ones)},
                                    {floats("x", {4, 1}, {1, 3, 3, 1}), floats("y", {4, 1}, ones)});
  const Json json = Json::parse(found.to_json(std::nullopt));
  EXPECT_EQ(json["layers"][0]["largest_error"], 2.0);
  EXPECT_EQ(json["layers"][0]["largest_error_at"], 1);
  EXPECT_EQ(json["layers"][1]["largest_error"], 0.0);
  EXPECT_EQ(json["layers"][1]["largest_error_at"], 0);
}

TEST(Comparison, JsonAndLines) {
  const Comparison found = compared(three(1, 1), three(1.25F, 3));
  const Json json = Json::parse(found.to_json(0.5));
  EXPECT_EQ(json["within"], false);
  EXPECT_EQ(json["first"], (Json{{"layer", "c"}, {"token", 1}}));
  EXPECT_EQ(json["layers"][1]["different_tokens"], 0);
  EXPECT_EQ(json["layers"][1]["unequal_values"], 1);
  EXPECT_EQ(json["layers"][1]["largest_error"], 0.25);
  EXPECT_EQ(json["layers"][1]["largest_error_at"], 2);
  EXPECT_EQ(json["layers"][1]["by_token"]["relative_error"], (Json{0.0, 0.0, 0.25}));
  EXPECT_EQ(Json::parse(found.to_json(2.0))["within"], true);
  EXPECT_EQ(Json::parse(found.to_json(2.0))["first"], nullptr);

  const std::vector<std::string> lines = found.to_lines(std::nullopt);
  EXPECT_EQ(lines[0], "first difference: b at token 2: 1 of 1 values, relative error 0.25, cosine 1.000000");
  EXPECT_EQ(lines[1], "first token: c at token 1: 1 of 1 values, relative error 2, cosine 1.000000");
  EXPECT_EQ(found.to_lines(2.0)[0], "no token differs by more than 2");
  const Comparison infinite = compared({floats("x", {1}, {0})}, {floats("x", {1}, {1})});
  EXPECT_EQ(Json::parse(infinite.to_json(std::nullopt))["layers"][0]["largest_error"], nullptr);
}

}  // namespace
}  // namespace assay::tensor
