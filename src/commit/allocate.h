// Buffers whose size follows the input: too little memory is the input's problem, not a crash.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"

namespace assay::pst::internal {

/// `count` value-initialised elements. Errors: kTooLarge when the memory is not there.
template <class T>
Result<std::vector<T>> allocate(std::uint64_t count, std::string_view place) {
  try {
    return std::vector<T>(count);
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  return Error{ErrorCode::kTooLarge, std::string(place),
               fmt::format("{} elements of {} bytes do not fit the memory", count, sizeof(T))};
}

}  // namespace assay::pst::internal
