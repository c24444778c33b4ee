#include <gtest/gtest.h>

#include "claim/test_support.h"

namespace assay::claim {
namespace {

using encode::Encoding;
using tensor::Dtype;

const Encoding kBits{Encoding::Kind::kBits, 0};

/// Layers of bf16 or f32 patterns that are all finite, and the header of their layout.
struct Layers {
  std::uint64_t tokens, width;
  Dtype dtype;
  std::vector<Bytes> bytes;
  std::vector<tensor::IntegerTensor> integers;  // views of the bytes
  Header header;

  [[nodiscard]] std::vector<tensor::TensorView> part(std::uint64_t first, std::uint64_t count) const {
    std::vector<tensor::TensorView> views;
    const std::size_t row = width * tensor::size_of(dtype);
    for (const Bytes& layer : bytes)
      views.push_back(
          {"", dtype, {count, width}, ByteSpan(layer).subspan(first * row, count * row), nullptr});
    return views;
  }

  [[nodiscard]] Commitment at_once(const pst::Srs& srs) const {
    return commit(srs, header, encode::apply_layout(header.layout, integers).value().view()).value();
  }
};

Layers make_layers(std::size_t count, std::uint64_t tokens, std::uint64_t width, Dtype dtype) {
  const std::size_t size = tensor::size_of(dtype);
  std::vector<Bytes> bytes;
  std::vector<tensor::IntegerTensor> integers;
  std::uint32_t state = 1;
  for (std::size_t l = 0; l < count; ++l) {
    bytes.emplace_back(tokens * width * size);
    for (std::size_t i = 0; i < bytes[l].size(); ++i) {
      state = state * 1664525 + 1013904223;
      // Without the highest bit of the exponent: no infinity and no NaN.
      bytes[l][i] = static_cast<std::uint8_t>(state >> 24 & (i % size == size - 1 ? 0xbf : 0xff));
    }
    const std::string number = std::to_string(l);
    const tensor::TensorView view{"layer_" + number, dtype, {1, tokens, width}, bytes[l], nullptr};
    integers.push_back({view.name, view.shape, encode::encode(view, kBits).value(), "block:" + number});
  }
  encode::Layout layout = encode::plan_model(encode::shapes_of(integers)).value();
  return {tokens,
          width,
          dtype,
          std::move(bytes),
          std::move(integers),
          {std::move(layout), kBits, dtype, CaptureMode::kDecode}};
}

pst::Srs srs_for(const Layers& layers) { return pst::Srs::dev(layers.header.layout.axes, 5).value(); }

// Widths without and with padding, and one without a factor.
TEST(TokenStream, GivesTheCommitmentOfAllValues) {
  for (const std::uint64_t width : {16, 17, 1}) {
    for (const Dtype dtype : {Dtype::kBF16, Dtype::kF32}) {
      const Layers layers = make_layers(3, 11, width, dtype);
      const pst::Srs srs = srs_for(layers);
      for (const std::vector<std::uint64_t>& parts : std::vector<std::vector<std::uint64_t>>{
               {11}, {4, 4, 3}, {1, 10}, std::vector<std::uint64_t>(11, 1)}) {
        TokenStream stream = TokenStream::begin(srs, layers.header).value();
        for (const std::uint64_t count : parts)
          ASSERT_TRUE(stream.add(layers.part(stream.tokens(), count)).ok()) << stream.tokens();
        EXPECT_EQ(stream.finish().value().encode(), layers.at_once(srs).encode()) << width;
      }
    }
  }
}

TEST(TokenStream, TakesWhatDoesNotComeForZeros) {
  for (const std::uint64_t width : {16, 17}) {
    Layers layers = make_layers(3, 11, width, Dtype::kBF16);
    const std::size_t came = 5 * width * tensor::size_of(layers.dtype);
    for (Bytes& layer : layers.bytes) std::fill(layer.begin() + came, layer.end(), 0);
    const pst::Srs srs = srs_for(layers);
    TokenStream stream = TokenStream::begin(srs, layers.header).value();
    ASSERT_TRUE(stream.add(layers.part(0, 5)).ok());
    EXPECT_FALSE(stream.finish().ok());
    stream.end_with_zeros();
    EXPECT_EQ(stream.tokens(), 11);
    EXPECT_EQ(stream.finish().value().encode(), layers.at_once(srs).encode()) << width;
    EXPECT_FALSE(stream.add(layers.part(10, 1)).ok());
  }
}

TEST(TokenStream, PadsWhatHasTokensAlone) {
  const Layers layers = make_layers(2, 3, 4, Dtype::kBF16);
  TokenStream stream = TokenStream::begin(srs_for(layers), layers.header).value();
  const Status none = stream.end_with_padding();
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kMismatch);
  EXPECT_EQ(none.error().to_string(), "tokens: none was committed to");
  ASSERT_TRUE(stream.add(layers.part(0, 2)).ok());
  ASSERT_TRUE(stream.end_with_padding().ok());
  EXPECT_EQ(stream.finish()->header.layout.layer_map[1].original_shape, (tensor::Shape{1, 2, 4}));
}

TEST(TokenStream, TakesValuesThatAreNotAligned) {
  const Layers layers = make_layers(2, 3, 4, Dtype::kBF16);
  const pst::Srs srs = srs_for(layers);
  std::vector<Bytes> shifted;
  std::vector<tensor::TensorView> views = layers.part(0, 3);
  for (tensor::TensorView& view : views) {
    shifted.emplace_back(1);
    shifted.back().insert(shifted.back().end(), view.bytes.begin(), view.bytes.end());
    view.bytes = ByteSpan(shifted.back()).subspan(1);
  }
  TokenStream stream = TokenStream::begin(srs, layers.header).value();
  ASSERT_TRUE(stream.add(views).ok());
  EXPECT_EQ(stream.finish().value().encode(), layers.at_once(srs).encode());
}

ErrorCode refusal(const Header& header, const pst::Srs& srs) {
  const Result<TokenStream> stream = TokenStream::begin(srs, header);
  return stream.ok() ? ErrorCode::kIo : stream.error().code;
}

TEST(TokenStream, BeginsWithWhatItCanFollow) {
  const Layers layers = make_layers(2, 3, 4, Dtype::kBF16);
  const pst::Srs srs = srs_for(layers);
  Header flat = layers.header;
  flat.layout = encode::plan_flat(encode::shapes_of(layers.integers), flat.layout.axes).value();
  EXPECT_EQ(refusal(flat, srs), ErrorCode::kUnsupported);
  Header decimal = layers.header;
  decimal.encoding = {Encoding::Kind::kDecimal, 3};
  EXPECT_EQ(refusal(decimal, srs), ErrorCode::kUnsupported);
  Header unknown = layers.header;
  unknown.dtype.reset();
  EXPECT_EQ(refusal(unknown, srs), ErrorCode::kUnsupported);
  Header wrong = layers.header;
  wrong.layout.real_count += 1;
  EXPECT_EQ(refusal(wrong, srs), wrong.validate().error().code);
  EXPECT_EQ(refusal(layers.header, pst::Srs::dev(test::axes_of({2, 3, 5}), 5).value()), ErrorCode::kMismatch);
}

void expect_refused(TokenStream& stream, const std::vector<tensor::TensorView>& views, ErrorCode code,
                    std::string_view place) {
  const std::uint64_t before = stream.tokens();
  const Status refused = stream.add(views);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, code);
  EXPECT_EQ(refused.error().place, place);
  EXPECT_EQ(stream.tokens(), before);
}

TEST(TokenStream, RefusesWhatIsNoTokens) {
  const Layers layers = make_layers(2, 3, 4, Dtype::kBF16);
  const pst::Srs srs = srs_for(layers);
  TokenStream stream = TokenStream::begin(srs, layers.header).value();
  ASSERT_TRUE(stream.add(layers.part(0, 2)).ok());

  expect_refused(stream, {layers.part(2, 1)[0]}, ErrorCode::kMismatch, "layers");
  expect_refused(stream, layers.part(1, 2), ErrorCode::kMismatch, "layer_0");  // more than are left
  expect_refused(stream, layers.part(2, 0), ErrorCode::kMismatch, "layer_0");
  std::vector<tensor::TensorView> views = layers.part(2, 1);
  views[0].bytes = views[0].bytes.first(7);
  expect_refused(stream, views, ErrorCode::kMismatch, "layer_0");
  views = layers.part(2, 1);
  views[1].bytes = views[1].bytes.first(6);
  expect_refused(stream, views, ErrorCode::kMismatch, "layer_1");
  views = layers.part(2, 1);
  views[1].dtype = Dtype::kF16;
  expect_refused(stream, views, ErrorCode::kMismatch, "layer_1");

  const Result<Commitment> early = stream.finish();
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().code, ErrorCode::kMismatch);
  ASSERT_TRUE(stream.add(layers.part(2, 1)).ok());
  EXPECT_EQ(stream.finish().value().encode(), layers.at_once(srs).encode());
}

TEST(TokenStream, RefusesWhatIsNotFinite) {
  Layers layers = make_layers(2, 3, 4, Dtype::kBF16);
  const pst::Srs srs = srs_for(layers);
  TokenStream stream = TokenStream::begin(srs, layers.header).value();
  ASSERT_TRUE(stream.add(layers.part(0, 1)).ok());
  layers.bytes[1][2 * 4 * 2 + 2] = 0x80;  // token 2, value 1: infinity
  layers.bytes[1][2 * 4 * 2 + 3] = 0x7f;
  expect_refused(stream, layers.part(1, 2), ErrorCode::kOutOfRange, "layer_1, from token 1 on: value 5");
}

}  // namespace
}  // namespace assay::claim
