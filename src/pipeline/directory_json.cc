#include "pipeline/directory_json.h"

#include "base/try.h"

namespace assay::pipeline {

std::optional<tensor::Storage> storage_from(std::string_view name) {
  for (const auto storage : {tensor::Storage::kInt64, tensor::Storage::kScalar32, tensor::Storage::kObject}) {
    if (to_string(storage) == name) return storage;
  }
  return std::nullopt;
}

tensor::Storage choose_storage(const IntegerView& values, bool object_storage) {
  return object_storage ? tensor::Storage::kObject : tensor::compact_storage(values);
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

}  // namespace assay::pipeline
