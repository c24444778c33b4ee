#include "setup/label.h"

#include <fmt/format.h>

#include <algorithm>

namespace assay::setup::internal {

Status check_label(std::string_view label, std::string_view what, std::string_view place) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  const bool blank = label.find_first_not_of(' ') == std::string_view::npos;
  if (!blank && label.size() <= kMaxLabelBytes && std::ranges::all_of(label, printable)) return {};
  return Error{
      ErrorCode::kMalformed, std::string(place),
      fmt::format("{} is 1 to {} printable ASCII characters, not all of them spaces", what, kMaxLabelBytes)};
}

}  // namespace assay::setup::internal
