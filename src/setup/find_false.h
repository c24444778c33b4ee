// The search for false statements by halves, which the sums of every scheme share.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "assay/curve.h"

namespace assay::setup::internal {

/// At most `most` of the statements [first, last), in ascending order, that do not hold; `sum` is that of all
/// of them, and does not hold. `sums.sum(a, b)` adds up the statements [a, b). A half whose sum holds is left
/// out, as weights that nobody could foresee make it hold by chance with 2^-128 at most.
template <class Sums, class Sum>
void find_false_within(const Sums& sums, const Sum& sum, std::size_t first, std::size_t last,
                       std::span<const curve::PreparedG2> prepared, std::size_t most,
                       std::vector<std::size_t>& found) {
  if (found.size() >= most) return;
  if (last - first == 1) return found.push_back(first);
  const std::size_t middle = first + (last - first) / 2;
  const Sum left = sums.sum(first, middle);
  const bool left_holds = left.holds(prepared);
  if (!left_holds) find_false_within(sums, left, first, middle, prepared, most, found);
  if (found.size() >= most) return;
  Sum right = sum;
  right -= left;
  // When the left half holds, the right one does not.
  if (left_holds || !right.holds(prepared))
    find_false_within(sums, right, middle, last, prepared, most, found);
}

/// Of all statements; `all` is their sum.
template <class Sums, class Sum>
std::vector<std::size_t> find_false(const Sums& sums, const Sum& all,
                                    std::span<const curve::PreparedG2> prepared, std::size_t most) {
  std::vector<std::size_t> found;
  if (sums.size() > 0 && !all.holds(prepared))
    find_false_within(sums, all, 0, sums.size(), prepared, most, found);
  return found;
}

}  // namespace assay::setup::internal
