// Which versions of our own formats are read: the one that this program writes, and no other.
#pragma once

#include <cstdint>
#include <string>

#include "assay/base.h"

namespace assay {

/// Errors: kUnsupported where `given` is not `known`; an older one is refused by name, for nothing of before
/// the first release is read.
[[nodiscard]] Status check_format_version(std::uint64_t given, std::uint32_t known, std::string place);

}  // namespace assay
