// The files of this room, for whoever is shown one.
#pragma once

#include <filesystem>
#include <span>

#include "base/file_kind.h"

namespace assay::tensor {

[[nodiscard]] std::span<const FileKind> file_kinds();

/// A file that open() takes: its tensors with dtype and shape, and its metadata. Errors: those of open().
[[nodiscard]] Result<Json> read_tensors(const std::filesystem::path& path);

}  // namespace assay::tensor
