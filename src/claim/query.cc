#include <fmt/format.h>
#include <fmt/ranges.h>

#include "assay/claim.h"

namespace assay::claim {
namespace {

/// The coordinate as a node of an axis of so many.
std::optional<std::uint32_t> as_node(const Fr& coordinate, std::uint32_t nodes) {
  const Scalar scalar = coordinate.to_scalar();
  if (scalar.bit_width() > 32 || scalar.words[0] >= nodes) return std::nullopt;
  return static_cast<std::uint32_t>(scalar.words[0]);
}

}  // namespace

Query Query::on_grid(std::vector<std::uint32_t> coordinates) { return {std::move(coordinates), {}}; }

Query Query::anywhere(std::vector<Fr> coordinates, const Axes& axes) {
  if (coordinates.size() != axes.count()) return {{}, std::move(coordinates)};
  std::vector<std::uint32_t> nodes;
  for (std::size_t i = 0; i < coordinates.size(); ++i) {
    const std::optional<std::uint32_t> node = as_node(coordinates[i], axes[i]);
    if (!node) return {{}, std::move(coordinates)};
    nodes.push_back(*node);
  }
  return on_grid(std::move(nodes));
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
  std::vector<std::string> texts;
  texts.reserve(field.size());
  for (const Fr& coordinate : field) texts.push_back(coordinate.to_scalar().to_signed_decimal());
  return fmt::format("{}", fmt::join(texts, ","));
}

}  // namespace assay::claim
