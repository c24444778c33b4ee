// Layers 0 .. L-1, verifiers in the order given. f_k(i), the most that the first k verifiers get of the first
// i layers, is
//   f_k(i) = max(f_k(i-1), f_{k-1}(r) + V(i) - V(r)),   r = first_k[i], the earliest start within budget.
// No later start is better: f_{k-1}(r') - f_{k-1}(r) <= V(r') - V(r), for giving up the layers r, .., r'-1 of
// a selection leaves one. For the same reason r covers that verifier k stays without layers.
#include <algorithm>

#include "base/check.h"
#include "layers/solvers.h"

namespace assay::layers::internal {
namespace {

/// The class of each verifier, or null.
std::vector<const WindowClass*> classes_by_verifier(const Instance& instance) {
  std::vector<const WindowClass*> classes(instance.verifiers, nullptr);
  for (const WindowClass& one : instance.classes)
    for (const std::uint32_t k : one.verifiers) classes[k] = &one;
  return classes;
}

}  // namespace

void extend_row(std::span<const std::int64_t> sums, std::span<const std::uint32_t> first,
                std::span<const std::int64_t> below, std::span<std::int64_t> row) {
  row[0] = 0;
  for (std::size_t i = 1; i < row.size(); ++i)
    row[i] = std::max(row[i - 1], below[first[i]] + sums[i] - sums[first[i]]);
}

Found fixed_order(const Instance& instance, std::span<const std::uint32_t> order) {
  const std::vector<const WindowClass*> classes = classes_by_verifier(instance);
  std::vector<std::vector<std::int64_t>> rows(1, std::vector<std::int64_t>(instance.sums.size(), 0));
  std::vector<std::uint32_t> used;
  for (const std::uint32_t k : order) {
    if (classes[k] == nullptr) continue;
    std::vector<std::int64_t> row(instance.sums.size());
    extend_row(instance.sums, classes[k]->first, rows.back(), row);
    rows.push_back(std::move(row));
    used.push_back(k);
  }
  Found found{rows.back().back(), std::vector<LayerRun>(instance.verifiers)};
  std::size_t end = instance.layers();
  for (std::size_t j = used.size(); j > 0; --j) {
    const std::vector<std::int64_t>& row = rows[j];
    if (row[end] == rows[j - 1][end]) continue;
    while (row[end - 1] == row[end]) --end;
    const std::uint32_t begin = classes[used[j - 1]]->first[end];
    found.runs[used[j - 1]] = {begin, static_cast<std::uint32_t>(end)};
    end = begin;
  }
  trim(instance, found.runs);
  ASSAY_CHECK_EQ(value_of(instance, found.runs), found.value);
  return found;
}

std::int64_t fixed_order_value(const Instance& instance, std::span<const std::uint32_t> order) {
  const std::vector<const WindowClass*> classes = classes_by_verifier(instance);
  std::vector<std::int64_t> row(instance.sums.size(), 0);
  std::vector<std::int64_t> next(row.size());
  for (const std::uint32_t k : order) {
    if (classes[k] == nullptr) continue;
    extend_row(instance.sums, classes[k]->first, row, next);
    std::swap(row, next);
  }
  return row.back();
}

}  // namespace assay::layers::internal
