#include "tensor/directory_json.h"

#include "base/try.h"

namespace assay::tensor {

Result<JsonText> read_json_file(const std::filesystem::path& path) {
  return JsonText::read(path, kMaxJsonBytes);
}

std::optional<Storage> storage_from(std::string_view name) {
  for (const auto storage : {Storage::kInt64, Storage::kScalar32, Storage::kObject}) {
    if (to_string(storage) == name) return storage;
  }
  return std::nullopt;
}

Storage choose_storage(const IntegerView& values, bool object_storage) {
  return object_storage ? Storage::kObject : compact_storage(values);
}

Status make_directory(const std::filesystem::path& path) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) return Error{ErrorCode::kIo, path.string(), code.message()};
  return {};
}

Status publish_all(std::vector<AtomicFile>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    Status status = files[i].publish();
    if (status.ok()) continue;
    for (std::size_t done = 0; done < i; ++done) {
      std::error_code ignored;
      std::filesystem::remove(files[done].path(), ignored);
    }
    return status;
  }
  return {};
}

}  // namespace assay::tensor
