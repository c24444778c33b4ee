// Buffers whose size follows the input: too little memory is the input's problem, not a crash.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "base/large_array.h"

namespace assay::pst::internal {

[[nodiscard]] inline Error too_little_memory(std::uint64_t count, std::size_t size, std::string_view place) {
  return Error{ErrorCode::kTooLarge, std::string(place),
               fmt::format("{} elements of {} bytes do not fit the memory", count, size)};
}

/// `count` value-initialised elements. Errors: kTooLarge when the memory is not there.
template <class T>
Result<std::vector<T>> allocate(std::uint64_t count, std::string_view place) {
  try {
    return std::vector<T>(count);
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  return too_little_memory(count, sizeof(T), place);
}

/// `count` uninitialised elements in aligned memory. Errors: kTooLarge when the memory is not there.
template <class T>
Result<LargeArray<T>> allocate_large(std::uint64_t count, std::string_view place) {
  std::optional<LargeArray<T>> array = LargeArray<T>::try_make(count);
  if (!array) return too_little_memory(count, sizeof(T), place);
  return std::move(*array);
}

}  // namespace assay::pst::internal
