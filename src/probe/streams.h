// Randomness that whoever has the seed repeats.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/random.h"

namespace assay::probe::internal {

/// ChaCha20 keyed by SHA-256(tag || LE64 seed || LE64 number).
[[nodiscard]] ChaCha20Stream stream_of(std::string_view tag, std::uint64_t seed, std::uint64_t number);

}  // namespace assay::probe::internal
