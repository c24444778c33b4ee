// Words for people that stand in files: labels of trusted SRSs, names of contributors.
#pragma once

#include <string_view>

#include "assay/base.h"

namespace assay::setup::internal {

inline constexpr std::size_t kMaxLabelBytes = 64;
/// Of the SRS that a line of a trust list begins with.
inline constexpr std::size_t kDigestDigits = 64;

/// `what` is "a label" or "a name". Errors: kMalformed (not 1 to kMaxLabelBytes printable ASCII characters).
[[nodiscard]] Status check_label(std::string_view label, std::string_view what, std::string_view place);

}  // namespace assay::setup::internal
