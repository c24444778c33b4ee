#include "base/file.h"
#include "base/try.h"
#include "tensor/npy_header.h"
#include "tensor/source.h"

namespace assay::tensor {

Result<Source> map_source(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(ASSAY_TRY(MappedFile::open(path)));
  const ByteSpan bytes = file->bytes();
  return Source{bytes, std::move(file), path.string()};
}

std::string_view to_string(Container container) {
  switch (container) {
    case Container::kSafetensors:
      return "safetensors";
    case Container::kNpy:
      return "npy";
    case Container::kTorch:
      return "pt";
    case Container::kGotact:
      return "gotact";
    case Container::kGotue:
      break;
  }
  return "gotue";
}

const TensorView* TensorFile::find(std::string_view name) const {
  for (const TensorView& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

std::string_view TensorFile::metadata_value(std::string_view key) const {
  for (const auto& [name, value] : metadata) {
    if (name == key) return value;
  }
  return {};
}

std::vector<TensorView> TensorFile::layers() const {
  std::vector<TensorView> layers;
  for (const std::size_t i : hidden_states) layers.push_back(tensors[i]);
  if (!layers.empty()) return layers;
  for (const TensorView& tensor : tensors) {
    if (is_float(tensor.dtype)) layers.push_back(tensor);
  }
  return layers;
}

Result<TensorFile> parse_any(const Source& source) {
  const std::string_view start(reinterpret_cast<const char*>(source.bytes.data()), source.bytes.size());
  if (start.starts_with(kNpyMagic)) return parse_npy(source);
  if (start.starts_with("PK\3\4")) return parse_torch(source);
  if (start.starts_with(kOldTorchMagic))
    return source.error(ErrorCode::kUnsupported, "",
                        "written as torch before 1.6 did: load it there and torch.save it again");
  if (start.starts_with("GGUF"))
    return source.error(ErrorCode::kUnsupported, "",
                        "a GGUF model, whose tensors are not read here: assay capture --model takes it");
  if (start.starts_with(kGotactMagic)) return parse_gotact(source);
  if (start.starts_with(kGotueMagic)) return parse_gotue(source);
  if (start.size() > 8 && start[8] == '{') return parse_safetensors(source);
  return source.malformed("", "not a safetensors, .npy, torch .pt, .gotact or .gotue file");
}

Result<TensorFile> open(const std::filesystem::path& path) { return parse_any(ASSAY_TRY(map_source(path))); }

Result<std::vector<StoredTensor>> list_safetensors(const std::filesystem::path& path) {
  const Source source = ASSAY_TRY(map_source(path));
  return ASSAY_TRY(parse_stored(source)).tensors;
}

Result<IntegerTensor> open_integers(const std::filesystem::path& path, bool rows_are_scalars) {
  return parse_npy_integers(ASSAY_TRY(map_source(path)), rows_are_scalars);
}

}  // namespace assay::tensor
