#include "weights/layer_order.h"
#include "weights/test_support.h"

namespace assay::weights {
namespace {

using tensor::expect_error;

std::vector<std::string> layers_of(const Block& block) {
  std::vector<std::string> names;
  for (const Layer& layer : block.layers) names.push_back(layer.name);
  return names;
}

/// The layers of a block with these names in a model that has nothing else.
std::vector<std::string> layers_of(const std::vector<std::string>& names, std::string_view config = "{}") {
  const ModelFolder model(config);
  std::vector<Written> tensors;
  for (const std::string& name : names) tensors.push_back({"model.layers.0." + name + ".weight", {4, 4}});
  model.whole(tensors);
  return layers_of(model.open().value().stack().value().blocks.front());
}

TEST(Stack, NumbersOfBlocksAreNumbersAlone) {
  const ModelFolder model;
  model.whole(
      {{"layers.0.fc.weight", {1, 1}}, {"layers.1x.fc.weight", {1, 1}}, {"layers.01.fc.weight", {1, 1}}});
  EXPECT_EQ(model.open().value().stack().value().blocks.size(), 1u);
}

// In many files: a long header takes the square of its length to write.
TEST(Stack, CapsBlocks) {
  std::vector<Written> tensors;
  tensors.reserve(Folder::kMaxBlocks);
  for (std::size_t i = 0; i < Folder::kMaxBlocks; ++i)
    tensors.push_back({fmt::format("layers.{}.fc.weight", i), {1, 1}});
  const ModelFolder model;
  model.shards(tensors, 64);
  EXPECT_EQ(model.open()->stack()->blocks.size(), Folder::kMaxBlocks);
  write_shard(model.path() / "more.safetensors", {{"layers.65536.fc.weight", {1, 1}}});
  const std::string name = "model.safetensors.index.json";
  const Bytes index = read_file(model.path() / name, std::uint64_t{1} << 24).value();
  std::string text(index.begin(), index.end());
  text.insert(text.find("\"layers.0."), R"("layers.65536.fc.weight":"more.safetensors",)");
  model.write(name, text);
  expect_error(model.open().value().stack(), ErrorCode::kTooLarge, "65537 blocks, at most 65536 are read");
}

// Beside a matrix of few bits stand its scales, which may be a matrix too.
TEST(Stack, LayersAreCalledWeight) {
  const ModelFolder model;
  model.whole({{"layers.0.fc.weight", {2, 2}},
               {"layers.0.fc.weight_scale_inv", {2, 2}},
               {"scales.0.fc.weight_scale", {2, 2}}});
  const Folder folder = model.open().value();
  EXPECT_EQ(folder.stack_names(), std::vector<std::string>{"layers"});
  EXPECT_EQ(layers_of(folder.stack("layers")->blocks.front()), std::vector<std::string>{"fc"});
}

TEST(Stack, BeginsWithABlockOfNumberZero) {
  const ModelFolder model;
  model.whole(
      {{"layers.0.fc.weight", {2, 2}}, {"vision.1.fc.weight", {2, 2}}, {"vision.2.fc.weight", {2, 2}}});
  EXPECT_EQ(model.open()->stack_names(), std::vector<std::string>{"layers"});
  model.whole({{"layers.1.fc.weight", {2, 2}}});
  expect_error(model.open()->stack(), ErrorCode::kMismatch,
               "no blocks: no matrices are named PREFIX.0.PATH.weight");
}

TEST(Stack, HasTheLayersOfEachBlockInTheirOrder) {
  const ModelFolder model;
  model.whole(small_llama());
  const Stack stack = model.open().value().stack().value();
  EXPECT_EQ(stack.name, "model.layers");
  EXPECT_TRUE(stack.registered);
  ASSERT_EQ(stack.blocks.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const Block& block = stack.blocks[i];
    EXPECT_EQ(block.name, fmt::format("model.layers.{}", i));
    EXPECT_EQ(layers_of(block), (std::vector<std::string>{"self_attn.q_proj", "self_attn.k_proj",
                                                          "self_attn.v_proj", "self_attn.o_proj",
                                                          "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}));
    EXPECT_EQ(block.layers[1].weight.name, block.name + ".self_attn.k_proj.weight");
    EXPECT_EQ(block.layers[1].weight.shape, (Shape{4, 8}));
    EXPECT_EQ(block.layers[1].kind, Layer::Kind::kLinear);
  }
}

TEST(Stack, OptRegistersKeysFirst) {
  EXPECT_EQ(layers_of({"fc1", "fc2", "self_attn.k_proj", "self_attn.out_proj", "self_attn.q_proj",
                       "self_attn.v_proj"}),
            (std::vector<std::string>{"self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj",
                                      "self_attn.out_proj", "fc1", "fc2"}));
}

TEST(Stack, APartOfAFamilysLayersHasItsOrder) {
  EXPECT_EQ(
      layers_of({"mlp.down_proj", "mlp.up_proj", "self_attn.o_proj", "self_attn.q_proj"}),
      (std::vector<std::string>{"self_attn.q_proj", "self_attn.o_proj", "mlp.up_proj", "mlp.down_proj"}));
}

TEST(Stack, OthersAreInTheOrderOfTheirNames) {
  const ModelFolder model;
  std::vector<Written> tensors;
  for (const char* name : {"mlp.experts.10.w1", "mlp.experts.9.w2", "mlp.experts.9.w1", "attn.q", "mlp.gate"})
    tensors.push_back({fmt::format("net.0.{}.weight", name), {2, 2}});
  tensors.push_back({"net.0.scales", {2, 2}});          // no weight
  tensors.push_back({"net.0.conv.weight", {2, 2, 2}});  // along one axis
  tensors.push_back({"net.0.weight", {2, 2}});          // no layer of a block
  tensors.push_back({"net.00.x.weight", {2, 2}});       // no number of a block
  model.whole(tensors);
  const Stack stack = model.open().value().stack().value();
  EXPECT_EQ(stack.name, "net");
  EXPECT_FALSE(stack.registered);
  EXPECT_EQ(layers_of(stack.blocks.front()),
            (std::vector<std::string>{"attn.q", "mlp.experts.9.w1", "mlp.experts.9.w2", "mlp.experts.10.w1",
                                      "mlp.gate"}));
}

TEST(Stack, IsRegisteredWhereTheOrderOfEveryBlockIsKnown) {
  const Written known{"net.1.mlp.up_proj.weight", {2, 2}};
  const ModelFolder model;
  model.whole({{"net.0.mlp.up_proj.weight", {2, 2}}, known});
  EXPECT_TRUE(model.open()->stack()->registered);
  model.whole({{"net.0.attn.q.weight", {2, 2}}, known});
  EXPECT_FALSE(model.open()->stack()->registered);
}

TEST(Stack, KnowsConvolutions) {
  for (const auto& [config, kind] : {std::pair{R"({"model_type":"gpt2"})", Layer::Kind::kConv1d},
                                     {R"({"model_type":"gpt_bigcode"})", Layer::Kind::kLinear}}) {
    const ModelFolder model(config);
    model.whole({{"h.0.mlp.c_fc.weight", {4, 16}},
                 {"h.0.attn.c_attn.weight", {4, 12}},
                 {"h.0.patch.weight", {4, 3, 2, 2}}});
    const Stack stack = model.open().value().stack().value();
    EXPECT_EQ(stack.name, "h");
    EXPECT_FALSE(stack.registered);
    EXPECT_EQ(layers_of(stack.blocks.front()),
              (std::vector<std::string>{"attn.c_attn", "mlp.c_fc", "patch"}));
    EXPECT_EQ(stack.blocks.front().layers[0].kind, kind);
    EXPECT_EQ(stack.blocks.front().layers[2].kind, Layer::Kind::kConv2d);
  }
  EXPECT_EQ(to_string(Layer::Kind::kLinear), "linear");
  EXPECT_EQ(to_string(Layer::Kind::kConv1d), "conv1d");
  EXPECT_EQ(to_string(Layer::Kind::kConv2d), "conv2d");
}

TEST(Stack, OfSeveralTheLanguageModelsIsMeant) {
  const ModelFolder model;
  const Written seen{"vision.layers.0.fc.weight", {2, 2}};
  model.whole({seen, {"model.language_model.layers.0.mlp.up_proj.weight", {2, 2}}});
  const Folder folder = model.open().value();
  EXPECT_EQ(folder.stack_names(), (std::vector<std::string>{"model.language_model.layers", "vision.layers"}));
  EXPECT_EQ(folder.stack()->name, "model.language_model.layers");
  for (const auto& [stack, layer] :
       {std::pair("vision.layers", "fc"), {"model.language_model.layers", "mlp.up_proj"}})
    EXPECT_EQ(layers_of(folder.stack(stack)->blocks.front()), std::vector<std::string>{layer});
  expect_error(folder.stack("audio"), ErrorCode::kMismatch, "has no stack of blocks 'audio'");

  model.whole({seen, {"audio.layers.0.fc.weight", {2, 2}}});
  expect_error(model.open()->stack(), ErrorCode::kMismatch,
               "2 stacks of blocks, name one: audio.layers, vision.layers");
  model.whole({{"lm_head.weight", {2, 2}}});
  expect_error(model.open()->stack(), ErrorCode::kMismatch, "no blocks");
}

TEST(Stack, NoBlockIsMissing) {
  const auto written = [](std::initializer_list<int> blocks) {
    std::vector<Written> tensors;
    for (const int block : blocks)
      tensors.push_back({fmt::format("model.layers.{}.mlp.up_proj.weight", block), {2, 2}});
    return tensors;
  };
  const ModelFolder model(R"({"num_hidden_layers":3})");
  model.whole(written({0, 1, 2}));
  EXPECT_EQ(model.open()->stack()->blocks.size(), 3u);
  model.whole(written({0, 1, 2, 3}));  // some models predict further tokens with more blocks
  EXPECT_EQ(model.open()->stack()->blocks.size(), 4u);
  model.whole(written({0, 2}));
  expect_error(model.open()->stack(), ErrorCode::kMismatch, "block model.layers.1 has no layers");
  model.whole(written({0, 1}));
  expect_error(model.open()->stack(), ErrorCode::kMismatch, "config.json says 3 blocks, the files have 2");
}

TEST(LayerOrder, OfNamesIsTotal) {
  const std::vector<std::string> ascending = {"",     "0",   "2",     "2.b",   "01",  "10",
                                              "010",  "1a",  "a",     "a.0",   "a.9", "a.10",
                                              "a.9x", "a.b", "a.b.c", "a.b.d", "b"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j)
      EXPECT_EQ(is_name_less(ascending[i], ascending[j]), i < j) << ascending[i] << " " << ascending[j];
  }
}

}  // namespace
}  // namespace assay::weights
