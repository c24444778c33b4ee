#include <limits>

#include "tensor/test_support.h"

namespace assay::tensor {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// What the writer of the vectors puts at each place.
float value(int layer, int position, int place) {
  return static_cast<float>(layer * 100 + position * 10 + place) + 0.5F;
}

struct Got {
  std::uint16_t version = 1;
  std::string model = "m";
  std::uint8_t precision = 0;
  std::uint32_t width = 2;
  std::vector<std::uint32_t> layers = {3, 7};
  std::vector<std::vector<std::uint32_t>> positions = {{0, 2}, {0, 2}};
  float last = 1;  ///< value of the last row

  [[nodiscard]] Bytes bytes() const {
    Bytes out = bytes_of("GOTA");
    append(out, version);
    append(out, static_cast<std::uint32_t>(model.size()));
    out.insert(out.end(), model.begin(), model.end());
    append(out, precision);
    append(out, width);
    append(out, static_cast<std::uint32_t>(layers.size()));
    append(out, static_cast<std::uint32_t>(positions[0].size()));
    for (std::size_t l = 0; l < layers.size(); ++l) {
      append(out, layers[l]);
      for (const std::uint32_t position : positions[l]) {
        append(out, position);
        for (std::uint32_t i = 0; i < width; ++i) append(out, i + 1 == width ? last : 1.0F);
      }
    }
    return out;
  }
  [[nodiscard]] Result<TensorFile> read() const { return parse_gotact(source_of(bytes())); }
};

Got with(auto change) {
  Got got;
  change(got);
  return got;
}

TEST(Gotact, ReadsWhatAnotherWriterWrote) {
  const TensorFile file = open(vector_path("rows.gotact")).value();
  EXPECT_EQ(to_string(file.container), "gotact");
  EXPECT_EQ(file.metadata_value("model_name"), "me/t\u00efny");
  EXPECT_EQ(file.metadata_value("precision"), "bf16");
  EXPECT_EQ(file.metadata_value("token_positions"), "[0,2,5]");
  ASSERT_EQ(file.layers().size(), 2u);
  for (const int layer : {3, 7}) {
    const TensorView* rows = file.find("layer_" + std::to_string(layer));
    ASSERT_NE(rows, nullptr);
    EXPECT_EQ(rows->dtype, Dtype::kF32);
    EXPECT_EQ(rows->shape, (Shape{3, 2}));
    std::size_t at = 0;
    for (const int position : {0, 2, 5}) {
      for (const int place : {0, 1}) {
        EXPECT_EQ(load_at<float>(rows->bytes, at), value(layer, position, place));
        at += sizeof(float);
      }
    }
  }
  batter(vector_bytes("rows.gotact"), parse_any);
}

TEST(Gotact, ViewsOutliveTheFile) {
  TensorView rows;
  {
    const TensorFile file = open(vector_path("rows.gotact")).value();
    rows = *file.find("layer_7");
  }
  EXPECT_EQ(load_at<float>(rows.bytes, 0), value(7, 0, 0));
}

TEST(Gotact, HasTheLengthThatItsHeaderSays) {
  const Bytes bytes = vector_bytes("rows.gotact");
  EXPECT_EQ(bytes.size(), 23 + 8 + 2 * (4 + 3 * (4 + 4 * 2)));
  Bytes longer = bytes;
  longer.push_back(0);
  expect_error(parse_gotact(source_of(longer)), ErrorCode::kMalformed,
               "test: 81 bytes of layers where the header asks for 80");
}

TEST(Gotact, AnIndexBeforeEveryPositionIsNamed) {
  expect_error(open(vector_path("misaligned.gotact")), ErrorCode::kMalformed,
               "the layer's index stands before every position");
  // Of one position the two are the same file.
  EXPECT_TRUE(with([](Got& got) { got.positions = {{4}, {4}}; }).read().ok());
}

TEST(Gotact, RefusesHeaders) {
  const auto refuse = [](auto change, ErrorCode code, const std::string& part) {
    expect_error(with(change).read(), code, part);
  };
  ASSERT_TRUE(Got().read().ok());
  refuse([](Got& got) { got.version = 0; }, ErrorCode::kUnsupported, "version");
  refuse([](Got& got) { got.version = 2; }, ErrorCode::kUnsupported, "version at byte 6: 2, and 1 is");
  refuse([](Got& got) { got.version = 257; }, ErrorCode::kUnsupported, "257");
  refuse([](Got& got) { got.precision = 4; }, ErrorCode::kMalformed, "precision");
  EXPECT_EQ(with([](Got& got) { got.precision = 3; }).read()->metadata_value("precision"), "int8");
  refuse([](Got& got) { got.model = "\xff"; }, ErrorCode::kMalformed, "model id");
  refuse([](Got& got) { got.model = std::string(4097, 'm'); }, ErrorCode::kTooLarge, "model id");
  EXPECT_TRUE(with([](Got& got) { got.model = std::string(4096, 'm'); }).read().ok());
  refuse([](Got& got) { got.width = 0; }, ErrorCode::kMalformed, "hidden_dim");
  refuse([](Got& got) { got.layers.clear(); }, ErrorCode::kMalformed, "num_layers");
  refuse([](Got& got) { got.positions = {{}, {}}; }, ErrorCode::kMalformed, "num_positions");
}

// 23 bytes that ask for 2^66.
TEST(Gotact, CapsBeforeItAllocates) {
  Bytes bytes = bytes_of("GOTA");
  append(bytes, std::uint16_t{1});
  append(bytes, std::uint32_t{0});
  append(bytes, std::uint8_t{0});
  const auto asks_for = [&](std::uint32_t width, std::uint32_t layers, std::uint32_t positions) {
    Bytes file = bytes;
    for (const std::uint32_t size : {width, layers, positions}) append(file, size);
    return parse_gotact(source_of(file));
  };
  expect_error(asks_for(UINT32_MAX, 4096, 1 << 24), ErrorCode::kTooLarge, "num_positions");
  expect_error(asks_for(1, 4097, 1), ErrorCode::kTooLarge, "num_layers");
  expect_error(asks_for(1, 1, (1 << 24) + 1), ErrorCode::kTooLarge, "num_positions");
  expect_error(asks_for(1, 4096, 1 << 24), ErrorCode::kMalformed, "0 bytes of layers");
}

TEST(Gotact, RefusesLayersAndPositionsOutOfOrder) {
  const auto refuse = [](auto change, ErrorCode code, const std::string& part) {
    expect_error(with(change).read(), code, part);
  };
  refuse([](Got& got) { got.layers = {7, 3}; }, ErrorCode::kNonCanonical, "layer 3: comes after layer 7");
  refuse([](Got& got) { got.layers = {3, 3}; }, ErrorCode::kNonCanonical, "layer 3: comes after layer 3");
  refuse(
      [](Got& got) {
        got.positions[1] = {2, 0};
      },
      ErrorCode::kNonCanonical, "layer 7, position 0: comes after position 2");
  refuse([](Got& got) { got.positions[0] = {2, 2}; }, ErrorCode::kNonCanonical, "layer 3, position 2");
  refuse(
      [](Got& got) {
        got.positions[1] = {0, 3};
      },
      ErrorCode::kMismatch, "layer 7: its positions are not those of layer 3");
}

TEST(Gotact, RefusesValuesThatAreNotFinite) {
  for (const float bad : {kNan, -kNan, kInfinity, -kInfinity})
    expect_error(with([bad](Got& got) { got.last = bad; }).read(), ErrorCode::kOutOfRange,
                 "layer 3, position 0: value 1 is not finite");
}

TEST(Gotue, ReadsWhatAnotherWriterWrote) {
  const TensorFile file = open(vector_path("rows.gotue")).value();
  EXPECT_EQ(to_string(file.container), "gotue");
  const TensorView* rows = file.find("unembedding");
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(rows->shape, (Shape{5, 2}));
  EXPECT_EQ(load_at<float>(rows->bytes, 9 * sizeof(float)), 9.0F);
  batter(vector_bytes("rows.gotue"), parse_any);
}

TEST(Gotue, Refuses) {
  const auto with_bytes = [](auto change) {
    Bytes bytes = vector_bytes("rows.gotue");
    change(bytes);
    return parse_gotue(source_of(bytes));
  };
  expect_error(with_bytes([](Bytes& b) { b[4] = 2; }), ErrorCode::kUnsupported, "version");
  expect_error(with_bytes([](Bytes& b) { b[6] = 0; }), ErrorCode::kMalformed, "vocab_size");
  expect_error(with_bytes([](Bytes& b) { b[10] = 0; }), ErrorCode::kMalformed, "hidden_dim");
  expect_error(with_bytes([](Bytes& b) { b.push_back(0); }), ErrorCode::kMalformed, "41 bytes of values");
  expect_error(with_bytes([](Bytes& b) { std::fill(b.begin() + 6, b.begin() + 14, 0xff); }),
               ErrorCode::kTooLarge, "vocab_size and hidden_dim");
  // The seventh value is the first of token 3.
  for (const float bad : {kNan, kInfinity})
    expect_error(with_bytes([bad](Bytes& b) { std::memcpy(b.data() + 14 + 24, &bad, sizeof(bad)); }),
                 ErrorCode::kOutOfRange, "token 3: value 0 is not finite");
}

}  // namespace
}  // namespace assay::tensor
