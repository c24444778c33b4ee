// The files of this room, for whoever is shown one.
#pragma once

#include <span>

#include "base/file_kind.h"

namespace assay {

[[nodiscard]] std::span<const FileKind> base_file_kinds();

}  // namespace assay
