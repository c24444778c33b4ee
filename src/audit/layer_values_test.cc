#include "audit/layer_values.h"

#include <gtest/gtest.h>

#include "audit/test_support.h"

namespace assay::audit::internal {
namespace {

using tensor::expect_error;

constexpr const char* kWeight = "model.layers.0.self_attn.q_proj.weight";
constexpr const char* kBias = "model.layers.0.self_attn.q_proj.bias";

/// A layer of one value, 1 + 2^-10 where its type has that, and such a bias.
Result<LayerValues> layer(const std::string& stored, RowDtype dtype, const tensor::Shape& shape = {1, 1},
                          const tensor::Shape& bias = {1}) {
  Bytes bytes;
  if (stored == "BF16") {
    tensor::append(bytes, test::bf16_bits(0x1p-30F));
  } else if (stored == "F16") {
    tensor::append(bytes, std::uint16_t{0x3c01});
  } else {
    tensor::append(bytes, 1 + 0x1p-10F + 0x1p-20F);
  }
  const weights::ModelFolder files;
  const auto of = [&](const char* name, const tensor::Shape& sides) {
    weights::Written one{name, sides, stored, {}};
    while (one.bytes.size() < weights::byte_count(one))
      one.bytes.insert(one.bytes.end(), bytes.begin(), bytes.end());
    return one;
  };
  files.whole({of("model.embed_tokens.weight", {1, 1}), of(kWeight, shape), of(kBias, bias)});
  const Op op{{0, Role::kQkvInput}, {0, Role::kQ}, kWeight, kBias, false, 1, 1};
  return LayerValues::of(files.open().value(), op, dtype);
}

double value_of(const std::string& stored, RowDtype dtype) {
  const LayerValues values = layer(stored, dtype).value();
  double value = 0;
  EXPECT_TRUE(values.row(0, std::span(&value, 1)).ok());
  EXPECT_EQ(values.bias()[0], value);
  return value;
}

TEST(LayerValues, AreRoundedToWhatTheModelComputesIn) {
  EXPECT_EQ(value_of("BF16", RowDtype::kBF16), 0x1p-30);
  EXPECT_EQ(value_of("BF16", RowDtype::kF16), 0) << "less than its least";
  EXPECT_EQ(value_of("BF16", RowDtype::kF32), 0x1p-30);
  EXPECT_EQ(value_of("F16", RowDtype::kF16), 1 + 0x1p-10);
  EXPECT_EQ(value_of("F16", RowDtype::kBF16), 1);
  EXPECT_EQ(value_of("F32", RowDtype::kF32), 1 + 0x1p-10 + 0x1p-20);
  EXPECT_EQ(value_of("F32", RowDtype::kF16), 1 + 0x1p-10);
  EXPECT_EQ(value_of("F32", RowDtype::kBF16), 1);
}

TEST(LayerValues, AreOfTheSizeOfTheLayer) {
  expect_error(layer("BF16", RowDtype::kBF16, {1, 2}), ErrorCode::kMismatch,
               std::string(kWeight) + ": the folder has no matrix of 1 to 1");
  expect_error(layer("BF16", RowDtype::kBF16, {1, 1}, {2}), ErrorCode::kMismatch,
               std::string(kBias) + ": the folder has no vector of 1");
}

}  // namespace
}  // namespace assay::audit::internal
