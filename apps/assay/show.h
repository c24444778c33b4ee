// What a file is, shown by the room that reads it.
#pragma once

#include <filesystem>
#include <span>

#include "base/file_kind.h"
#include "console.h"

namespace assay::cli {

/// Reports kind and fields of a file of one of these kinds. Errors: those of find_kind and of the kind's
/// reader; kUnsupported (the Python package reads it, of which the program is not there: else it has become
/// that program).
[[nodiscard]] Result<int> show(const std::filesystem::path& path, std::span<const FileKind> kinds,
                               const Console& console);

class Program;
void add_show(Program& program);

}  // namespace assay::cli
