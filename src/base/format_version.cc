#include "base/format_version.h"

#include <fmt/format.h>

#include <utility>

namespace assay {

Status check_format_version(std::uint64_t given, std::uint32_t known, std::string place) {
  if (given == known) return {};
  // There never was a version 0.
  if (given > 0 && given < known)
    return Error{
        ErrorCode::kUnsupported, std::move(place),
        fmt::format("version {} was written by a version before the first release: make the file anew",
                    given)};
  return Error{ErrorCode::kUnsupported, std::move(place),
               fmt::format("version {}, this program knows {}", given, known)};
}

}  // namespace assay
