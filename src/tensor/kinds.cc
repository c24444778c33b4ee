#include "tensor/kinds.h"

#include <array>

#include "assay/tensor.h"
#include "assay/tensor_engines.h"
#include "base/file.h"
#include "base/try.h"
#include "tensor/source.h"

namespace assay::tensor {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Json fields_of(const Metadata& metadata) {
  Json fields = Json::object();
  for (const auto& [name, value] : metadata) fields[name] = value;
  return fields;
}

Json entry(const std::string& name, std::string_view dtype, const Shape& shape) {
  return {{"name", name}, {"dtype", dtype}, {"shape", shape}};
}

// By the header alone, as element types may be ones that no values are read of.
Result<Json> read_safetensors(const fs::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const StoredFile stored = ASSAY_TRY(parse_stored(Source{file.bytes(), nullptr, path.string()}));
  Json tensors = Json::array();
  for (const StoredTensor& tensor : stored.tensors)
    tensors.push_back(entry(tensor.name, tensor.dtype, tensor.shape));
  return Json{{"count", tensors.size()}, {"tensors", tensors}, {"metadata", fields_of(stored.metadata)}};
}

Result<Json> read_response(const fs::path& path) {
  const std::optional<EngineStates> states = ASSAY_TRY(read_engine_states(path));
  if (!states) return Error{ErrorCode::kMalformed, path.string(), "no response of SGLang with hidden states"};
  Json layers = Json::array();
  for (const TensorView& layer : states->layers)
    layers.push_back(entry(layer.name, short_name(layer.dtype), layer.shape));
  return Json{{"tensors", layers},
              {"prompt_tokens", states->prompt_tokens},
              {"completion_tokens", states->completion_tokens}};
}

// Also where the size of the header is wrong, for the reader to say.
bool is_safetensors(const Glance& glance) { return glance.head.size() > 8 && glance.head[8] == '{'; }

constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "\x93NUMPY", "array of numpy", read_tensors},
    FileKind{Mark::kBytes, "PK\3\4", "tensors of torch", read_tensors},
    FileKind{Mark::kBytes, kOldTorchMagic, "tensors of an old torch", read_tensors},
    FileKind{Mark::kMetadata, "assay/vllm/rows/v", "rows of vLLM", read_safetensors},
    FileKind{Mark::kFields, "meta_info", "response of SGLang", read_response},
    FileKind{Mark::kOther, "a size, then a JSON object", "tensors", read_safetensors, is_safetensors},
};

}  // namespace

Result<Json> read_tensors(const fs::path& path) {
  const TensorFile file = ASSAY_TRY(open(path));
  Json tensors = Json::array();
  for (const TensorView& tensor : file.tensors)
    tensors.push_back(entry(tensor.name, short_name(tensor.dtype), tensor.shape));
  for (const IntegerTensor& tensor : file.integer_tensors)
    tensors.push_back(entry(tensor.name, "python integers", tensor.shape));
  return Json{{"container", to_string(file.container)},
              {"count", tensors.size()},
              {"tensors", tensors},
              {"metadata", fields_of(file.metadata)}};
}

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::tensor
