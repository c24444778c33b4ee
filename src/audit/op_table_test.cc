#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assay/audit.h"
#include "weights/test_support.h"

namespace assay::audit {
namespace {

TEST(OpTable, FindsTheWiresOfALlama) {
  const weights::ModelFolder folder;
  folder.whole(weights::small_llama());
  const OpTable table = OpTable::of(folder.open().value()).value();
  EXPECT_EQ(table.model_type, "llama");
  EXPECT_EQ(table.blocks, 2U);
  ASSERT_EQ(table.ops.size(), 15U);
  const Op* q = table.find({1, Role::kQ});
  ASSERT_NE(q, nullptr);
  EXPECT_EQ(*q, (Op{{1, Role::kQkvInput},
                    {1, Role::kQ},
                    "model.layers.1.self_attn.q_proj.weight",
                    "model.layers.1.self_attn.q_proj.bias",
                    false,
                    8,
                    8}));
  const Op* down = table.find({0, Role::kDown});
  ASSERT_NE(down, nullptr);
  EXPECT_EQ(down->input, (Wire{0, Role::kDownInput}));
  EXPECT_EQ(down->in, 12U);
  EXPECT_EQ(down->out, 8U);
  EXPECT_EQ(down->bias, "");
  const Op* head = table.find({Wire::kNoBlock, Role::kLogits});
  ASSERT_NE(head, nullptr);
  EXPECT_EQ(head->weight, "lm_head.weight");
  EXPECT_EQ(table.find({0, Role::kResidual}), nullptr);
  EXPECT_THAT(table.left_out, testing::IsEmpty());
}

TEST(OpTable, TakesATiedEmbeddingForTheHead) {
  const weights::ModelFolder folder;
  std::vector<weights::Written> tensors = weights::small_llama();
  std::erase_if(tensors, [](const weights::Written& one) { return one.name == "lm_head.weight"; });
  folder.whole(tensors);
  const OpTable table = OpTable::of(folder.open().value()).value();
  EXPECT_EQ(table.ops.back().weight, "model.embed_tokens.weight");
}

TEST(OpTable, ReadsGpt2sTransposedWeights) {
  const weights::ModelFolder folder(R"({"model_type":"gpt2"})");
  folder.whole({{"wte.weight", {20, 8}},
                {"h.0.attn.c_attn.weight", {8, 24}},
                {"h.0.attn.c_attn.bias", {24}},
                {"h.0.attn.c_proj.weight", {8, 8}},
                {"h.0.mlp.c_fc.weight", {8, 32}},
                {"h.0.mlp.c_proj.weight", {32, 8}}});
  const OpTable table = OpTable::of(folder.open().value()).value();
  const Op* qkv = table.find({0, Role::kQkv});
  ASSERT_NE(qkv, nullptr);
  EXPECT_TRUE(qkv->transposed);
  EXPECT_EQ(qkv->in, 8U);
  EXPECT_EQ(qkv->out, 24U);
  EXPECT_EQ(qkv->bias, "h.0.attn.c_attn.bias");
  EXPECT_FALSE(table.ops.back().transposed) << "the embedding is stored [vocabulary, width]";
  EXPECT_EQ(table.ops.back().out, 20U);
}

TEST(OpTable, SaysWhatItLeavesOutAndRefusesWhatItCannotPlace) {
  const weights::ModelFolder folder;
  folder.whole({{"model.embed_tokens.weight", {20, 8}},
                {"model.layers.0.self_attn.q_proj.weight", {8, 8}},
                {"model.layers.0.mlp.router.weight", {4, 8}}});
  const OpTable table = OpTable::of(folder.open().value()).value();
  EXPECT_THAT(table.left_out, testing::ElementsAre("model.layers.0.mlp.router.weight"));

  const weights::ModelFolder unknown;
  unknown.whole({{"model.embed_tokens.weight", {20, 8}}, {"model.layers.0.mlp.router.weight", {4, 8}}});
  EXPECT_THAT(OpTable::of(unknown.open().value()).error().to_string(), testing::HasSubstr("known here"));

  const weights::ModelFolder headless;
  headless.whole({{"model.layers.0.self_attn.q_proj.weight", {8, 8}}});
  EXPECT_THAT(OpTable::of(headless.open().value()).error().to_string(), testing::HasSubstr("output layer"));

  const weights::ModelFolder biased;
  biased.whole({{"model.embed_tokens.weight", {20, 8}},
                {"model.layers.0.self_attn.q_proj.weight", {8, 8}},
                {"model.layers.0.self_attn.q_proj.bias", {9}}});
  EXPECT_EQ(OpTable::of(biased.open().value()).error().code, ErrorCode::kMismatch);
}

TEST(OpTable, RefusesTwoLayersOfOneWire) {
  const weights::ModelFolder folder;
  folder.whole({{"model.embed_tokens.weight", {20, 8}},
                {"model.layers.0.fc1.weight", {12, 8}},
                {"model.layers.0.mlp.fc1.weight", {12, 8}}});
  EXPECT_THAT(OpTable::of(folder.open().value()).error().to_string(), testing::HasSubstr("give one wire"));
}

TEST(OpTable, TakesMatricesAlone) {
  const weights::ModelFolder folder;
  folder.whole({{"model.embed_tokens.weight", {20, 8}},
                {"lm_head.weight", {8}},
                {"model.layers.0.self_attn.q_proj.weight", {8, 8}},
                {"model.layers.0.mlp.up_proj.weight", {8, 8, 1, 1}}});
  const OpTable table = OpTable::of(folder.open().value()).value();
  EXPECT_EQ(table.ops.back().weight, "model.embed_tokens.weight");
  EXPECT_THAT(table.left_out, testing::ElementsAre("model.layers.0.mlp.up_proj.weight"));
}

TEST(OpTable, KnowsALayerByItsName) {
  for (const auto& [name, input, output] : {std::tuple("self_attn.q_proj", Role::kQkvInput, Role::kQ),
                                            {"ffn.up_proj", Role::kMlpInput, Role::kUp},
                                            {"ffn.down_proj", Role::kDownInput, Role::kDown}}) {
    const std::optional<LayerRoles> roles = roles_of_layer(name);
    ASSERT_TRUE(roles) << name;
    EXPECT_EQ(roles->input, input);
    EXPECT_EQ(roles->output, output);
  }
  EXPECT_FALSE(roles_of_layer("mlp.router"));
}

TEST(Wire, HasANameForEachRole) {
  for (int role = 1; role <= 16; ++role)
    EXPECT_EQ(role_of(to_string(static_cast<Role>(role))), static_cast<Role>(role));
  EXPECT_EQ(role_of("nothing"), std::nullopt);
  EXPECT_EQ((Wire{3, Role::kGate}).to_string(), "block 3 gate");
  EXPECT_EQ((Wire{Wire::kNoBlock, Role::kLogits}).to_string(), "logits");
}

}  // namespace
}  // namespace assay::audit
