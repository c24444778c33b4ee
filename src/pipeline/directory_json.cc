#include "pipeline/directory_json.h"

#include <fmt/format.h>

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

Result<AtomicFile> stage_json(const std::filesystem::path& path, const Json& json) {
  const std::string text = dump_json(json) + "\n";
  if (text.size() > kMaxDirectoryJson)
    return Error{
        ErrorCode::kTooLarge, path.string(),
        fmt::format("would have {} bytes, at most {} are read again: the capture's prompt or answer is "
                    "too long",
                    text.size(), kMaxDirectoryJson)};
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(text));
  return file;
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
