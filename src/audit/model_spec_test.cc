#include "audit/model_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "weights/test_support.h"

namespace assay::audit::internal {
namespace {

using tensor::expect_error;
using testing::HasSubstr;

/// What a config.json says; the tensors beside it are not looked at.
Result<ModelSpec> spec_of(std::string_view config) {
  const weights::ModelFolder files(config);
  files.whole({{"model.embed_tokens.weight", {2, 2}}});
  return ModelSpec::of(files.open().value());
}

TEST(ModelSpec, TakesWhatTheModelsProgramTakesWhereAFieldIsMissingOrNull) {
  const char* const nulls = R"({"model_type":"llama","hidden_size":null,"rms_norm_eps":null,)"
                            R"("hidden_act":null,"head_dim":null})";
  for (const char* config : {R"({"model_type":"llama"})", nulls}) {
    const ModelSpec spec = spec_of(config).value();
    EXPECT_EQ(spec.family, Family::kLlama);
    EXPECT_EQ(spec.why_other, "");
    EXPECT_EQ(spec.hidden, 4096U);
    EXPECT_EQ(spec.heads, 32U);
    EXPECT_EQ(spec.kv_heads, 32U);
    EXPECT_EQ(spec.head_size, 128U);
    EXPECT_EQ(spec.norm_epsilon, 1e-6);
    EXPECT_EQ(spec.rope_theta, 10000);
    EXPECT_EQ(spec.activation, Activation::kSilu);
    EXPECT_EQ(spec.attention_left_out, "");
    EXPECT_EQ(spec.window, 0U);
    EXPECT_FALSE(spec.head_norms);
  }
  const ModelSpec gpt2 = spec_of(R"({"model_type":"gpt2"})").value();
  EXPECT_EQ(gpt2.family, Family::kGpt2);
  EXPECT_EQ(gpt2.hidden, 768U);
  EXPECT_EQ(gpt2.heads, 12U);
  EXPECT_EQ(gpt2.norm_epsilon, 1e-5);
  EXPECT_EQ(gpt2.activation, Activation::kGeluNew);
  EXPECT_EQ(gpt2.attention_left_out, "");
}

TEST(ModelSpec, TakesWhatTheFileSays) {
  const ModelSpec spec =
      spec_of(R"({"model_type":"qwen3","hidden_size":64,"num_attention_heads":8,"num_key_value_heads":2,)"
              R"("head_dim":16,"rms_norm_eps":0.5,"rope_theta":500.0,"hidden_act":"gelu"})")
          .value();
  EXPECT_EQ(spec.hidden, 64U);
  EXPECT_EQ(spec.heads, 8U);
  EXPECT_EQ(spec.kv_heads, 2U);
  EXPECT_EQ(spec.head_size, 16U);
  EXPECT_EQ(spec.norm_epsilon, 0.5);
  EXPECT_EQ(spec.rope_theta, 500);
  EXPECT_EQ(spec.activation, Activation::kGeluErf);
  EXPECT_TRUE(spec.head_norms);
}

TEST(ModelSpec, KnowsAnActivationByEachOfItsNames) {
  for (const auto& [name, function] : {std::pair("silu", Activation::kSilu),
                                       {"swish", Activation::kSilu},
                                       {"gelu_pytorch_tanh", Activation::kGeluTanh},
                                       {"gelu_fast_tanh", Activation::kGeluTanh},
                                       {"gelu_new", Activation::kGeluNew},
                                       {"gelu", Activation::kGeluErf}}) {
    const ModelSpec spec =
        spec_of(fmt::format(R"({{"model_type":"llama","hidden_act":"{}"}})", name)).value();
    EXPECT_EQ(spec.why_other, "") << name;
    EXPECT_EQ(spec.activation, function) << name;
  }
  const ModelSpec gemma = spec_of(R"({"model_type":"gemma","hidden_act":"gelu"})").value();
  EXPECT_EQ(gemma.activation, Activation::kGeluTanh) << "whatever the file says";
}

TEST(ModelSpec, SaysWhyNothingButProductsIsChecked) {
  const ModelSpec model = spec_of(R"({"model_type":"mamba"})").value();
  EXPECT_EQ(model.family, Family::kOther);
  EXPECT_THAT(model.why_other, HasSubstr("model type 'mamba'"));
  const ModelSpec activation = spec_of(R"({"model_type":"llama","hidden_act":"relu"})").value();
  EXPECT_EQ(activation.family, Family::kOther);
  EXPECT_THAT(activation.why_other, HasSubstr("the activation 'relu'"));
}

TEST(ModelSpec, SaysWhyAttentionIsNotChecked) {
  const auto left_out = [](const std::string& fields) {
    return spec_of(R"({"model_type":)" + fields + "}").value().attention_left_out;
  };
  EXPECT_THAT(left_out(R"("gpt2","scale_attn_weights":false)"), HasSubstr("scaled otherwise"));
  EXPECT_THAT(left_out(R"("gpt2","scale_attn_by_inverse_layer_idx":true)"), HasSubstr("scaled otherwise"));
  EXPECT_THAT(left_out(R"("llama","rope_scaling":{"type":"linear"})"), HasSubstr("of type 'linear'"));
  EXPECT_THAT(left_out(R"("llama","rope_scaling":{"rope_type":"yarn"})"), HasSubstr("of type 'yarn'"));
  EXPECT_THAT(left_out(R"("llama","partial_rotary_factor":0.5)"), HasSubstr("a part of each head"));
  EXPECT_THAT(left_out(R"("llama","head_dim":5)"), HasSubstr("odd size"));
  EXPECT_THAT(left_out(R"("qwen2","use_sliding_window":true)"), HasSubstr("window"));
  EXPECT_EQ(left_out(R"("qwen2","sliding_window":4)"), "");
  EXPECT_EQ(left_out(R"("llama","rope_parameters":{"rope_type":"default"})"), "");
  EXPECT_EQ(spec_of(R"({"model_type":"llama","rope_parameters":{"rope_theta":7.0}})")->rope_theta, 7);
  EXPECT_EQ(spec_of(R"({"model_type":"mistral","sliding_window":4})")->window, 4U);
}

TEST(ModelSpec, RefusesHeadsThatShareNothing) {
  const auto heads = [](int q, int k) {
    return spec_of(
        fmt::format(R"({{"model_type":"llama","num_attention_heads":{},"num_key_value_heads":{}}})", q, k));
  };
  EXPECT_TRUE(heads(4, 4).ok());
  EXPECT_TRUE(heads(4, 2).ok());
  expect_error(heads(4, 3), ErrorCode::kOutOfRange, "config.json: 4 heads of q and 3 of k and v");
  expect_error(heads(2, 4), ErrorCode::kOutOfRange, "config.json: 2 heads of q and 4 of k and v");
}

ModelSpec gpt2() {
  ModelSpec spec;
  spec.family = Family::kGpt2;
  spec.heads = 2;
  spec.kv_heads = 2;
  spec.head_size = 4;
  spec.hidden = 8;
  spec.activation = Activation::kGeluErf;
  return spec;
}

/// What is read of a spec that was changed before it was written, or in the bytes of the file.
Result<ModelSpec> reread(
    const ModelSpec& spec, const std::function<void(Bytes&)>& change = [](Bytes&) {}) {
  WireWriter writer;
  spec.write(writer);
  Bytes bytes = writer.take();
  change(bytes);
  WireReader reader(bytes, "spec");
  return ModelSpec::read(reader);
}

TEST(ModelSpec, IsReadAsItWasWrittenAtItsLimits) {
  ModelSpec spec = gpt2();
  EXPECT_EQ(reread(spec).value(), spec) << "no theta";
  spec.hidden = 1U << 24;
  spec.rope_theta = 1e300;
  spec.head_norms = true;
  spec.window = 7;
  spec.attention_left_out = "a reason";
  EXPECT_EQ(reread(spec).value(), spec);
  EXPECT_EQ(reread(ModelSpec{}).value(), ModelSpec{});
}

TEST(ModelSpec, RefusesWhatNoModelHas) {
  const auto changed = [](const auto& change) {
    ModelSpec spec = gpt2();
    change(spec);
    return reread(spec);
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  expect_error(changed([](ModelSpec& s) { s.family = static_cast<Family>(4); }), ErrorCode::kOutOfRange,
               "family");
  expect_error(changed([](ModelSpec& s) { s.hidden = 0; }), ErrorCode::kOutOfRange, "size");
  expect_error(changed([](ModelSpec& s) { s.hidden = (1U << 24) + 1; }), ErrorCode::kOutOfRange, "size");
  expect_error(changed([](ModelSpec& s) { s.family = Family::kOther; }), ErrorCode::kOutOfRange, "size");
  expect_error(changed([](ModelSpec& s) { s.kv_heads = 4; }), ErrorCode::kOutOfRange, "heads");
  expect_error(changed([](ModelSpec& s) { s.heads = 3; }), ErrorCode::kOutOfRange, "heads");
  for (const double number : {-1.0, kInfinity, std::nextafter(1e300, kInfinity), std::nan("")}) {
    expect_error(changed([&](ModelSpec& s) { s.norm_epsilon = number; }), ErrorCode::kOutOfRange, "number");
    expect_error(changed([&](ModelSpec& s) { s.rope_theta = number; }), ErrorCode::kOutOfRange, "number");
  }
  expect_error(changed([](ModelSpec& s) { s.activation = static_cast<Activation>(4); }),
               ErrorCode::kOutOfRange, "activation");
  // Behind it lie the window and the activation.
  expect_error(reread(gpt2(), [](Bytes& bytes) { bytes[bytes.size() - 10] = 2; }), ErrorCode::kNonCanonical,
               "norms of heads");
}

}  // namespace
}  // namespace assay::audit::internal
