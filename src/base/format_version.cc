#include "base/format_version.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "base/json.h"

namespace assay {
namespace {

/// The version in "assay/kept/v1", which begins with its tag; none where the rest is no number.
std::optional<std::uint64_t> version_after(std::string_view tag, std::string_view format) {
  if (!format.starts_with(tag)) return {};
  const std::string_view digits = format.substr(tag.size());
  if (digits.starts_with('0')) return {};
  std::uint64_t version = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (code != std::errc{} || end != digits.data() + digits.size()) return {};
  return version;
}

}  // namespace

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

Status check_format(std::string_view given, std::string_view tag, std::uint32_t version, std::string place) {
  const std::optional<std::uint64_t> other = version_after(tag, given);
  if (other) return check_format_version(*other, version, std::move(place));
  return Error{ErrorCode::kUnsupported, std::move(place),
               fmt::format("'{}' is not '{}{}'", internal::shown(given), tag, version)};
}

}  // namespace assay
