#include "audit/model_spec.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "base/json_fields.h"

namespace assay::audit::internal {
namespace {

constexpr std::uint32_t kMaxSize = 1U << 24;

struct KnownFamily {
  std::string_view model_type;
  Family family;
  bool head_norms;
};
constexpr std::array<KnownFamily, 6> kFamilies = {{{"llama", Family::kLlama, false},
                                                   {"mistral", Family::kLlama, false},
                                                   {"qwen2", Family::kLlama, false},
                                                   {"qwen3", Family::kLlama, true},
                                                   {"gemma", Family::kGemma, false},
                                                   {"gpt2", Family::kGpt2, false}}};

std::optional<Activation> activation_of(std::string_view name) {
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu_pytorch_tanh" || name == "gelu_fast_tanh") return Activation::kGeluTanh;
  if (name == "gelu_new") return Activation::kGeluNew;
  if (name == "gelu") return Activation::kGeluErf;
  return std::nullopt;
}

/// The fields of config.json, each with the value that the model's program takes where it is missing.
class ConfigReader {
 public:
  explicit ConfigReader(const JsonFields& fields) : fields_(fields) {}

  [[nodiscard]] bool has(std::string_view name) const {
    return fields_.has(name) && !fields_[name].is_null();
  }
  [[nodiscard]] Result<std::uint32_t> size(std::string_view name, std::uint32_t otherwise) const {
    if (!has(name)) return otherwise;
    return fields_[name].integer<std::uint32_t>(1, kMaxSize);
  }
  [[nodiscard]] Result<double> real(std::string_view name, double otherwise) const {
    if (!has(name)) return otherwise;
    return fields_[name].real(0);
  }
  [[nodiscard]] Result<std::string> text(std::string_view name, std::string_view otherwise) const {
    if (!has(name)) return std::string(otherwise);
    return fields_[name].text(256);
  }
  [[nodiscard]] Result<bool> boolean(std::string_view name, bool otherwise) const {
    if (!has(name)) return otherwise;
    return fields_[name].boolean();
  }
  [[nodiscard]] const JsonFields& fields() const { return fields_; }

 private:
  const JsonFields& fields_;
};

/// Theta, and why the rotation is none that is known here. Older files have rope_theta and rope_scaling,
/// newer ones both within rope_parameters.
Status read_rotation(const ConfigReader& config, ModelSpec& spec) {
  spec.rope_theta = ASSAY_TRY(config.real("rope_theta", 10000));
  for (const std::string_view name : {"rope_scaling", "rope_parameters"}) {
    if (!config.has(name)) continue;
    const JsonFields fields = ASSAY_TRY(config.fields()[name].open_fields());
    const ConfigReader inner(fields);
    spec.rope_theta = ASSAY_TRY(inner.real("rope_theta", spec.rope_theta));
    const std::string old_type = ASSAY_TRY(inner.text("type", "default"));
    const std::string type = ASSAY_TRY(inner.text("rope_type", old_type));
    if (type != "default") spec.attention_left_out = fmt::format("rotary positions of type '{}'", type);
  }
  if (ASSAY_TRY(config.real("partial_rotary_factor", 1)) != 1)
    spec.attention_left_out = "rotary positions of a part of each head";
  if (spec.head_size % 2 != 0) spec.attention_left_out = "heads of odd size";
  return {};
}

Status read_window(const ConfigReader& config, std::string_view model_type, ModelSpec& spec) {
  // Qwen's files name a window that is used only where this says so, and then not in all blocks.
  if (model_type.starts_with("qwen")) {
    if (ASSAY_TRY(config.boolean("use_sliding_window", false)))
      spec.attention_left_out = "a window of attention in some of the blocks";
    return {};
  }
  if (model_type == "mistral") spec.window = ASSAY_TRY(config.size("sliding_window", 0));
  return {};
}

Status read_gpt2(const ConfigReader& config, ModelSpec& spec) {
  spec.hidden = ASSAY_TRY(config.size("n_embd", 768));
  spec.heads = ASSAY_TRY(config.size("n_head", 12));
  spec.kv_heads = spec.heads;
  spec.head_size = spec.hidden / spec.heads;
  spec.norm_epsilon = ASSAY_TRY(config.real("layer_norm_epsilon", 1e-5));
  if (ASSAY_TRY(config.boolean("scale_attn_by_inverse_layer_idx", false)) ||
      !ASSAY_TRY(config.boolean("scale_attn_weights", true)))
    spec.attention_left_out = "attention that is scaled otherwise";
  return {};
}

Status read_llama(const ConfigReader& config, std::string_view model_type, ModelSpec& spec) {
  const bool gemma = spec.family == Family::kGemma;
  spec.hidden = ASSAY_TRY(config.size("hidden_size", gemma ? 3072 : 4096));
  spec.heads = ASSAY_TRY(config.size("num_attention_heads", gemma ? 16 : 32));
  spec.kv_heads = ASSAY_TRY(config.size("num_key_value_heads", spec.heads));
  const std::uint32_t usual = gemma ? 256 : model_type == "qwen3" ? 128 : spec.hidden / spec.heads;
  spec.head_size = ASSAY_TRY(config.size("head_dim", usual));
  spec.norm_epsilon = ASSAY_TRY(config.real("rms_norm_eps", 1e-6));
  ASSAY_TRY(read_rotation(config, spec));
  return read_window(config, model_type, spec);
}

ModelSpec other(std::string why) {
  ModelSpec spec;
  spec.why_other = std::move(why);
  return spec;
}

}  // namespace

Result<ModelSpec> ModelSpec::of(const weights::Folder& folder) {
  const std::string& model_type = folder.config().model_type;
  const auto* known = std::ranges::find(kFamilies, model_type, &KnownFamily::model_type);
  if (known == kFamilies.end())
    return other(
        fmt::format("what lies between the products of model type '{}' is not known here", model_type));
  const JsonText text =
      ASSAY_TRY(JsonText::read(folder.path() / "config.json", weights::Folder::kMaxJsonBytes));
  const JsonFields fields = ASSAY_TRY(text.root().open_fields());
  const ConfigReader config(fields);
  ModelSpec spec;
  spec.family = known->family;
  spec.head_norms = known->head_norms;
  const bool gpt2 = spec.family == Family::kGpt2;
  std::string activation =
      ASSAY_TRY(config.text(gpt2 ? "activation_function" : "hidden_act", gpt2 ? "gelu_new" : "silu"));
  // Gemma's program takes the tanh form whatever the older name says.
  if (spec.family == Family::kGemma) activation = "gelu_pytorch_tanh";
  const std::optional<Activation> function = activation_of(activation);
  if (!function) return other(fmt::format("the activation '{}' is not known here", activation));
  spec.activation = *function;
  ASSAY_TRY(gpt2 ? read_gpt2(config, spec) : read_llama(config, model_type, spec));
  if (spec.kv_heads > spec.heads || spec.heads % spec.kv_heads != 0)
    return Error{ErrorCode::kOutOfRange, (folder.path() / "config.json").string(),
                 fmt::format("{} heads of q and {} of k and v", spec.heads, spec.kv_heads)};
  return spec;
}

void ModelSpec::write(WireWriter& writer) const {
  writer.u8(static_cast<std::uint8_t>(family)).text(why_other);
  writer.u32(heads).u32(kv_heads).u32(head_size).u32(hidden);
  writer.u64(std::bit_cast<std::uint64_t>(norm_epsilon)).u64(std::bit_cast<std::uint64_t>(rope_theta));
  writer.text(attention_left_out).u8(head_norms ? 1 : 0).u64(window);
  writer.u8(static_cast<std::uint8_t>(activation));
}

Result<ModelSpec> ModelSpec::read(WireReader& reader) {
  constexpr std::size_t kMaxReason = 1024;
  ModelSpec spec;
  const std::uint8_t family = ASSAY_TRY(reader.u8("family"));
  if (family > 3) return reader.error(ErrorCode::kOutOfRange, "family", "there is no such family");
  spec.family = static_cast<Family>(family);
  spec.why_other = ASSAY_TRY(reader.text(kMaxReason, "reason"));
  for (std::uint32_t* size : {&spec.heads, &spec.kv_heads, &spec.head_size, &spec.hidden}) {
    *size = ASSAY_TRY(reader.u32("size"));
    const bool none = spec.family == Family::kOther;
    if (none ? *size != 0 : *size == 0 || *size > kMaxSize)
      return reader.error(ErrorCode::kOutOfRange, "size", "no size of such a model");
  }
  if (spec.family != Family::kOther && (spec.kv_heads > spec.heads || spec.heads % spec.kv_heads != 0))
    return reader.error(ErrorCode::kOutOfRange, "heads", "heads of q are not a multiple of those of k");
  for (double* value : {&spec.norm_epsilon, &spec.rope_theta}) {
    *value = std::bit_cast<double>(ASSAY_TRY(reader.u64("number")));
    if (!(*value >= 0 && *value <= 1e300))
      return reader.error(ErrorCode::kOutOfRange, "number", "not finite");
  }
  spec.attention_left_out = ASSAY_TRY(reader.text(kMaxReason, "reason"));
  const std::uint8_t head_norms = ASSAY_TRY(reader.u8("norms of heads"));
  if (head_norms > 1) return reader.error(ErrorCode::kNonCanonical, "norms of heads", "neither 0 nor 1");
  spec.head_norms = head_norms == 1;
  spec.window = ASSAY_TRY(reader.u64("window"));
  const std::uint8_t activation = ASSAY_TRY(reader.u8("activation"));
  if (activation > 3) return reader.error(ErrorCode::kOutOfRange, "activation", "there is no such function");
  spec.activation = static_cast<Activation>(activation);
  return spec;
}

}  // namespace assay::audit::internal
