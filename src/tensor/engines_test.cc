#include "tensor/engines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/json.h"
#include "tensor/test_support.h"

namespace assay::tensor {
namespace {

using testing::HasSubstr;

Source source_of_text(const std::string& text) {
  return {{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, {}, "response.json"};
}

/// A response for two tokens of a prompt and three that were produced.
Json response() {
  return {{"text", " is"},
          {"output_ids", {5, 6, 7}},
          {"meta_info",
           {{"id", "7d"},
            {"finish_reason", {{"type", "length"}, {"length", 3}}},
            {"prompt_tokens", 2},
            {"completion_tokens", 3},
            {"cached_tokens", 0},
            {"input_token_logprobs", {{-0.5, 3, nullptr}, {true, "x"}}},
            {"hidden_states", {{{0.5, -1.0}, {2.0, 0.25}}, {1.0, 3.5}, {0.125, -2}}}}}};
}

std::vector<float> floats_of(const TensorView& view) {
  std::vector<float> values(view.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (view.dtype == Dtype::kBF16) {
      std::uint16_t bits;
      std::memcpy(&bits, view.bytes.data() + 2 * i, 2);
      values[i] = std::bit_cast<float>(std::uint32_t{bits} << 16);
    } else {
      std::memcpy(&values[i], view.bytes.data() + 4 * i, 4);
    }
  }
  return values;
}

TEST(Sglang, RowsOfPromptAndAnswer) {
  for (const Json& text : {response(), Json::array({response()})}) {
    const std::string dumped = text.dump();
    const EngineStates states = parse_sglang(source_of_text(dumped)).value();
    EXPECT_EQ(to_string(states.engine), "SGLang");
    EXPECT_EQ(states.prompt_tokens, 2U);
    EXPECT_EQ(states.completion_tokens, 3U);
    EXPECT_THAT(states.produced_ids, testing::ElementsAre(5, 6, 7));
    ASSERT_EQ(states.layers.size(), 1U);
    EXPECT_EQ(states.layers[0].name, "hidden_states");
    EXPECT_EQ(states.layers[0].dtype, Dtype::kBF16);
    EXPECT_EQ(states.layers[0].shape, (Shape{4, 2}));
    EXPECT_THAT(floats_of(states.layers[0]), testing::ElementsAre(0.5, -1, 2, 0.25, 1, 3.5, 0.125, -2));
  }
}

TEST(Sglang, ValuesThatAreNoBfloat16AreFloat32) {
  Json text = response();
  text["meta_info"]["hidden_states"][1] = {1.0, 0.1F};
  text.erase("output_ids");
  const std::string dumped = text.dump();
  const EngineStates states = parse_sglang(source_of_text(dumped)).value();
  EXPECT_EQ(states.layers[0].dtype, Dtype::kF32);
  EXPECT_EQ(floats_of(states.layers[0])[5], 0.1F);
  EXPECT_TRUE(states.produced_ids.empty());
}

struct Refusal {
  const char* name;
  void (*change)(Json&);
  ErrorCode code;
  const char* said;
};

Json& meta(Json& text) { return text["meta_info"]; }
Json& states(Json& text) { return meta(text)["hidden_states"]; }

const Refusal kRefusals[] = {
    {"no_meta", [](Json& j) { j.erase("meta_info"); }, ErrorCode::kMalformed, "return_hidden_states"},
    {"states_elsewhere",
     [](Json& j) {
       j["other"] = j["meta_info"];
       j.erase("meta_info");
     },
     ErrorCode::kMalformed, "return_hidden_states"},
    {"no_states", [](Json& j) { meta(j).erase("hidden_states"); }, ErrorCode::kMalformed,
     "--enable-return-hidden-states"},
    {"no_count", [](Json& j) { meta(j).erase("prompt_tokens"); }, ErrorCode::kMalformed, "prompt_tokens"},
    {"no_tokens", [](Json& j) { meta(j)["completion_tokens"] = 0; }, ErrorCode::kMalformed,
     "completion_tokens"},
    {"count_is_real", [](Json& j) { meta(j)["prompt_tokens"] = 2.5; }, ErrorCode::kMalformed, "a number"},
    {"count_is_negative", [](Json& j) { meta(j)["prompt_tokens"] = -2; }, ErrorCode::kOutOfRange,
     "from 0 to"},
    {"produced_is_real", [](Json& j) { meta(j)["completion_tokens"] = 2.5; }, ErrorCode::kMalformed,
     "a number"},
    {"cached_is_real", [](Json& j) { meta(j)["cached_tokens"] = 0.5; }, ErrorCode::kMalformed, "a number"},
    {"cached_is_a_text", [](Json& j) { meta(j)["cached_tokens"] = "0"; }, ErrorCode::kMalformed, "a text"},
    {"too_few", [](Json& j) { states(j).erase(2); }, ErrorCode::kMismatch,
     "3 rows for 2 tokens of the prompt and 3 produced, 4 are needed: speculative decoding"},
    {"cached",
     [](Json& j) {
       states(j)[0].erase(0);
       meta(j)["cached_tokens"] = 1;
     },
     ErrorCode::kMismatch, "1 cached tokens are missing"},
    {"too_many",
     [](Json& j) {
       states(j).push_back({1.0, 1.0});
     },
     ErrorCode::kMismatch, "5 rows for"},
    {"zeros",
     [](Json& j) {
       states(j)[1] = {0.0, -0.0};
     },
     ErrorCode::kMismatch, "row 2 is all zeros"},
    {"zeros_in_prompt",
     [](Json& j) {
       states(j)[0][1] = {0, 0};
     },
     ErrorCode::kMismatch, "row 1 is all zeros"},
    {"other_width", [](Json& j) { states(j)[2] = {1.0}; }, ErrorCode::kMismatch, "row 3 has 1 values"},
    {"no_width", [](Json& j) { states(j)[2] = Json::array(); }, ErrorCode::kMalformed, "without values"},
    {"prompt_behind", [](Json& j) { std::swap(states(j)[0], states(j)[2]); }, ErrorCode::kMalformed,
     "behind those of produced"},
    {"null", [](Json& j) { states(j)[1][0] = nullptr; }, ErrorCode::kOutOfRange, "NaN and infinity"},
    {"text", [](Json& j) { states(j)[1][0] = "1"; }, ErrorCode::kMalformed, "a text"},
    {"truth", [](Json& j) { states(j)[1][0] = true; }, ErrorCode::kMalformed, "true or false"},
    {"no_float", [](Json& j) { states(j)[1][0] = 1e-60; }, ErrorCode::kOutOfRange, "not a float32"},
    {"no_integer", [](Json& j) { states(j)[1][0] = 16777217; }, ErrorCode::kOutOfRange, "not a float32"},
    {"object", [](Json& j) { states(j)[1] = Json::object(); }, ErrorCode::kMalformed, "an object"},
    {"deep",
     [](Json& j) {
       states(j)[0][0] = {{1.0}, {1.0}};
     },
     ErrorCode::kMalformed, "an array"},
    {"mixed",
     [](Json& j) {
       states(j)[0] = {{1.0, 2.0}, 3.0};
     },
     ErrorCode::kMalformed, "a number"},
    {"mixed_otherwise",
     [](Json& j) {
       states(j)[1] = {1.0, Json::array({2.0})};
     },
     ErrorCode::kMalformed, "an array"},
    {"states_are_a_number", [](Json& j) { states(j) = 4; }, ErrorCode::kMalformed, "a number"},
    {"ids_are_a_number", [](Json& j) { j["output_ids"] = 5; }, ErrorCode::kMalformed, "a number"},
    {"answer_is_a_number", [](Json& j) { j["meta_info"] = 5; }, ErrorCode::kMalformed, "a number"},
    {"states_are_an_object", [](Json& j) { states(j) = Json::object(); }, ErrorCode::kMalformed, "an object"},
    {"meta_is_an_array", [](Json& j) { meta(j) = Json::array(); }, ErrorCode::kMalformed, "an array"},
    {"other_ids",
     [](Json& j) {
       j["output_ids"] = {5, 6};
     },
     ErrorCode::kMismatch, "2 ids for 3 tokens"},
    {"id_is_real", [](Json& j) { j["output_ids"][0] = 5.5; }, ErrorCode::kMalformed, "a number"},
    {"id_is_negative", [](Json& j) { j["output_ids"][0] = -1; }, ErrorCode::kOutOfRange, "from 0 to"},
    {"batch",
     [](Json& j) {
       j = Json::array({j, j});
     },
     ErrorCode::kMismatch, "a batch of responses"},
    {"empty", [](Json& j) { j = Json::array(); }, ErrorCode::kMalformed, "no response"},
    {"nested", [](Json& j) { j = Json::array({Json::array({j})}); }, ErrorCode::kMalformed, "an array"},
};

class SglangRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(SglangRefusal, IsSaid) {
  Json text = response();
  GetParam().change(text);
  const std::string dumped = text.dump();
  const Result<EngineStates> found = parse_sglang(source_of_text(dumped));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, GetParam().code) << found.error().reason;
  EXPECT_THAT(found.error().place + ": " + found.error().reason, HasSubstr(GetParam().said));
  EXPECT_THAT(found.error().place, HasSubstr("response.json"));
}

INSTANTIATE_TEST_SUITE_P(All, SglangRefusal, testing::ValuesIn(kRefusals),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Sglang, CutAtAnyByte) {
  const std::string whole = response().dump();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    EXPECT_FALSE(parse_sglang(source_of_text(cut)).ok()) << size;
  }
}

TEST(Sglang, AFieldThatComesTwice) {
  std::string text = response().dump();
  text.insert(1, R"("output_ids":[],)");
  EXPECT_FALSE(parse_sglang(source_of_text(text)).ok());
}

TEST(Sglang, IntegersOfOtherFieldsAreLeft) {
  Json text = response();
  text["index"] = 4;
  meta(text)["weight_version"] = 5;
  const std::string dumped = text.dump();
  const Result<EngineStates> found = parse_sglang(source_of_text(dumped));
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_THAT(found->produced_ids, testing::ElementsAre(5, 6, 7));
  EXPECT_EQ(found->layers[0].shape, (Shape{4, 2}));
}

TEST(Sglang, WhatLiesInOtherFieldsIsLeft) {
  Json text = response();
  meta(text)["other"] = {{"inner", {{"prompt_tokens", 8}}}, {"prompt_tokens", 9}, {"hidden_states", 1}};
  const std::string dumped = text.dump();
  const Result<EngineStates> found = parse_sglang(source_of_text(dumped));
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_EQ(found->prompt_tokens, 2U);
}

// Nothing that engines are known to do makes more rows.
TEST(Sglang, OfTooManyRowsNoCauseIsNamed) {
  Json text = response();
  states(text).push_back({1.0, 1.0});
  const std::string dumped = text.dump();
  EXPECT_EQ(parse_sglang(source_of_text(dumped)).error().reason,
            "5 rows for 2 tokens of the prompt and 3 produced, 4 are needed");
}

TEST(Sglang, IdsHave32Bits) {
  const auto with_id = [](std::uint64_t id) {
    Json text = response();
    text["output_ids"][1] = id;
    const std::string dumped = text.dump();
    return parse_sglang(source_of_text(dumped));
  };
  const Result<EngineStates> largest = with_id(UINT32_MAX);
  ASSERT_TRUE(largest.ok()) << largest.error().to_string();
  EXPECT_THAT(largest->produced_ids, testing::ElementsAre(5U, UINT32_MAX, 7U));
  expect_error(with_id(std::uint64_t{UINT32_MAX} + 1), ErrorCode::kOutOfRange,
               "an integer from 0 to 4294967295 is expected here");
}

TEST(Sglang, ANumberOfManyDigitsIsNoFloat) {
  Json text = response();
  states(text)[1][0] = 12345;
  std::string dumped = text.dump();
  dumped.replace(dumped.find("12345"), 5, std::string(300, '9'));
  expect_error(parse_sglang(source_of_text(dumped)), ErrorCode::kOutOfRange, "is not a float32");
}

TEST(Sglang, CountsAreOfAtMost16777216Rows) {
  const auto with_count = [](std::uint64_t count) {
    Json text = response();
    meta(text)["prompt_tokens"] = count;
    const std::string dumped = text.dump();
    return parse_sglang(source_of_text(dumped));
  };
  expect_error(with_count(16777216), ErrorCode::kMismatch, "4 rows for 16777216 tokens of the prompt");
  expect_error(with_count(16777217), ErrorCode::kOutOfRange,
               "an integer from 0 to 16777216 is expected here");
}

TEST(Sglang, ProducesAtMost16777216Ids) {
  std::string text = R"({"output_ids":[0)";
  for (int i = 0; i < 16777216; ++i) text += ",0";
  // At the last of them, and not before.
  expect_error(parse_sglang(source_of_text(text)), ErrorCode::kTooLarge,
               "response.json: before byte " + std::to_string(text.size()) + ": too many ids");
}

/// Two layers of three tokens, two values wide.
struct Connector {
  std::vector<float> states = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  std::vector<std::int64_t> ids = {3, 1, 4};
  Shape shape = {3, 2, 2};
  std::string name = "token_ids";
  std::string states_name = "hidden_states";

  [[nodiscard]] std::filesystem::path write(const TempDir& directory) const {
    const TensorView rows{states_name,
                          Dtype::kF32,
                          shape,
                          {reinterpret_cast<const std::uint8_t*>(states.data()), states.size() * 4},
                          {}};
    const TensorView tokens{name,
                            Dtype::kI64,
                            {ids.size()},
                            {reinterpret_cast<const std::uint8_t*>(ids.data()), ids.size() * 8},
                            {}};
    const std::filesystem::path path = directory / "request.safetensors";
    const std::vector<TensorView> both = {rows, tokens};
    EXPECT_TRUE(write_safetensors(path, both, {}).ok());
    return path;
  }
};

TEST(Vllm, LayersByTokens) {
  const TempDir directory;
  const std::filesystem::path path = Connector{}.write(directory);
  const EngineStates states = read_engine_states(path)->value();
  EXPECT_EQ(to_string(states.engine), "vLLM");
  EXPECT_THAT(states.fed_ids, testing::ElementsAre(3, 1, 4));
  ASSERT_EQ(states.layers.size(), 2U);
  EXPECT_EQ(states.layers[1].name, "layer_1");
  EXPECT_EQ(states.layers[1].shape, (Shape{3, 2}));
  EXPECT_THAT(floats_of(states.layers[0]), testing::ElementsAre(1, 2, 5, 6, 9, 10));
  EXPECT_THAT(floats_of(states.layers[1]), testing::ElementsAre(3, 4, 7, 8, 11, 12));
  const std::vector<TensorView> capture = open_capture(path).value();
  ASSERT_EQ(capture.size(), 2U);
  EXPECT_TRUE(std::ranges::equal(capture[0].bytes, states.layers[0].bytes));
}

TEST(Vllm, FaultyFiles) {
  const TempDir directory;
  const auto refused = [&](const Connector& connector) {
    const auto found = read_engine_states(connector.write(directory));
    return found.ok() ? "" : found.error().place + ": " + found.error().reason;
  };
  EXPECT_THAT(refused({.ids = {3, 1}}), HasSubstr("3 rows for 2 ids; vLLM writes too few with prefix"));
  EXPECT_THAT(refused({.ids = {3, 1, 4, 1}}), HasSubstr("3 rows for 4 ids"));
  EXPECT_THAT(refused({.ids = {3, -1, 4}}), HasSubstr("-1 is not the id"));
  EXPECT_THAT(refused({.ids = {3, std::int64_t{1} << 32, 4}}), HasSubstr("4294967296 is not the id"));
  EXPECT_EQ(refused({.ids = {3, (std::int64_t{1} << 32) - 1, 4}}), "");
  EXPECT_EQ(refused({.ids = {0, 1, 4}}), "");
  EXPECT_THAT(refused({.states = {1, 2, 3, 4, 5, 6, 0, -0.0F, 9, 10, 11, 12}}),
              HasSubstr("layer 1, row 1 is all zeros"));
  EXPECT_THAT(refused({.shape = {3, 4}}), HasSubstr("(tokens, layers, width)"));
  EXPECT_THAT(refused({.states = {}, .ids = {}, .shape = {0, 2, 2}}), HasSubstr("has no values"));
  EXPECT_EQ(refused({.name = "other"}), "") << "is none of an engine";
  EXPECT_EQ(refused({.states_name = "other"}), "") << "is none of an engine";
  EXPECT_FALSE(read_engine_states(directory / "none").ok());
}

// Of bytes that are values of any type, and none that is zero.
TEST(Vllm, TypesAndShapes) {
  const Bytes ones(16, 1);
  const auto parsed = [&](Dtype of_states, Dtype of_ids, const Shape& shape_of_ids) {
    TensorFile file;
    file.tensors = {{"hidden_states", of_states, {2, 1, 1}, ByteSpan(ones).first(2 * size_of(of_states)), {}},
                    {"token_ids", of_ids, shape_of_ids, ByteSpan(ones).first(2 * size_of(of_ids)), {}}};
    return parse_vllm(source_of({}), file);
  };
  EXPECT_THAT(parsed(Dtype::kF32, Dtype::kI32, {2})->value().fed_ids,
              testing::ElementsAre(0x01010101, 0x01010101));
  const std::string expected = "; floats (tokens, layers, width) and integers (tokens) are expected";
  expect_error(parsed(Dtype::kF64, Dtype::kI32, {2}), ErrorCode::kMalformed,
               "test: hidden_states of float64 (2, 1, 1), token_ids of int32 (2)" + expected);
  expect_error(parsed(Dtype::kF32, Dtype::kF32, {2}), ErrorCode::kMalformed,
               "test: hidden_states of float32 (2, 1, 1), token_ids of float32 (2)" + expected);
  expect_error(parsed(Dtype::kF32, Dtype::kI32, {2, 1}), ErrorCode::kMalformed,
               "test: hidden_states of float32 (2, 1, 1), token_ids of int32 (2, 1)" + expected);
}

TEST(Capture, OfFilesThatAreOfNoEngine) {
  const TempDir directory;
  const std::filesystem::path path = Connector{.name = "other"}.write(directory);
  EXPECT_FALSE(read_engine_states(path)->has_value());
  EXPECT_FALSE(read_engine_states(Connector{.states_name = "other"}.write(directory))->has_value());
  EXPECT_EQ(open_capture(path)->size(), 1U) << "the floats";
  const std::filesystem::path text = directory / "response.json";
  std::ofstream(text) << response().dump();
  EXPECT_EQ(open_capture(text)->at(0).shape, (Shape{4, 2}));
  std::ofstream(text) << "neither";
  EXPECT_EQ(open_capture(text).error().code, ErrorCode::kMalformed);
}

TEST(Capture, OfIntegersAloneIsRefused) {
  const std::filesystem::path path = vector_path("i64_v2.npy");
  expect_error(open_capture(path), ErrorCode::kUnsupported,
               path.string() + ": holds int64 alone, and a capture is of floating-point values");
  expect_error(open_capture(vector_path("object_small.npy")), ErrorCode::kUnsupported,
               "holds Python integers alone");
}

TEST(Capture, OfNoTensorsHasNoLayers) {
  const TempDir directory;
  const std::filesystem::path path = directory / "none.safetensors";
  ASSERT_TRUE(write_safetensors(path, {}, {}).ok());
  const Result<std::vector<TensorView>> layers = open_capture(path);
  ASSERT_TRUE(layers.ok()) << layers.error().to_string();
  EXPECT_TRUE(layers->empty());
}

}  // namespace
}  // namespace assay::tensor
