// The bytes of a ceremony's transcript.
#pragma once

#include <string_view>

#include "assay/setup.h"

namespace assay::setup::internal {

/// What both kinds of file start with.
inline constexpr std::string_view kTranscriptMagic = "ASSAYCER", kPowersMagic = "ASSAYPOW";
inline constexpr std::uint32_t kVersion = 1;

/// Magic, version, axes and nonce.
[[nodiscard]] Bytes encode_head(const Axes& axes, const Digest& nonce);
[[nodiscard]] Bytes encode_contribution(const Contribution& contribution);

}  // namespace assay::setup::internal
