#include "claim/test_support.h"

namespace assay::claim {
namespace {

TEST(Place, NamesLayerCoordinatesAndTap) {
  const encode::Layout layout = test::model_sample().commitment.header.layout;
  const Place place = place_of(layout, std::vector<std::uint32_t>{1, 1, 5, 1}).value();
  EXPECT_EQ(place.to_string(), "layer_1[0, 1, 16]");
  EXPECT_EQ(place.layer, "layer_1");
  EXPECT_EQ(place.tap, "block:1");
  EXPECT_EQ(place.position, 33U);
  EXPECT_EQ(place.flat_index, 70U);
  EXPECT_EQ(place.coordinates, (std::vector<std::uint32_t>{1, 1, 5, 1}));
  EXPECT_EQ(place.layer_coordinates, (std::vector<std::uint64_t>{0, 1, 16}));

  const Place padding = place_of_index(layout, 71).value();
  EXPECT_TRUE(padding.is_padding);
  EXPECT_EQ(padding.to_string(), "padding");
  EXPECT_EQ(padding.coordinates, (std::vector<std::uint32_t>{1, 1, 5, 2}));
}

// A layer may have any name, also one that reads like a line of a verdict.
TEST(Place, QuotesANameThatCouldBeTakenForMore) {
  const auto shown = [](const char* name, std::vector<std::uint64_t> coordinates) {
    Place place;
    place.layer = name;
    place.layer_coordinates = std::move(coordinates);
    return place.to_string();
  };
  EXPECT_EQ(shown("model.layers.0-1:mlp/x_Y", {1}), "model.layers.0-1:mlp/x_Y[1]");
  EXPECT_EQ(shown("layer_0[0, 1]  as captured", {7, 7}), "'layer_0[0, 1]  as captured'[7, 7]");
  EXPECT_EQ(shown("padding", {}), "'padding'");
  EXPECT_EQ(shown("a'[0] \\", {0}), "'a\\'[0] \\\\'[0]");
  EXPECT_EQ(shown("\xc3\xa9", {}), "'\xc3\xa9'");
}

TEST(Place, IsFoundFromEveryEntry) {
  for (const auto make : {test::flat_sample, test::cube_sample, test::model_sample}) {
    const encode::Layout layout = make().commitment.header.layout;
    std::uint64_t real = 0;
    for (std::uint64_t index = 0; index < layout.axes.volume(); ++index) {
      const Place place = place_of_index(layout, index).value();
      EXPECT_EQ(place_of(layout, place.coordinates).value().flat_index, index);
      if (place.is_padding) continue;
      ++real;
      EXPECT_EQ(place_of_entry(layout, place.layer, place.position).value().flat_index, index);
    }
    EXPECT_EQ(real, layout.real_count);
  }
}

TEST(Place, IsFoundFromTheCoordinatesOfALayer) {
  const encode::Layout layout = test::model_sample().commitment.header.layout;
  const auto found = [&](std::vector<std::uint64_t> coordinates) {
    return place_of_entry(layout, "layer_1", coordinates);
  };
  EXPECT_EQ(found({0, 1, 16}).value().flat_index, 70U);
  EXPECT_EQ(found({0, 1, 0}).value().position, 17U);
  EXPECT_EQ(found({0, 1}).error().to_string(), "layer layer_1: 2 coordinates, the layer has 3");
  EXPECT_EQ(found({0, 0, 1, 16}).error().to_string(), "layer layer_1: 4 coordinates, the layer has 3");
  // Each of them alone: what lies in the next row is no entry of this one.
  EXPECT_EQ(found({0, 0, 17}).error().to_string(), "layer layer_1: coordinate 2 is 17, not below 17");
  EXPECT_EQ(found({0, 2, 0}).error().to_string(), "layer layer_1: coordinate 1 is 2, not below 2");
  EXPECT_EQ(found({1, 0, 0}).error().to_string(), "layer layer_1: coordinate 0 is 1, not below 1");
}

TEST(Place, HasNoCoordinatesInAnArrayWithoutAxes) {
  const std::vector<encode::LayerShape> shapes{{"scalar", {}, ""}};
  EXPECT_EQ(place_of_index(encode::plan_flat(shapes).value(), 0).value().to_string(), "scalar");
}

TEST(Place, RefusesWhatIsNotThere) {
  const encode::Layout layout = test::cube_sample().commitment.header.layout;
  EXPECT_EQ(place_of(layout, std::vector<std::uint32_t>{0, 0, 2, 0}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(place_of(layout, std::vector<std::uint32_t>{0, 0, 0}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(place_of_index(layout, 16).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(place_of_entry(layout, "layer_2", 0).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(place_of_entry(layout, "layer_1", 5).error().code, ErrorCode::kOutOfRange);
}

}  // namespace
}  // namespace assay::claim
