// The files of this room, for whoever is shown one.
#pragma once

#include <span>

#include "base/file_kind.h"

namespace assay::probe {

[[nodiscard]] std::span<const FileKind> file_kinds();

}  // namespace assay::probe
