// Where an error lies, seen from the file that holds the thing.
#pragma once

#include <string_view>

#include "assay/base.h"

namespace assay {

/// The error with `place` put before its own, unless that begins with it: with the same file, or with one in
/// the same directory.
[[nodiscard]] Error within(std::string_view place, Error error);

/// The same for what may be one.
template <class T>
[[nodiscard]] Result<T> within(std::string_view place, Result<T> result) {
  if (!result.ok()) return within(place, result.error());
  return result;
}

}  // namespace assay
