#include "assay/world.h"

#include <fmt/chrono.h>

#include <chrono>

#include "base/random.h"

namespace assay {

const World& World::system() {
  static const World world{
      [](std::span<std::uint8_t> out) { return assay::fill_random(out); },
      [] {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        return static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
      }};
  return world;
}

std::string utc_text(std::int64_t unix_time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_time)));
}

}  // namespace assay
