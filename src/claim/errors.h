// Where an error lies, seen from the file that holds the thing.
#pragma once

#include <string>
#include <string_view>

#include "assay/base.h"

namespace assay::claim::internal {

/// The error with `place` put before its own.
inline Error within(std::string_view place, Error error) {
  if (place.empty()) return error;
  error.place = error.place.empty() ? std::string(place) : std::string(place) + ": " + error.place;
  return error;
}

}  // namespace assay::claim::internal
