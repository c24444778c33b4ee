// The bytes of a powers file: magic, version, transcript, and the points from a page boundary on.
#pragma once

#include <string_view>

#include "assay/setup.h"

namespace assay::setup::internal {

inline constexpr std::size_t kPage = 4096;

/// Everything before the points, up to the page boundary.
[[nodiscard]] Bytes encode_powers_head(const Ceremony& ceremony);

struct PowersHead {
  Ceremony ceremony;
  std::size_t points_offset;
};

/// Reads the head of a whole powers file, and checks the file's length and that its padding is zero. The
/// points are not looked at. Errors: kMalformed, kNonCanonical, kTooLarge, and those of Ceremony::decode.
[[nodiscard]] Result<PowersHead> parse_powers_file(ByteSpan file, std::string_view place);

/// The memory of points, as it is written: x || y, each four limbs, in Montgomery form.
[[nodiscard]] inline ByteSpan raw_bytes(std::span<const G1Affine> points) {
  return {reinterpret_cast<const std::uint8_t*>(points.data()), points.size_bytes()};
}

}  // namespace assay::setup::internal
