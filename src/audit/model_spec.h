// How a model computes what lies between its products, as its config.json says it.
#pragma once

#include <cstdint>
#include <string>

#include "assay/weights.h"
#include "base/wire.h"

namespace assay::audit::internal {

enum class Family : std::uint8_t {
  kOther = 0,  ///< products alone are checked
  kLlama = 1,  ///< llama, mistral, qwen2, qwen3: RMSNorm, rotary positions, a gated MLP
  kGemma = 2,  ///< likewise, with 1 + w in the norm and a scaled embedding
  kGpt2 = 3,   ///< LayerNorm, learned positions, one activation
};

enum class Activation : std::uint8_t { kSilu = 0, kGeluTanh = 1, kGeluNew = 2, kGeluErf = 3 };

struct ModelSpec {
  Family family = Family::kOther;
  std::string why_other;  ///< why nothing but products is checked; "" where more is
  std::uint32_t heads = 0;
  std::uint32_t kv_heads = 0;
  std::uint32_t head_size = 0;
  std::uint32_t hidden = 0;
  double norm_epsilon = 0;
  double rope_theta = 0;
  std::string attention_left_out;  ///< why attention is not checked; "" where it is
  bool head_norms = false;         ///< norms of q and k by head, as qwen3 has them
  std::uint64_t window = 0;        ///< positions that attention sees, 0: all
  Activation activation = Activation::kSilu;

  /// Errors: kMalformed, kOutOfRange (config.json).
  [[nodiscard]] static Result<ModelSpec> of(const weights::Folder& folder);

  void write(WireWriter& writer) const;
  /// Errors: kMalformed, kOutOfRange.
  [[nodiscard]] static Result<ModelSpec> read(WireReader& reader);
  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};

}  // namespace assay::audit::internal
