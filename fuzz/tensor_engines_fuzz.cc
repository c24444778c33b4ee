// Any bytes as a file of an inference engine: refused, or states of as many rows as there are tokens, none of
// them zeros.
#include <cmath>
#include <cstdlib>

#include "tensor/engines.h"
#include "tensor/float_values.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay::tensor;
  const auto found = parse_engine(Source{{data, size}, {}, "fuzz"});
  if (!found || !found->has_value()) return 0;
  const EngineStates& states = **found;
  const bool sglang = states.engine == Engine::kSglang;
  if (states.layers.empty() || (sglang && states.layers.size() != 1)) std::abort();
  const std::uint64_t rows =
      sglang ? states.prompt_tokens + states.completion_tokens - 1 : states.fed_ids.size();
  for (const TensorView& layer : states.layers) {
    if (layer.shape.size() != 2 || layer.shape[0] != rows) std::abort();
    if (rows * layer.shape[1] * size_of(layer.dtype) != layer.bytes.size()) std::abort();
    std::vector<double> row(layer.shape[1]);
    for (std::uint64_t i = 0; i < rows; ++i) {
      if (!read_floats(layer, i * row.size(), 1, row).ok()) continue;  // NaN and Inf are states too
      bool nothing = true;
      for (const double value : row) nothing = nothing && value == 0;
      if (nothing) std::abort();
    }
  }
  if (!states.produced_ids.empty() && states.produced_ids.size() != states.completion_tokens) std::abort();
  return 0;
}
