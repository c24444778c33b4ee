#include <numeric>

#include "assay/encode.h"
#include "tensor/test_support.h"

namespace assay::encode {
namespace {

using tensor::decimals;
using tensor::expect_error;

template <class T>
tensor::IntegerTensor layer_of(const std::string& name, const tensor::Shape& shape, T first) {
  std::vector<T> values(tensor::element_count(shape, name).value());
  std::iota(values.begin(), values.end(), first);
  return {name, shape, tensor::IntegerArray::own(std::move(values)), {}};
}

std::vector<LayerShape> shapes(const std::vector<tensor::Shape>& sizes) {
  std::vector<LayerShape> layers;
  for (std::size_t i = 0; i < sizes.size(); ++i) layers.push_back({"l" + std::to_string(i), sizes[i], {}});
  return layers;
}

TEST(Cube, TakesTheLeastPadding) {
  const auto cube = [](std::uint64_t count, const CubeOptions& options = {}) {
    return choose_cube(count, options).value().to_string();
  };
  EXPECT_EQ(cube(60), "4,4,4");  // 8,8 has the same padding
  EXPECT_EQ(cube(1), "4");
  EXPECT_EQ(cube(4), "4");
  EXPECT_EQ(cube(5), "5");
  EXPECT_EQ(cube(11), "4,4");
  EXPECT_EQ(cube(1000), "10,10,10");
  EXPECT_EQ(choose_cube(2408448).value().volume(), 4194304u);
  EXPECT_EQ(cube(2408448), "4,4,4,4,4,4,4,4,4,4,4");
  EXPECT_EQ(cube(1679616), "6,6,6,6,6,6,6,6");
  EXPECT_EQ(cube(60, {.min_dim = 5, .max_dim = 8, .num_dims = {}, .pad_seed = 0}), "8,8");
  EXPECT_EQ(cube(60, {.min_dim = 4, .max_dim = 10, .num_dims = 2, .pad_seed = 0}), "8,8");
  EXPECT_EQ(cube(60, {.min_dim = 4, .max_dim = 10, .num_dims = 4, .pad_seed = 0}), "4,4,4,4");
  EXPECT_EQ(cube(std::uint64_t{1} << 32), "4,4,4,4,4,4,4,4,4,4,4,4,4,4,4,4");
  const Axes twos = choose_cube(7, {.min_dim = 2, .max_dim = 2, .num_dims = 32, .pad_seed = 0}).value();
  EXPECT_EQ(twos, Axes::from(std::vector<std::uint64_t>(32, 2), "").value());
  constexpr std::uint32_t kMost = 1U << 20;
  EXPECT_EQ(cube(60, {.min_dim = kMost, .max_dim = kMost, .num_dims = {}, .pad_seed = 0}), "1048576");
  expect_error(choose_cube(60, {.min_dim = kMost, .max_dim = kMost + 1, .num_dims = {}, .pad_seed = 0}),
               ErrorCode::kOutOfRange, "max_dim: must be at most 2^20");
  expect_error(choose_cube(0), ErrorCode::kOutOfRange, "1 to 2^32");
  expect_error(choose_cube((std::uint64_t{1} << 32) + 1), ErrorCode::kOutOfRange, "1 to 2^32");
  expect_error(choose_cube(60, {.min_dim = 1, .max_dim = 3, .num_dims = {}, .pad_seed = 0}),
               ErrorCode::kOutOfRange, "min_dim");
  expect_error(choose_cube(60, {.min_dim = 5, .max_dim = 4, .num_dims = {}, .pad_seed = 0}),
               ErrorCode::kOutOfRange, "min_dim");
  expect_error(choose_cube(60, {.min_dim = 4, .max_dim = 10, .num_dims = 1, .pad_seed = 0}),
               ErrorCode::kOutOfRange, "no cube");
  expect_error(choose_cube(60, {.min_dim = 4, .max_dim = 10, .num_dims = 0, .pad_seed = 0}),
               ErrorCode::kOutOfRange, "num_dims");
  expect_error(choose_cube(60, {.min_dim = 4, .max_dim = 4, .num_dims = 33, .pad_seed = 0}),
               ErrorCode::kOutOfRange, "num_dims");
  expect_error(choose_cube(4000000000, {.min_dim = 10, .max_dim = 10, .num_dims = {}, .pad_seed = 0}),
               ErrorCode::kOutOfRange, "no cube");
}

// The rule said again, without cleverness.
std::vector<std::uint32_t> factors_by_search(std::uint64_t width) {
  for (std::uint64_t product = width;; ++product) {
    std::vector<std::vector<std::uint32_t>> found;
    const std::function<void(std::uint64_t, std::uint32_t, std::vector<std::uint32_t>)> go =
        [&](std::uint64_t rest, std::uint32_t most, std::vector<std::uint32_t> factors) {
          if (rest == 1) return found.push_back(factors);
          for (std::uint32_t f = 2; f <= most; ++f) {
            if (rest % f != 0) continue;
            auto more = factors;
            more.push_back(f);
            go(rest / f, f, more);
          }
        };
    go(product, 16, {});
    if (found.empty()) continue;
    const auto cost = [](const std::vector<std::uint32_t>& factors) {
      std::uint64_t squares = 0;
      for (const std::uint64_t f : factors) squares += f * f;
      return std::pair(factors.size(), squares);
    };
    return *std::min_element(found.begin(), found.end(),
                             [&](const auto& a, const auto& b) { return cost(a) < cost(b); });
  }
}

TEST(WidthFactors, FollowTheRule) {
  const auto factors = [](std::uint64_t width) { return choose_width_factors(width).value(); };
  using List = std::vector<std::uint32_t>;
  EXPECT_EQ(factors(1), List{});
  EXPECT_EQ(factors(2), List{2});
  EXPECT_EQ(factors(16), List{16});
  EXPECT_EQ(factors(17), (List{6, 3}));
  EXPECT_EQ(factors(50), (List{10, 5}));
  EXPECT_EQ(factors(576), (List{9, 8, 8}));
  EXPECT_EQ(factors(4096), (List{16, 16, 16}));
  EXPECT_EQ(factors(2352), (List{14, 14, 12})) << "the largest first makes four: 16, 7, 7, 3";
  for (std::uint64_t width = 1; width <= 700; ++width)
    EXPECT_EQ(factors(width), factors_by_search(width)) << width;
  EXPECT_TRUE(choose_width_factors(std::uint64_t{1} << 32).ok());
  EXPECT_TRUE(choose_width_factors((std::uint64_t{1} << 32) - 5).ok());
  expect_error(choose_width_factors(0), ErrorCode::kOutOfRange, "1 to 2^32");
  expect_error(choose_width_factors((std::uint64_t{1} << 32) + 1), ErrorCode::kOutOfRange, "1 to 2^32");
}

void expect_two_way(const Layout& layout) {
  std::uint64_t real = 0;
  for (std::uint64_t index = 0; index < layout.axes.volume(); ++index) {
    const auto found = layout.locate(index).value();
    if (!found) continue;
    ++real;
    EXPECT_EQ(layout.index_of(*found).value(), index);
  }
  EXPECT_EQ(real, layout.real_count);
  expect_error(layout.locate(layout.axes.volume()), ErrorCode::kOutOfRange, "outside the axes");
  expect_error(layout.index_of({layout.layer_map.size(), 0}), ErrorCode::kOutOfRange, "layers");
  expect_error(layout.index_of({0, layout.layer_map[0].num_elements}), ErrorCode::kOutOfRange, "values");
}

TEST(Layout, CubeOfTheOriginalPipeline) {
  const std::vector<tensor::IntegerTensor> layers = {layer_of<std::int64_t>("embedding", {1, 10, 2}, 0),
                                                     layer_of<std::int64_t>("layer_0", {1, 10, 2}, 20),
                                                     layer_of<std::int64_t>("layer_1", {1, 10, 2}, 40)};
  const Layout layout = plan_cube(shapes_of(layers)).value();
  EXPECT_EQ(layout.axes.to_string(), "4,4,4");
  EXPECT_EQ(layout.padding(), 4u);
  EXPECT_EQ(layout.layer_map[1], (LayerEntry{"layer_0", {1, 10, 2}, 20, 20, 40, {}}));
  expect_two_way(layout);
  // The original pipeline's example: coordinates (2, 1, 3) are flat index 39, layer_0 position 19.
  const std::array<std::uint32_t, 3> coordinates = {2, 1, 3};
  const std::uint64_t index = layout.axes.index_of(coordinates).value();
  EXPECT_EQ(index, 39u);
  EXPECT_EQ(layout.locate(index).value(), (LayerPosition{1, 19}));
  EXPECT_EQ(layout.locate(60).value(), std::nullopt);
  EXPECT_EQ(layout.layer_index("layer_1").value(), 2u);
  expect_error(layout.layer_index("layer_2"), ErrorCode::kOutOfRange, "layer_2");

  const tensor::IntegerArray cube = apply_layout(layout, layers).value();
  ASSERT_EQ(cube.size(), 64u);
  for (std::size_t i = 0; i < 60; ++i) EXPECT_EQ(cube.view()[i], Scalar::from_u64(i));
  const std::vector<std::uint64_t> sources = padding_sources(layout);
  ASSERT_EQ(sources.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(cube.view()[60 + i], Scalar::from_u64(sources[i]));
  Layout other = layout;
  other.pad_seed = 43;
  EXPECT_NE(padding_sources(other), sources);
}

TEST(Layout, PaddingComesFromTheStream) {
  const Layout layout = plan_cube(shapes({{60}})).value();
  // SHA-256("assay/pad/v1" || LE64(42)) keys ChaCha20 (RFC 8439); LE64 draws modulo 60.
  EXPECT_EQ(padding_sources(layout), (std::vector<std::uint64_t>{44, 26, 42, 6}));
  EXPECT_TRUE(padding_sources(plan_flat(shapes({{60}})).value()).empty());
  // Some of them, without the others; a position twice has one source.
  const auto some = [&](const std::vector<std::uint64_t>& indices) {
    return padding_sources(layout, indices);
  };
  EXPECT_EQ(some({60, 61, 62, 63}), (std::vector<std::uint64_t>{44, 26, 42, 6}));
  EXPECT_EQ(some({61, 63}), (std::vector<std::uint64_t>{26, 6}));
  EXPECT_EQ(some({60, 62, 62, 63, 63}), (std::vector<std::uint64_t>{44, 42, 42, 6, 6}));
  EXPECT_TRUE(some({}).empty());
  // A model is padded with zeros: its rows of 17 end with one.
  const Layout model = plan_model(shapes({{2, 17}})).value();
  ASSERT_EQ(model.padding(), 2u);
  EXPECT_TRUE(padding_sources(model).empty());
  EXPECT_TRUE(padding_sources(model, std::vector<std::uint64_t>{35}).empty());
}

TEST(Layout, OneLayerIsPaddedToo) {
  const std::vector<tensor::IntegerTensor> one = {layer_of<std::int16_t>("a", {60}, 1)};
  const tensor::IntegerArray cube = apply_layout(plan_cube(shapes_of(one)).value(), one).value();
  ASSERT_EQ(cube.size(), 64u);
  EXPECT_EQ(decimals(cube.view().subview(58, 6)),
            (std::vector<std::string>{"59", "60", "45", "27", "43", "7"}));
}

TEST(Layout, ModelSlicesAreLayers) {
  const std::vector<tensor::IntegerTensor> layers = {layer_of<std::int16_t>("a", {1, 2, 17}, 0),
                                                     layer_of<std::int16_t>("b", {2, 17}, 100)};
  const Layout layout = plan_model(shapes_of(layers)).value();
  EXPECT_EQ(layout.axes.to_string(), "2,2,6,3");
  EXPECT_EQ(layout.real_count, 68u);
  EXPECT_EQ(layout.padding(), 4u);
  expect_two_way(layout);
  const tensor::IntegerArray all = apply_layout(layout, layers).value();
  EXPECT_EQ(all.kind(), IntegerView::Kind::kI16);
  EXPECT_EQ(all.view()[16], Scalar::from_i64(16));
  EXPECT_EQ(all.view()[17], Scalar());
  EXPECT_EQ(all.view()[18], Scalar::from_i64(17));
  EXPECT_EQ(all.view()[36 + 18 + 16], Scalar::from_i64(133));
  EXPECT_EQ(layout.locate(17).value(), std::nullopt);
  EXPECT_EQ(layout.locate(36).value(), (LayerPosition{1, 0}));
  EXPECT_EQ(layout.index_of({1, 17}).value(), 54u);

  EXPECT_EQ(plan_model(shapes({{1, 3, 576}, {1, 3, 576}})).value().axes.to_string(), "2,3,9,8,8");
  EXPECT_EQ(plan_model(shapes({{3, 1}})).value().axes.to_string(), "1,3");
  expect_two_way(plan_model(shapes({{3, 1}, {3, 1}})).value());
  expect_error(plan_model(shapes({{1, 3, 5}, {1, 3, 6}})), ErrorCode::kMismatch, "use the cube layout");
  expect_error(plan_model(shapes({{1, 3, 5}, {1, 4, 5}})), ErrorCode::kMismatch, "use the cube layout");
  expect_error(plan_model(shapes({{2, 3, 5}})), ErrorCode::kMismatch, "use the cube layout");
  expect_error(plan_model(shapes({{5}})), ErrorCode::kMismatch, "use the cube layout");
}

TEST(Layout, ModelHasRoomForTokensThatAreNotThere) {
  const std::vector<tensor::IntegerTensor> layers = {layer_of<std::int16_t>("a", {1, 2, 17}, 1),
                                                     layer_of<std::int16_t>("b", {2, 17}, 100)};
  const Layout layout = plan_model(shapes_of(layers), 5).value();
  EXPECT_EQ(layout.axes.to_string(), "2,5,6,3");
  EXPECT_EQ(layout.real_count, 68u);
  EXPECT_EQ(layout.padding(), 180u - 68u);
  expect_two_way(layout);
  const tensor::IntegerArray all = apply_layout(layout, layers).value();
  ASSERT_EQ(all.size(), 180u);
  EXPECT_EQ(all.view()[18 + 16], Scalar::from_i64(34));
  for (std::size_t i = 36; i < 90; ++i)
    EXPECT_EQ(all.view()[i], Scalar()) << i;  // tokens 2 to 4 of the first layer
  EXPECT_EQ(all.view()[90], Scalar::from_i64(100));
  EXPECT_EQ(all.view()[90 + 18], Scalar::from_i64(117));
  EXPECT_EQ(layout.locate(36).value(), std::nullopt);
  EXPECT_EQ(layout.locate(90).value(), (LayerPosition{1, 0}));
  EXPECT_EQ(layout.index_of({1, 17}).value(), 108u);

  // Rows without padding of their own are moved apart all the same.
  const std::vector<tensor::IntegerTensor> plain = {layer_of<std::int16_t>("a", {2, 4}, 1),
                                                    layer_of<std::int16_t>("b", {2, 4}, 9)};
  const Layout wide = plan_model(shapes_of(plain), 3).value();
  expect_two_way(wide);
  const tensor::IntegerArray apart = apply_layout(wide, plain).value();
  EXPECT_EQ(decimals(apart.view()),
            (std::vector<std::string>{"1", "2",  "3",  "4",  "5",  "6",  "7",  "8",  "0", "0", "0", "0",
                                      "9", "10", "11", "12", "13", "14", "15", "16", "0", "0", "0", "0"}));
  EXPECT_EQ(plan_model(shapes_of(layers), 2).value(), plan_model(shapes_of(layers)).value());
  expect_error(plan_model(shapes_of(layers), 1), ErrorCode::kOutOfRange, "the layers have 2 tokens");
}

TEST(Layout, FlatKeepsTheShape) {
  EXPECT_EQ(plan_flat(shapes({{2, 3, 4}})).value().axes.to_string(), "2,3,4");
  EXPECT_EQ(plan_flat(shapes({{}})).value().axes.to_string(), "1");
  EXPECT_EQ(plan_flat(shapes({{2, 3}, {4}})).value().axes.to_string(), "10");
  const Axes axes = Axes::parse("6,4", "x").value();
  EXPECT_EQ(plan_flat(shapes({{2, 3, 4}}), axes).value().axes, axes);
  expect_error(plan_flat(shapes({{5}}), axes), ErrorCode::kMismatch, "24 places for 5 values");
  expect_two_way(plan_flat(shapes({{2, 3}, {4}})).value());
  // One layer without padding is not copied.
  const std::vector<tensor::IntegerTensor> one = {layer_of<std::int16_t>("a", {2, 3}, 0)};
  const tensor::IntegerArray same = apply_layout(plan_flat(shapes_of(one)).value(), one).value();
  EXPECT_EQ(same.view().data(), one[0].values.view().data());
}

TEST(Layout, MixedLayersTakeTheWidest) {
  const auto all = [](std::vector<tensor::IntegerTensor> layers) {
    return apply_layout(plan_flat(shapes_of(layers)).value(), layers).value();
  };
  const auto i8 = layer_of<std::int8_t>("i8", {2}, -1);
  const auto i16 = layer_of<std::int16_t>("i16", {2}, -2);
  const auto i32 = layer_of<std::int32_t>("i32", {2}, -3);
  const auto i64 = layer_of<std::int64_t>("i64", {2}, -4);
  const tensor::IntegerTensor scalar{
      "s", {1}, tensor::IntegerArray::own(std::vector<Scalar>{Scalar::from_i64(-5)}), {}};
  using Kind = IntegerView::Kind;
  EXPECT_EQ(all({i8, layer_of<std::int8_t>("b", {1}, 3)}).kind(), Kind::kI8);
  EXPECT_EQ(all({i8, i16}).kind(), Kind::kI16);
  EXPECT_EQ(all({i32, i16}).kind(), Kind::kI32);
  EXPECT_EQ(all({i64, i8}).kind(), Kind::kI64);
  const tensor::IntegerArray widest = all({i8, i16, i32, i64, scalar});
  EXPECT_EQ(widest.kind(), Kind::kScalar);
  EXPECT_EQ(decimals(widest.view()),
            (std::vector<std::string>{"-1", "0", "-2", "-1", "-3", "-2", "-4", "-3", "-5"}));
}

TEST(Layout, PlansRefuseWhatCannotBe) {
  expect_error(plan_cube({}), ErrorCode::kOutOfRange, "none");
  expect_error(plan_cube(shapes({{0}})), ErrorCode::kOutOfRange, "empty layer");
  expect_error(plan_flat(shapes({{1ull << 32}, {1}})), ErrorCode::kOutOfRange, "2^32");
  expect_error(plan_flat(shapes({{1ull << 21}})), ErrorCode::kOutOfRange, "");
  const std::vector<LayerShape> twins = {{"a", {1}, {}}, {"a", {1}, {}}};
  expect_error(plan_cube(twins), ErrorCode::kMalformed, "two layers");
  for (const std::string& name : {std::string(), std::string(256, 'a'), std::string("a\nb"),
                                  std::string("a\x7f"), std::string("\xff")}) {
    const std::vector<LayerShape> layers = {{name, {1}, {}}};
    expect_error(plan_cube(layers), ErrorCode::kMalformed, "a name must be");
  }
  for (const std::string& tap : {std::string(65, 'a'), std::string("\t"), std::string("\x7f")}) {
    const std::vector<LayerShape> layers = {{"a", {1}, tap}};
    expect_error(plan_cube(layers), ErrorCode::kMalformed, "a tap must be");
  }
  const std::vector<LayerShape> fine = {{"\u03b1", {1}, "block:3"}};
  EXPECT_EQ(plan_cube(fine).value().layer_map[0].tap, "block:3");
  const std::vector<LayerShape> edges = {{" ~", {1}, " ~"},
                                         {std::string(255, 'a'), {1}, std::string(64, 'a')}};
  EXPECT_TRUE(plan_cube(edges).ok());
  EXPECT_TRUE(plan_flat(shapes({{1ull << 16, 1ull << 16}})).ok()) << "2^32 values";
  const std::vector<tensor::Shape> most(Layout::kMaxLayers, tensor::Shape{1});
  EXPECT_TRUE(plan_flat(shapes(most)).ok());
}

TEST(Layout, ValidateFindsEveryLie) {
  const Layout good = plan_cube(shapes({{20}, {40}})).value();
  ASSERT_TRUE(good.validate().ok());
  const auto broken = [&](const std::function<void(Layout&)>& breaking, ErrorCode code,
                          const std::string& part) {
    Layout layout = good;
    breaking(layout);
    EXPECT_FALSE(layout == good);
    expect_error(layout.validate(), code, part);
  };
  using L = Layout;
  broken([](L& l) { l.kind = static_cast<L::Kind>(7); }, ErrorCode::kOutOfRange, "no such kind");
  broken([](L& l) { l.kind = L::Kind::kFlat; }, ErrorCode::kOutOfRange, "pad seed");
  broken([](L& l) { l.kind = L::Kind::kFlat, l.pad_seed = 0; }, ErrorCode::kMismatch, "64 places for 60");
  broken([](L& l) { l.kind = L::Kind::kModel, l.pad_seed = 0; }, ErrorCode::kMismatch, "cube layout");
  broken([](L& l) { l.real_count = 59; }, ErrorCode::kMismatch, "real count");
  broken([](L& l) { l.layer_map.clear(); }, ErrorCode::kOutOfRange, "1 to 65,536");
  broken([](L& l) { l.layer_map.resize(65537, l.layer_map[0]); }, ErrorCode::kOutOfRange, "1 to 65,536");
  broken([](L& l) { l.layer_map[1].flat_offset = 21; }, ErrorCode::kMismatch, "offsets");
  broken([](L& l) { l.layer_map[1].flat_end = 61; }, ErrorCode::kMismatch, "offsets");
  broken([](L& l) { l.layer_map[0].num_elements = 21; }, ErrorCode::kMismatch, "offsets");
  broken([](L& l) { l.layer_map[0].original_shape = {21}; }, ErrorCode::kMismatch, "offsets");
  broken([](L& l) { l.layer_map[0].original_shape = {0}; }, ErrorCode::kOutOfRange, "1 to 2^32");
  broken([](L& l) { l.layer_map[0].original_shape = {1ull << 39}; }, ErrorCode::kOutOfRange, "1 to 2^32");
  broken(
      [](L& l) {
        l.layer_map[0].original_shape = {1ull << 39, 1ull << 39};
      },
      ErrorCode::kTooLarge, "2^40");
  broken([](L& l) { std::swap(l.layer_map[0], l.layer_map[1]); }, ErrorCode::kMismatch, "offsets");
  broken([](L& l) { l.axes = Axes::parse("4,4,5", "").value(); }, ErrorCode::kMismatch, "its axes differ");
  broken([](L& l) { l.axes = Axes::parse("4,4", "").value(); }, ErrorCode::kMismatch, "16 places for 60");
  Layout model = plan_model(shapes({{2, 12}, {2, 12}})).value();
  ASSERT_TRUE(model.validate().ok());
  for (const char* axes : {"2,2,4,3", "2,2,13", "2,1,12", "4,12", "2,2,12,1", "1,4,12", "2,24"}) {
    model.axes = Axes::parse(axes, "").value();
    expect_error(model.validate(), ErrorCode::kMismatch, "factors of the width");
  }
}

TEST(Layout, ApplyTakesOnlyItsLayers) {
  const std::vector<tensor::IntegerTensor> layers = {layer_of<std::int8_t>("a", {2}, 0),
                                                     layer_of<std::int8_t>("b", {3}, 0)};
  const Layout layout = plan_cube(shapes_of(layers)).value();
  const auto refuse = [&](std::vector<tensor::IntegerTensor> other) {
    expect_error(apply_layout(layout, other), ErrorCode::kMismatch, "");
  };
  EXPECT_TRUE(apply_layout(layout, layers).ok());
  refuse({layers[0]});
  refuse({layers[1], layers[0]});
  refuse({layers[0], layer_of<std::int8_t>("c", {3}, 0)});
  refuse({layers[0], layer_of<std::int8_t>("b", {3, 1}, 0)});
  refuse({layers[0], {"b", {3}, layers[0].values, {}}});
  Layout broken = layout;
  broken.real_count = 4;
  expect_error(apply_layout(broken, layers), ErrorCode::kMismatch, "real count");
}

TEST(Layout, KindsHaveNames) {
  for (const char* name : {"flat", "cube", "model"}) EXPECT_EQ(to_string(layout_kind(name).value()), name);
  EXPECT_EQ(layout_kind("hypercube"), std::nullopt);
}

}  // namespace
}  // namespace assay::encode
