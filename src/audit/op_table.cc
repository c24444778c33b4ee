// Which wires the linear layers of a folder lie between, by their names.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "assay/audit.h"
#include "base/try.h"

namespace assay::audit {
namespace {

struct KnownOp {
  std::string_view name;
  Role input;
  Role output;
};

// The names that weights/layer_order.cc lists, each by what it computes.
constexpr std::array<KnownOp, 39> kLayers = {{
    {"self_attn.q_proj", Role::kQkvInput, Role::kQ},
    {"self_attn.k_proj", Role::kQkvInput, Role::kK},
    {"self_attn.v_proj", Role::kQkvInput, Role::kV},
    {"self_attn.o_proj", Role::kOInput, Role::kO},
    {"self_attn.out_proj", Role::kOInput, Role::kO},
    {"self_attn.dense", Role::kOInput, Role::kO},
    {"self_attn.qkv_proj", Role::kQkvInput, Role::kQkv},
    {"self_attn.query_key_value", Role::kQkvInput, Role::kQkv},
    {"mlp.gate_proj", Role::kMlpInput, Role::kGate},
    {"mlp.up_proj", Role::kMlpInput, Role::kUp},
    {"mlp.gate_up_proj", Role::kMlpInput, Role::kGateUp},
    {"mlp.down_proj", Role::kDownInput, Role::kDown},
    {"fc1", Role::kMlpInput, Role::kUp},
    {"fc2", Role::kDownInput, Role::kDown},
    {"mlp.fc1", Role::kMlpInput, Role::kUp},
    {"mlp.fc2", Role::kDownInput, Role::kDown},
    {"attn.c_attn", Role::kQkvInput, Role::kQkv},
    {"attn.c_proj", Role::kOInput, Role::kO},
    {"mlp.c_fc", Role::kMlpInput, Role::kUp},
    {"mlp.c_proj", Role::kDownInput, Role::kDown},
    {"attention.query_key_value", Role::kQkvInput, Role::kQkv},
    {"attention.dense", Role::kOInput, Role::kO},
    {"self_attention.query_key_value", Role::kQkvInput, Role::kQkv},
    {"self_attention.dense", Role::kOInput, Role::kO},
    {"mlp.dense_h_to_4h", Role::kMlpInput, Role::kUp},
    {"mlp.dense_4h_to_h", Role::kDownInput, Role::kDown},
    {"attn.q_proj", Role::kQkvInput, Role::kQ},
    {"attn.k_proj", Role::kQkvInput, Role::kK},
    {"attn.v_proj", Role::kQkvInput, Role::kV},
    {"attn.out_proj", Role::kOInput, Role::kO},
    {"attn.qkv_proj", Role::kQkvInput, Role::kQkv},
    {"attn.Wqkv", Role::kQkvInput, Role::kQkv},
    {"mlp.fc_in", Role::kMlpInput, Role::kUp},
    {"mlp.fc_out", Role::kDownInput, Role::kDown},
    {"attn.attention.q_proj", Role::kQkvInput, Role::kQ},
    {"attn.attention.k_proj", Role::kQkvInput, Role::kK},
    {"attn.attention.v_proj", Role::kQkvInput, Role::kV},
    {"attn.attention.out_proj", Role::kOInput, Role::kO},
    {"ffn.up_proj", Role::kMlpInput, Role::kUp},
}};
constexpr KnownOp kFfnDown{"ffn.down_proj", Role::kDownInput, Role::kDown};

const KnownOp* known_layer(std::string_view name) {
  if (name == kFfnDown.name) return &kFfnDown;
  const auto* found = std::ranges::find(kLayers, name, &KnownOp::name);
  return found == kLayers.end() ? nullptr : found;
}

std::string bias_of(const weights::Folder& folder, const std::string& weight) {
  const std::string name = weight.substr(0, weight.size() - std::string_view("weight").size()) + "bias";
  return folder.find(name) == nullptr ? std::string() : name;
}

Result<Op> op_of(const weights::Folder& folder, const tensor::StoredTensor& weight, bool transposed,
                 const Wire& input, const Wire& output) {
  // Of an element type that values are read of.
  static_cast<void>(ASSAY_TRY(tensor::view_of(weight)));
  const std::uint64_t rows = weight.shape[0];
  const std::uint64_t columns = weight.shape[1];
  Op op{input,
        output,
        weight.name,
        bias_of(folder, weight.name),
        transposed,
        transposed ? rows : columns,
        transposed ? columns : rows};
  if (op.bias.empty()) return op;
  if (folder.find(op.bias)->shape != tensor::Shape{op.out})
    return Error{ErrorCode::kMismatch, op.bias, fmt::format("is not a vector of {} values", op.out)};
  return op;
}

/// The matrix that gives the logits: the output layer, else the embedding that it is tied to.
const tensor::StoredTensor* find_head(const weights::Folder& folder, const std::string& stack) {
  const std::size_t dot = stack.rfind('.');
  const std::string prefix = dot == std::string::npos ? "" : stack.substr(0, dot + 1);
  for (const std::string& name :
       {std::string("lm_head.weight"), std::string("embed_out.weight"), prefix + "embed_tokens.weight",
        prefix + "wte.weight", prefix + "embed_in.weight", prefix + "word_embeddings.weight"}) {
    const tensor::StoredTensor* found = folder.find(name);
    if (found != nullptr && found->shape.size() == 2) return found;
  }
  return nullptr;
}

Status add_block(const weights::Folder& folder, const weights::Block& block, std::uint32_t index,
                 OpTable& table) {
  for (const weights::Layer& layer : block.layers) {
    const KnownOp* known = known_layer(layer.name);
    if (known == nullptr || layer.kind == weights::Layer::Kind::kConv2d) {
      table.left_out.push_back(layer.weight.name);
      continue;
    }
    table.ops.push_back(ASSAY_TRY(op_of(folder, layer.weight, layer.kind == weights::Layer::Kind::kConv1d,
                                        {index, known->input}, {index, known->output})));
  }
  return {};
}

}  // namespace

std::optional<LayerRoles> roles_of_layer(std::string_view name) {
  const KnownOp* known = known_layer(name);
  if (known == nullptr) return std::nullopt;
  return LayerRoles{known->input, known->output};
}

Result<OpTable> OpTable::of(const weights::Folder& folder) {
  const weights::Stack stack = ASSAY_TRY(folder.stack());
  OpTable table;
  table.model_type = folder.config().model_type;
  table.blocks = static_cast<std::uint32_t>(stack.blocks.size());
  for (std::uint32_t i = 0; i < table.blocks; ++i) ASSAY_TRY(add_block(folder, stack.blocks[i], i, table));
  const std::string place = folder.path().string();
  if (table.ops.empty())
    return Error{ErrorCode::kMismatch, place, "no linear layer of its blocks has a name that is known here"};
  const tensor::StoredTensor* head = find_head(folder, stack.name);
  if (head == nullptr)
    return Error{ErrorCode::kMismatch, place, "it has neither an output layer nor an embedding"};
  table.ops.push_back(ASSAY_TRY(
      op_of(folder, *head, false, {Wire::kNoBlock, Role::kFinalNorm}, {Wire::kNoBlock, Role::kLogits})));
  std::ranges::sort(table.ops, {}, &Op::output);
  const auto twice = std::ranges::adjacent_find(table.ops, {}, &Op::output);
  if (twice != table.ops.end())
    return Error{ErrorCode::kMismatch, place,
                 fmt::format("{} and {} give one wire", twice->weight, std::next(twice)->weight)};
  return table;
}

const Op* OpTable::find(const Wire& output) const {
  const auto found = std::ranges::lower_bound(ops, output, {}, &Op::output);
  return found != ops.end() && found->output == output ? &*found : nullptr;
}

}  // namespace assay::audit
