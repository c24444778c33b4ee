#include "tensor/engines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "base/try.h"
#include "tensor/load.h"

namespace assay::tensor {
namespace {

constexpr std::string_view kStates = "hidden_states";
constexpr std::string_view kTokens = "token_ids";

std::string text_of(const Shape& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

Result<std::vector<std::uint32_t>> ids_of(const Source& source, const TensorView& tensor) {
  const bool wide = tensor.dtype == Dtype::kI64;
  std::vector<std::uint32_t> ids(tensor.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::int64_t id =
        wide ? load_at<std::int64_t>(tensor.bytes, 8 * i) : load_at<std::int32_t>(tensor.bytes, 4 * i);
    if (id < 0 || id > UINT32_MAX)
      return source.error(ErrorCode::kOutOfRange, kTokens, fmt::format("{} is not the id of a token", id));
    ids[i] = static_cast<std::uint32_t>(id);
  }
  return ids;
}

/// One layer of states (tokens, layers, width). Errors: kMismatch (a row of zeros).
Result<TensorView> layer_of(const Source& source, const TensorView& states, std::uint64_t layer) {
  const std::uint64_t tokens = states.shape[0];
  const std::uint64_t layers = states.shape[1];
  const std::size_t row_bytes = states.shape[2] * size_of(states.dtype);
  const auto kept = std::make_shared<Bytes>(tokens * row_bytes);
  // Of a float, but for its sign.
  const auto is_nothing = [&](ByteSpan row) {
    const std::size_t size = size_of(states.dtype);
    for (std::size_t i = 0; i < row.size(); ++i)
      if ((i % size == size - 1 ? row[i] & 0x7f : row[i]) != 0) return false;
    return true;
  };
  for (std::uint64_t token = 0; token < tokens; ++token) {
    const ByteSpan row = states.bytes.subspan((token * layers + layer) * row_bytes, row_bytes);
    if (is_nothing(row))
      return source.error(ErrorCode::kMismatch, kStates,
                          fmt::format("layer {}, row {} is all zeros: its state was lost", layer, token));
    std::ranges::copy(row, kept->begin() + static_cast<std::ptrdiff_t>(token * row_bytes));
  }
  return TensorView{fmt::format("layer_{}", layer), states.dtype, {tokens, states.shape[2]}, *kept, kept};
}

}  // namespace

std::string_view to_string(Engine engine) { return engine == Engine::kVllm ? "vLLM" : "SGLang"; }

Result<std::optional<EngineStates>> parse_vllm(const Source& source, const TensorFile& file) {
  const TensorView* states = file.find(kStates);
  const TensorView* ids = file.find(kTokens);
  if (file.container != Container::kSafetensors || states == nullptr || ids == nullptr)
    return std::optional<EngineStates>();
  const bool is_integer = ids->dtype == Dtype::kI64 || ids->dtype == Dtype::kI32;
  const bool is_state = is_float(states->dtype) && states->dtype != Dtype::kF64;
  if (!is_state || states->shape.size() != 3 || !is_integer || ids->shape.size() != 1)
    return source.malformed(
        "", fmt::format("{} of {} {}, {} of {} {}; floats (tokens, layers, width) and integers (tokens) are "
                        "expected",
                        kStates, short_name(states->dtype), text_of(states->shape), kTokens,
                        short_name(ids->dtype), text_of(ids->shape)));
  if (states->bytes.empty()) return source.malformed(kStates, "has no values");
  if (states->shape[0] != ids->shape[0])
    return source.error(
        ErrorCode::kMismatch, kStates,
        fmt::format("{} rows for {} ids; vLLM writes too few with prefix caching: run it with "
                    "enable_prefix_caching=False",
                    states->shape[0], ids->shape[0]));
  EngineStates out;
  out.engine = Engine::kVllm;
  out.fed_ids = ASSAY_TRY(ids_of(source, *ids));
  for (std::uint64_t layer = 0; layer < states->shape[1]; ++layer)
    out.layers.push_back(ASSAY_TRY(layer_of(source, *states, layer)));
  return std::optional(std::move(out));
}

Result<std::optional<EngineStates>> parse_engine(const Source& source) {
  if (looks_like_json(source.bytes)) return std::optional(ASSAY_TRY(parse_sglang(source)));
  return parse_vllm(source, ASSAY_TRY(parse_any(source)));
}

Result<std::optional<EngineStates>> read_engine_states(const std::filesystem::path& path) {
  return parse_engine(ASSAY_TRY(map_source(path)));
}

Result<std::vector<TensorView>> open_capture(const std::filesystem::path& path) {
  const Source source = ASSAY_TRY(map_source(path));
  if (std::optional<EngineStates> states = ASSAY_TRY(parse_engine(source))) return std::move(states->layers);
  const TensorFile file = ASSAY_TRY(parse_any(source));
  std::vector<TensorView> layers = file.layers();
  if (layers.empty() && !(file.tensors.empty() && file.integer_tensors.empty()))
    return Error{
        ErrorCode::kUnsupported, path.string(),
        fmt::format("holds {} alone, and a capture is of floating-point values",
                    file.tensors.empty() ? "Python integers" : short_name(file.tensors.front().dtype))};
  return layers;
}

}  // namespace assay::tensor
