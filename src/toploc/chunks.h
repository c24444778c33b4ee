// Work on the chunks of a sequence, several at a time.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "assay/base.h"
#include "base/threads.h"

namespace assay::toploc::internal {

inline constexpr std::uint64_t kMaxValues = std::uint64_t{1} << 40;
inline constexpr std::uint64_t kMaxChunks = std::uint64_t{1} << 20;

[[nodiscard]] inline std::vector<std::uint16_t> gather(std::span<const std::uint16_t> values,
                                                       std::span<const std::uint32_t> indices) {
  std::vector<std::uint16_t> gathered;
  gathered.reserve(indices.size());
  for (const std::uint32_t index : indices) gathered.push_back(values[index]);
  return gathered;
}

/// What `work(i, chunk)`, a Result<T>, gives for each of the chunks that `lengths` cut `values` into. Errors:
/// the first chunk's that has one, with the chunk's number; kMismatch (lengths that do not add up to the
/// values).
template <class T, class Work>
Result<std::vector<T>> for_each_chunk(std::span<const std::uint16_t> values,
                                      std::span<const std::uint64_t> lengths, const Work& work) {
  std::vector<std::size_t> starts;
  starts.reserve(lengths.size());
  std::uint64_t start = 0;
  for (const std::uint64_t length : lengths) {
    if (length > values.size() - start)
      return Error{ErrorCode::kMismatch, "lengths",
                   fmt::format("they add up to more than the {} values", values.size())};
    starts.push_back(start);
    start += length;
  }
  if (start != values.size())
    return Error{ErrorCode::kMismatch, "lengths",
                 fmt::format("they add up to {} of {} values", start, values.size())};
  std::vector<T> all(lengths.size());
  std::vector<std::optional<Error>> errors(lengths.size());
  parallel_for(0, lengths.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      Result<T> result = work(i, values.subspan(starts[i], lengths[i]));
      if (result.ok()) {
        all[i] = *std::move(result);
      } else {
        errors[i] = result.error();
      }
    }
  });
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!errors[i]) continue;
    Error error = *std::move(errors[i]);
    error.place = fmt::format("chunk {}{}{}", i, error.place.empty() ? "" : ": ", error.place);
    return error;
  }
  return all;
}

}  // namespace assay::toploc::internal
