#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "assay/claim.h"
#include "base/try.h"

namespace assay::claim {
namespace {

/// The coordinate as a node of an axis of so many.
std::optional<std::uint32_t> as_node(const Fr& coordinate, std::uint32_t nodes) {
  const Scalar scalar = coordinate.to_scalar();
  if (scalar.bit_width() > 32 || scalar.words[0] >= nodes) return std::nullopt;
  return static_cast<std::uint32_t>(scalar.words[0]);
}

}  // namespace

Query Query::on_grid(std::vector<std::uint32_t> coordinates) { return {std::move(coordinates), {}, {}}; }

Query Query::anywhere(std::vector<Fr> coordinates, const Axes& axes) {
  if (coordinates.size() != axes.count()) return {{}, std::move(coordinates), {}};
  std::vector<std::uint32_t> nodes;
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    const std::optional<std::uint32_t> node = as_node(coordinates[i], axes[i]);
    if (!node) return {{}, std::move(coordinates), {}};
    nodes.push_back(*node);
  }
  return on_grid(std::move(nodes));
}

Query Query::of_parts(Selection selection, const Axes& axes) {
  if (selection.fixed.size() == axes.count() && selection.positions.size() == 1)
    return on_grid(axes.coordinates_of(selection.positions[0]));
  return {{}, {}, std::move(selection)};
}

Result<Query> query_of_set(const Axes& axes, std::span<const std::vector<std::uint32_t>> entries) {
  const auto refused = [](std::string reason) {
    return Error{ErrorCode::kOutOfRange, "set", std::move(reason)};
  };
  if (entries.empty() || entries.size() > Proofs::kMaxCount)
    return refused(fmt::format("{} entries, 1 to {} are possible", entries.size(), Proofs::kMaxCount));
  Selection parts{std::vector<std::uint32_t>(axes.count()), {}};
  std::iota(parts.fixed.begin(), parts.fixed.end(), 0U);
  for (const std::vector<std::uint32_t>& entry : entries)
    parts.positions.push_back(static_cast<std::uint32_t>(ASSAY_TRY(axes.index_of(entry))));
  std::ranges::sort(parts.positions);
  if (std::ranges::adjacent_find(parts.positions) != parts.positions.end())
    return refused("an entry stands twice: ask for each once");
  return Query::of_parts(std::move(parts), axes);
}

std::vector<Fr> Query::coordinates() const {
  if (!is_on_grid()) return field;
  std::vector<Fr> out;
  out.reserve(grid.size());
  for (const std::uint32_t coordinate : grid) out.push_back(Fr::from_u64(coordinate));
  return out;
}

std::string Query::to_string() const {
  if (is_on_grid()) return fmt::format("{}", fmt::join(grid, ","));
  if (is_of_parts()) {
    const std::string at = parts.positions.size() == 1 ? fmt::format("position {}", parts.positions[0])
                                                       : fmt::format("{} positions", parts.positions.size());
    return fmt::format("axes {} at {}", fmt::join(parts.fixed, ","), at);
  }
  std::vector<std::string> texts;
  texts.reserve(field.size());
  for (const Fr& coordinate : field) texts.push_back(coordinate.to_scalar().to_signed_decimal());
  return fmt::format("{}", fmt::join(texts, ","));
}

}  // namespace assay::claim
