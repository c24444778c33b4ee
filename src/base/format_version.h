// Which versions of our own formats are read: the one that this program writes, and no other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "assay/base.h"

namespace assay {

/// Errors: kUnsupported where `given` is not `known`; an older one is refused by name, for nothing of before
/// the first release is read.
[[nodiscard]] Status check_format_version(std::uint64_t given, std::uint32_t known, std::string place);

/// Of a format that is named by its tag and its version: "assay/kept/v1". Errors: kUnsupported (another
/// format, or another version).
[[nodiscard]] Status check_format(std::string_view given, std::string_view tag, std::uint32_t version,
                                  std::string place);

}  // namespace assay
