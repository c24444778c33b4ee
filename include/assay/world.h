// What a verifier takes from outside: randomness and the time. A test replaces it and so replays a run.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "assay/base.h"

namespace assay {

struct World {
  /// Fills the bytes unpredictably for whoever is checked. Errors: kIo.
  std::function<Status(std::span<std::uint8_t>)> fill_random;
  /// Seconds since 1970-01-01 00:00 UTC.
  std::function<std::int64_t()> unix_time;

  /// The operating system's randomness and clock.
  static const World& system();
};

/// "2026-01-31T12:00:00Z" (RFC 3339), for years 1970 to 9999.
[[nodiscard]] std::string utc_text(std::int64_t unix_time);

}  // namespace assay
