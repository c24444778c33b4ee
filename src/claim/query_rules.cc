#include "claim/query_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <numeric>
#include <vector>

#include "claim/part_runs.h"

namespace assay::claim::internal {
namespace {

/// The indices of things that stand earlier too, in no order. `compare` gives <0, 0 or >0.
template <class Compare>
std::vector<std::uint32_t> repeated(std::size_t count, Compare compare) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int difference = compare(a, b);
    return difference < 0 || (difference == 0 && a < b);
  });
  std::vector<std::uint32_t> found;
  for (std::size_t k = 1; k < order.size(); ++k)
    if (compare(order[k], order[k - 1]) == 0) found.push_back(order[k]);
  return found;
}

std::optional<std::size_t> least(const std::vector<std::uint32_t>& found) {
  if (found.empty()) return std::nullopt;
  return *std::ranges::min_element(found);
}

int compare_bytes(ByteSpan a, ByteSpan b) {
  const auto order = std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  return std::is_lt(order) ? -1 : std::is_gt(order) ? 1 : 0;
}

bool any_part_is_padding(const encode::Layout& layout, const Selection& parts) {
  const PartRuns runs(layout, parts);
  const bool is_set = parts.fixed.size() == layout.axes.count();
  for (std::size_t k = 0; k < parts.positions.size(); ++k) {
    const std::vector<PartRun> found = runs.of(k, 0);
    if (found.empty() || (is_set && !layout.locate(found[0].index).value())) return true;
  }
  return false;
}

std::vector<std::uint32_t> repeated(const Proofs& proofs) {
  return repeated(proofs.size(), [&](std::uint32_t a, std::uint32_t b) {
    return compare_bytes(proofs.query_bytes(a), proofs.query_bytes(b));
  });
}

}  // namespace

std::string fault_of(const Query& query, const Axes& axes) {
  if (query.is_on_grid()) {
    if (!query.field.empty() || query.is_of_parts()) return "a point on the grid and another query at once";
    const Result<std::uint64_t> index = axes.index_of(query.grid);
    return index ? "" : index.error().reason;
  }
  if (query.is_of_parts()) {
    if (!query.field.empty()) return "parts and a point at once";
    if (const Status status = query.parts.check(axes, "parts"); !status) return status.error().reason;
    if (Query::of_parts(query.parts, axes).is_on_grid()) return "a set of one entry must be written as one";
    return "";
  }
  if (query.field.size() != axes.count())
    return fmt::format("{} coordinates for {} axes", query.field.size(), axes.count());
  if (Query::anywhere(query.field, axes).is_on_grid()) return "a point of the grid must be written as one";
  return "";
}

std::optional<std::size_t> find_repeated(std::span<const Query> queries) {
  return least(repeated(queries.size(), [&](std::uint32_t a, std::uint32_t b) {
    const Query& left = queries[a];
    const Query& right = queries[b];
    if (left.grid != right.grid) return left.grid < right.grid ? -1 : 1;
    if (left.parts.fixed != right.parts.fixed) return left.parts.fixed < right.parts.fixed ? -1 : 1;
    if (left.parts.positions != right.parts.positions)
      return left.parts.positions < right.parts.positions ? -1 : 1;
    if (left.field == right.field) return 0;
    const bool less =
        std::ranges::lexicographical_compare(left.field, right.field, {}, &Fr::limbs, &Fr::limbs);
    return less ? -1 : 1;
  }));
}

std::optional<std::size_t> find_repeated(const Proofs& proofs) { return least(repeated(proofs)); }

std::optional<std::size_t> find_padding(const encode::Layout& layout, std::span<const Query> queries) {
  const auto is_padding = [&](std::uint64_t index) { return !layout.locate(index).value(); };
  for (std::size_t k = 0; k < queries.size(); ++k) {
    const Query& query = queries[k];
    if (query.is_on_grid()) {
      const Result<std::uint64_t> index = layout.axes.index_of(query.grid);
      if (index.ok() && is_padding(*index)) return k;
    } else if (query.is_of_parts() && query.parts.check(layout.axes, "").ok()) {
      if (any_part_is_padding(layout, query.parts)) return k;
    }
  }
  return std::nullopt;
}

std::size_t count_distinct(const Proofs& proofs) { return proofs.size() - repeated(proofs).size(); }

}  // namespace assay::claim::internal
