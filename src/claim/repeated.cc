#include "claim/repeated.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace assay::claim::internal {
namespace {

bool comes_before(const Point& a, const Point& b) {
  if (a.grid != b.grid) return a.grid < b.grid;
  return std::ranges::lexicographical_compare(a.field, b.field, {}, &Fr::limbs, &Fr::limbs);
}

/// The indices of proofs whose point stands earlier too, in no order.
std::vector<std::size_t> repeated(std::span<const Proof> proofs) {
  std::vector<std::size_t> order(proofs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return comes_before(proofs[a].point, proofs[b].point);
  });
  std::vector<std::size_t> found;
  for (std::size_t k = 1; k < order.size(); ++k)
    if (proofs[order[k]].point == proofs[order[k - 1]].point) found.push_back(order[k]);
  return found;
}

}  // namespace

std::optional<std::size_t> find_repeated(std::span<const Proof> proofs) {
  const std::vector<std::size_t> found = repeated(proofs);
  if (found.empty()) return std::nullopt;
  return *std::ranges::min_element(found);
}

std::size_t count_distinct(std::span<const Proof> proofs) { return proofs.size() - repeated(proofs).size(); }

}  // namespace assay::claim::internal
