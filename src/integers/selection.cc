// Parts of a grid that fix the same axes.
#include <fmt/format.h>

#include <algorithm>

#include "assay/integers.h"

namespace assay {

Status Selection::check(const Axes& axes, std::string_view place) const {
  const auto fault = [place](ErrorCode code, std::string reason) {
    return Error{code, std::string(place), std::move(reason)};
  };
  if (fixed.empty()) return fault(ErrorCode::kOutOfRange, "no axis is fixed");
  if (positions.empty()) return fault(ErrorCode::kOutOfRange, "no position is given");
  const auto ascend = [](const std::vector<std::uint32_t>& numbers) {
    return std::ranges::adjacent_find(numbers, std::greater_equal()) == numbers.end();
  };
  if (!ascend(fixed)) return fault(ErrorCode::kNonCanonical, "the fixed axes are not in ascending order");
  if (fixed.back() >= axes.count())
    return fault(ErrorCode::kOutOfRange, fmt::format("axis {} of {}", fixed.back(), axes.count()));
  if (!ascend(positions)) return fault(ErrorCode::kNonCanonical, "the positions are not in ascending order");
  std::uint64_t count = 1;
  for (const std::uint32_t axis : fixed) count *= axes[axis];
  if (positions.back() < count) return {};
  return fault(ErrorCode::kOutOfRange,
               fmt::format("position {} where the fixed axes have {}", positions.back(), count));
}

std::size_t Selection::leading() const {
  std::size_t count = 0;
  while (count < fixed.size() && fixed[count] == count) ++count;
  return count;
}

std::vector<std::uint32_t> Selection::free_axes(const Axes& axes) const {
  std::vector<std::uint32_t> free;
  for (std::uint32_t axis = 0; axis < axes.count(); ++axis)
    if (!std::ranges::binary_search(fixed, axis)) free.push_back(axis);
  return free;
}

std::uint64_t Selection::part_size(const Axes& axes) const {
  std::uint64_t size = 1;
  for (const std::uint32_t axis : free_axes(axes)) size *= axes[axis];
  return size;
}

std::vector<std::uint32_t> Selection::coordinates(const Axes& axes, std::size_t k) const {
  std::vector<std::uint32_t> found(fixed.size());
  std::uint32_t rest = positions[k];
  for (std::size_t i = fixed.size(); i-- > 0;) {
    found[i] = rest % axes[fixed[i]];
    rest /= axes[fixed[i]];
  }
  return found;
}

std::size_t Selection::shared(const Axes& axes, std::size_t k) const {
  if (k == 0) return 0;
  std::uint32_t here = positions[k], before = positions[k - 1];
  std::size_t count = fixed.size();
  while (here != before) {
    --count;
    here /= axes[fixed[count]];
    before /= axes[fixed[count]];
  }
  return count;
}

}  // namespace assay
