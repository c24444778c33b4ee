#include "weights/layer_order.h"

#include <algorithm>
#include <array>
#include <vector>

namespace assay::weights {
namespace {

using Names = std::vector<std::string_view>;

// As transformers registers them; tests/python/weights holds each against a model that it makes. The names
// tell the families apart, so that a family which is not listed here but builds its blocks alike is known
// too. A row that has all names of an earlier one stands behind it.
const std::vector<Names>& orders() {
  static const std::vector<Names> rows = {
      // llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3, olmo2, smollm3, granite, cohere, stablelm
      {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
       "mlp.up_proj", "mlp.down_proj"},
      // opt, xglm, biogpt: not q, k, v
      {"self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj", "fc1", "fc2"},
      // gpt2, openai-gpt, gpt_bigcode
      {"attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"},
      // gpt_neox
      {"attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"},
      // bloom, falcon
      {"self_attention.query_key_value", "self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"},
      // persimmon
      {"self_attn.query_key_value", "self_attn.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"},
      // phi
      {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.dense", "mlp.fc1", "mlp.fc2"},
      // phi3: the output before what it is the output of
      {"self_attn.o_proj", "self_attn.qkv_proj", "mlp.gate_up_proj", "mlp.down_proj"},
      // glm, glm4
      {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_up_proj",
       "mlp.down_proj"},
      // starcoder2
      {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.c_fc",
       "mlp.c_proj"},
      // gptj
      {"attn.k_proj", "attn.v_proj", "attn.q_proj", "attn.out_proj", "mlp.fc_in", "mlp.fc_out"},
      // codegen
      {"attn.qkv_proj", "attn.out_proj", "mlp.fc_in", "mlp.fc_out"},
      // gpt_neo
      {"attn.attention.k_proj", "attn.attention.v_proj", "attn.attention.q_proj", "attn.attention.out_proj",
       "mlp.c_fc", "mlp.c_proj"},
      // mpt
      {"attn.Wqkv", "attn.out_proj", "ffn.up_proj", "ffn.down_proj"},
  };
  return rows;
}

/// Splits off the part before the next dot.
std::string_view next_part(std::string_view& rest) {
  const std::size_t dot = rest.find('.');
  const std::string_view part = rest.substr(0, dot);
  rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  return part;
}

bool is_number(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::span<const std::string_view> registered_order(std::span<const std::string> names) {
  for (const Names& row : orders()) {
    const auto has = [&](std::string_view name) { return std::ranges::find(row, name) != row.end(); };
    if (std::ranges::all_of(names, has)) return row;
  }
  return {};
}

bool is_stored_transposed(std::string_view model_type) {
  constexpr std::array<std::string_view, 3> kOfConv1d = {"gpt2", "openai-gpt", "decision_transformer"};
  return std::ranges::find(kOfConv1d, model_type) != kOfConv1d.end();
}

bool is_name_less(std::string_view a, std::string_view b) {
  const std::size_t length_a = a.size();
  const std::size_t length_b = b.size();
  while (!a.empty() && !b.empty()) {
    const std::string_view x = next_part(a);
    const std::string_view y = next_part(b);
    if (x == y) continue;
    if (is_number(x) != is_number(y)) return is_number(x);
    // Without leading zeros, the longer number is the larger one.
    if (is_number(x) && x.size() != y.size()) return x.size() < y.size();
    return x < y;
  }
  return length_a < length_b;
}

}  // namespace assay::weights
