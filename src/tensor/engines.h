// The readers of tensor_engines.h on plain bytes, for tests and fuzzers.
#pragma once

#include <algorithm>
#include <string_view>

#include "assay/tensor_engines.h"
#include "tensor/source.h"

namespace assay::tensor {

/// Whether bytes can be JSON and no safetensors file, whose first eight bytes are a small number.
[[nodiscard]] inline bool looks_like_json(ByteSpan bytes) {
  if (bytes.empty() || (bytes[0] != '{' && bytes[0] != '[')) return false;
  return bytes.size() < 8 || bytes[7] != 0;
}

[[nodiscard]] Result<EngineStates> parse_sglang(const Source& source);
/// Nothing where the file has not both tensors.
[[nodiscard]] Result<std::optional<EngineStates>> parse_vllm(const Source& source, const TensorFile& file);

/// Either, by content.
[[nodiscard]] Result<std::optional<EngineStates>> parse_engine(const Source& source);

}  // namespace assay::tensor
