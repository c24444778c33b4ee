// Hidden states as inference engines hand them out: files of vLLM's connector, responses of SGLang.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/tensor.h"

namespace assay::tensor {

enum class Engine : std::uint8_t { kVllm, kSglang };

/// "vLLM", "SGLang".
[[nodiscard]] std::string_view to_string(Engine engine);

/// The states of one request. A row is the state of a token that was fed; the last token that was produced
/// was not fed, so that row j belongs to the token behind the j-th.
struct EngineStates {
  Engine engine = Engine::kVllm;
  /// (tokens, width) each. vLLM: the residual stream at the layers that it was told to extract, before any
  /// norm, "layer_0", "layer_1", .. by their place in the file. SGLang: "hidden_states", what the head reads;
  /// bfloat16 where all values are such, else float32.
  std::vector<TensorView> layers;
  std::vector<std::uint32_t> fed_ids;       ///< vLLM alone: one of each row
  std::uint64_t prompt_tokens = 0;          ///< SGLang alone
  std::uint64_t completion_tokens = 0;      ///< SGLang alone
  std::vector<std::uint32_t> produced_ids;  ///< SGLang alone; empty where the response does not say them
};

/// A safetensors file with `hidden_states` (tokens, layers, width) and `token_ids`, as vLLM's
/// ExampleHiddenStatesConnector writes it; or JSON, a response of SGLang's /generate with
/// `meta_info.hidden_states`; nothing where it is neither. Rows that engines are known to lose are refused.
/// Errors: those of open; kMalformed; kMismatch (fewer or more rows than tokens; a row of zeros; a batch of
/// responses); kOutOfRange (ids, numbers), kTooLarge.
[[nodiscard]] Result<std::optional<EngineStates>> read_engine_states(const std::filesystem::path& path);

/// The layers of a capture: those of an engine's file, else TensorFile::layers. Errors: as
/// read_engine_states.
[[nodiscard]] Result<std::vector<TensorView>> open_capture(const std::filesystem::path& path);

}  // namespace assay::tensor
