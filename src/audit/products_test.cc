#include "audit/products.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace assay::audit::internal
