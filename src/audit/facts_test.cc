#include "audit/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "audit/test_support.h"
#include "base/wire.h"

namespace assay::audit::internal {
namespace {

using tensor::expect_error;
using test::Llama;

constexpr std::uint32_t kMaxValues = 1U << 24;

Result<Facts> facts_of(const std::vector<weights::Written>& tensors, std::string_view config) {
  const weights::ModelFolder files(config);
  files.whole(tensors);
  return Facts::of(files.open().value(), RowDtype::kBF16, {});
}

Facts llama() { return facts_of(Llama().written(), Llama::config()).value(); }

/// Values that are numbers in bf16, for tensors of these shapes.
std::vector<weights::Written> written(std::vector<weights::Written> tensors) {
  test::Normal normal(5);
  for (weights::Written& one : tensors) {
    const std::size_t count = weights::byte_count(one) / 2;
    for (std::size_t i = 0; i < count; ++i) tensor::append(one.bytes, test::bf16_bits(normal()));
  }
  return tensors;
}

std::vector<weights::Written> gpt2_tensors() {
  return written({{"wte.weight", {20, 8}},
                  {"wpe.weight", {5, 8}},
                  {"h.0.ln_1.weight", {8}},
                  {"h.0.ln_1.bias", {8}},
                  {"h.0.ln_2.weight", {8}},
                  {"h.0.ln_2.bias", {8}},
                  {"h.0.attn.c_attn.weight", {8, 24}},
                  {"h.0.attn.c_proj.weight", {8, 8}},
                  {"h.0.mlp.c_fc.weight", {8, 32}},
                  {"h.0.mlp.c_proj.weight", {32, 8}},
                  {"ln_f.weight", {8}},
                  {"ln_f.bias", {8}}});
}
constexpr const char* kGpt2Config = R"({"model_type":"gpt2","n_embd":8,"n_head":2})";

/// What is read of facts that were changed before they were written, or in the bytes of the file.
Result<Facts> reread(
    const Facts& facts, const std::function<void(Bytes&)>& change = [](Bytes&) {}) {
  WireWriter writer;
  facts.write(writer);
  Bytes bytes = writer.take();
  change(bytes);
  WireReader reader(bytes, "facts");
  return Facts::read(reader);
}

Bytes bytes_of(const Facts& facts) {
  WireWriter writer;
  facts.write(writer);
  return writer.take();
}

TEST(Facts, AreReadAsTheyWereWritten) {
  for (const Facts& facts : {llama(), facts_of(gpt2_tensors(), kGpt2Config).value(), Facts{}}) {
    const Facts again = reread(facts).value();
    EXPECT_EQ(bytes_of(again), bytes_of(facts));
    EXPECT_EQ(again.norms, facts.norms);
    EXPECT_EQ(again.embedding, facts.embedding);
    EXPECT_EQ(again.table.ops, facts.table.ops);
  }
  const Facts gpt2 = facts_of(gpt2_tensors(), kGpt2Config).value();
  EXPECT_EQ(gpt2.norms.size(), 3U);
  EXPECT_EQ(gpt2.norm(0, 1)->bias.size(), 8U);
  EXPECT_TRUE(gpt2.embedding.empty()) << "its stream starts with the sum of two";
  EXPECT_EQ(llama().embedding.size(), Llama::kVocabulary);
}

TEST(Facts, RefuseAFolderThatLacksWhatTheChainNeeds) {
  const auto without = [](const std::string& name) {
    std::vector<weights::Written> tensors = Llama().written();
    std::erase_if(tensors, [&](const weights::Written& one) { return one.name == name; });
    return facts_of(tensors, Llama::config());
  };
  expect_error(without("model.norm.weight"), ErrorCode::kMismatch,
               "model.norm.weight: the folder has no such tensor");
  expect_error(without("model.embed_tokens.weight"), ErrorCode::kMismatch,
               "model.embed_tokens.weight: the folder has no such tensor");
  const auto with_shape = [](const std::string& name, const tensor::Shape& shape) {
    std::vector<weights::Written> tensors = Llama().written();
    for (weights::Written& one : tensors) {
      if (one.name != name) continue;
      one.shape = shape;
      one.bytes.assign(weights::byte_count(one), 0);
    }
    return facts_of(tensors, Llama::config());
  };
  expect_error(with_shape("model.layers.1.input_layernorm.weight", {63}), ErrorCode::kMismatch,
               "model.layers.1.input_layernorm.weight: is not a vector of 64 values");
  for (const tensor::Shape& shape : {tensor::Shape{96, 63}, {96, 65}, {96}, {96, 64, 1}})
    expect_error(with_shape("model.embed_tokens.weight", shape), ErrorCode::kMismatch,
                 "model.embed_tokens.weight: is not an embedding of 64 values a token");
}

// Zeros, and as few of them as a model may have: what is looked at is the count.
TEST(Facts, TakeAnEmbeddingOfSoManyTokens) {
  constexpr std::uint64_t kMaxTokens = std::uint64_t{1} << 22;
  const auto with_tokens = [](std::uint64_t tokens) {
    std::vector<weights::Written> tensors = {{"model.embed_tokens.weight", {tokens, 1}},
                                             {"lm_head.weight", {1, 1}},
                                             {"model.norm.weight", {1}},
                                             {"model.layers.0.input_layernorm.weight", {1}},
                                             {"model.layers.0.post_attention_layernorm.weight", {1}}};
    for (const char* name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                             "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"})
      tensors.push_back({std::string("model.layers.0.") + name + ".weight", {1, 1}});
    for (weights::Written& one : tensors) one.bytes.assign(weights::byte_count(one), 0);
    return facts_of(tensors, R"({"model_type":"llama","hidden_size":1,"num_attention_heads":1})");
  };
  EXPECT_EQ(with_tokens(kMaxTokens).value().embedding.size(), kMaxTokens);
  expect_error(with_tokens(kMaxTokens + 1), ErrorCode::kMismatch, "is not an embedding of 1 values a token");
}

/// The reason that a changed llama is incomplete for.
struct Incomplete {
  const char* what;
  const char* place;
  const char* reason;
  void (*change)(Facts&);
};

Op& op_of(Facts& facts, std::uint32_t block, Role role) {
  return *std::ranges::find(facts.table.ops, Wire{block, role}, &Op::output);
}

TEST(Facts, OfAModelThatDoesNotFitTogetherAreRefused) {
  const std::vector<Incomplete> cases = {
      {"another input", "block 1 q", "the model has no such layer",
       [](Facts& f) { ++op_of(f, 1, Role::kQ).in; }},
      {"another output", "block 1 k", "the model has no such layer",
       [](Facts& f) { ++op_of(f, 1, Role::kK).out; }},
      {"no layer", "block 2 down", "the model has no such layer",
       [](Facts& f) {
         f.table.ops.erase(std::ranges::find(f.table.ops, Wire{2, Role::kDown}, &Op::output));
       }},
      {"wider than down", "block 0 up", "the layers of the MLP",
       [](Facts& f) {
         ++op_of(f, 0, Role::kUp).out;
         ++op_of(f, 0, Role::kGate).out;
       }},
      {"a gate of another width", "block 0 up", "the layers of the MLP",
       [](Facts& f) { ++op_of(f, 0, Role::kGate).out; }},
      {"no output layer", "logits", "the model has no output layer",
       [](Facts& f) { f.table.ops.pop_back(); }},
      {"a norm less", "norms", "6 of them",
       [](Facts& f) {
         f.norms.erase({1, 1});
       }},
      {"a norm more", "norms", "8 of them",
       [](Facts& f) {
         f.norms[{1, 2}] = f.norms[{1, 1}];
       }},
      {"a norm of a third kind", "norms", "norm 2 of block 1",
       [](Facts& f) {
         f.norms[{1, 2}].weight.resize(Llama::kHead);
         f.norms.erase({1, 1});
       }},
      {"a norm of a block that is not there", "norms", "norm 0 of block 3",
       [](Facts& f) {
         f.norms[{3, 0}] = f.norms[{0, 0}];
         f.norms.erase({0, 0});
       }},
      {"another final norm", "norms", "norm 1 of block 4294967295",
       [](Facts& f) {
         f.norms[{Wire::kNoBlock, 1}] = f.norms[{Wire::kNoBlock, 0}];
         f.norms.erase({Wire::kNoBlock, 0});
       }},
      {"a shorter norm", "norms", "norm 0 of block 2",
       [](Facts& f) {
         f.norms[{2, 0}].weight.pop_back();
       }},
      {"the embedding", "embedding", "marks of 0 rows, one for each token is expected",
       [](Facts& f) { f.embedding.clear(); }},
      {"a bias", "norms", "norm 0 of block 2",
       [](Facts& f) {
         f.norms[{2, 0}].bias.resize(Llama::kHidden);
       }},
  };
  const Facts whole = llama();
  for (const Incomplete& one : cases) {
    SCOPED_TRACE(one.what);
    Facts facts = whole;
    one.change(facts);
    expect_error(facts.check_complete(), ErrorCode::kMismatch, std::string(one.place) + ": " + one.reason);
    expect_error(reread(facts), ErrorCode::kMismatch, one.reason);
    facts.spec = ModelSpec{};
    EXPECT_TRUE(facts.check_complete().ok()) << "where products alone are checked, nothing is needed";
  }
}

TEST(Facts, OfHeadsWithNormsHaveTheirSize) {
  Facts facts = llama();
  facts.spec.head_norms = true;
  for (std::uint32_t block = 0; block < Llama::kBlocks; ++block)
    for (const std::uint32_t which : {2U, 3U}) facts.norms[{block, which}].weight.resize(Llama::kHead);
  EXPECT_TRUE(facts.check_complete().ok());
  facts.norms[{1, 2}].weight.resize(Llama::kHidden);
  expect_error(facts.check_complete(), ErrorCode::kMismatch, "norms: norm 2 of block 1");
  facts.norms[{1, 2}].weight.resize(Llama::kHead);
  facts.norms[{1, 4}] = facts.norms[{1, 3}];
  facts.norms.erase({1, 3});
  expect_error(facts.check_complete(), ErrorCode::kMismatch, "norms: norm 4 of block 1");
}

TEST(Facts, OfAGpt2ThatDoesNotFitTogetherAreRefused) {
  Facts facts = facts_of(gpt2_tensors(), kGpt2Config).value();
  facts.spec.head_size = 3;
  expect_error(facts.check_complete(), ErrorCode::kMismatch,
               "config.json: the heads do not make up the width");
  facts.spec.head_size = 4;
  facts.embedding.resize(1);
  expect_error(facts.check_complete(), ErrorCode::kMismatch, "embedding: marks of 1 rows, none is expected");
  facts.embedding.clear();
  op_of(facts, 0, Role::kQkv).out = 25;
  expect_error(facts.check_complete(), ErrorCode::kMismatch, "block 0 qkv");
}

/// Facts of products alone, with one layer, at the largest sizes that are taken.
Facts products_alone() {
  Facts facts;
  facts.table.blocks = weights::Folder::kMaxBlocks;
  facts.table.ops = {{{0, Role::kQkvInput}, {0, Role::kQ}, "weight", "bias", true, kMaxValues, kMaxValues},
                     {{0, Role::kQkvInput}, {0, Role::kK}, "weight", "bias", false, 1, 1}};
  return facts;
}

TEST(Facts, AreTakenAtTheirLimitsAndNoFurther) {
  const Facts most = products_alone();
  EXPECT_EQ(bytes_of(reread(most).value()), bytes_of(most));
  const auto changed = [&](const auto& change) {
    Facts facts = most;
    change(facts);
    return reread(facts);
  };
  expect_error(changed([](Facts& f) { ++f.table.blocks; }), ErrorCode::kTooLarge, "blocks");
  for (std::uint64_t Op::*const side : {&Op::in, &Op::out}) {
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{kMaxValues} + 1})
      expect_error(changed([&](Facts& f) { f.table.ops[0].*side = size; }), ErrorCode::kOutOfRange,
                   "in, out");
  }
  expect_error(changed([](Facts& f) { std::swap(f.table.ops[0], f.table.ops[1]); }), ErrorCode::kNonCanonical,
               "layers");
  expect_error(changed([](Facts& f) { f.table.ops[1].output = f.table.ops[0].output; }),
               ErrorCode::kNonCanonical, "layers");
  expect_error(changed([](Facts& f) { f.dtype = RowDtype::kDropped; }), ErrorCode::kOutOfRange,
               "element type");
  expect_error(changed([](Facts& f) { f.dtype = static_cast<RowDtype>(9); }), ErrorCode::kOutOfRange,
               "element type");
  for (const double value : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    expect_error(changed([&](Facts& f) {
                   f.norms[{0, 0}].weight = {1, value};
                 }),
                 ErrorCode::kOutOfRange, "weight of a norm");
    expect_error(changed([&](Facts& f) {
                   f.norms[{0, 0}].bias = {1, value};
                 }),
                 ErrorCode::kOutOfRange, "bias");
  }
}

TEST(Facts, ThatHaveTwoEncodingsAreRefused) {
  // Manifest, element type, an empty model type, blocks and the count of layers come first.
  constexpr std::size_t kLayer = 32 + 1 + 4 + 4 + 4;
  constexpr std::size_t kTransposed = kLayer + 2 * 5 + 4 + 6 + 4 + 4;
  const auto with = [](std::size_t at, std::uint8_t value) {
    return reread(products_alone(), [&](Bytes& bytes) { bytes[at] = value; });
  };
  EXPECT_TRUE(with(kTransposed, 0).ok());
  expect_error(with(kTransposed, 2), ErrorCode::kNonCanonical, "transposed");
  expect_error(with(kLayer + 4, 0), ErrorCode::kOutOfRange, "wire");
  expect_error(with(kLayer + 9, 17), ErrorCode::kOutOfRange, "wire");
  // Two norms without values, and the count of the embedding: the second stands where the first does, or
  // before.
  Facts facts = products_alone();
  facts.norms[{1, 0}];
  facts.norms[{1, 1}];
  const auto with_second = [&](std::uint8_t block, std::uint8_t which) {
    return reread(facts, [&](Bytes& bytes) {
      const std::size_t second = bytes.size() - 4 - 16;
      bytes[second] = block;
      bytes[second + 4] = which;
    });
  };
  EXPECT_TRUE(with_second(1, 1).ok());
  expect_error(with_second(1, 0), ErrorCode::kNonCanonical, "norms");
  expect_error(with_second(0, 1), ErrorCode::kNonCanonical, "norms");
}

}  // namespace
}  // namespace assay::audit::internal
