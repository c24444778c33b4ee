#include "tree/shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace assay::tree::internal {

unsigned depth_of(std::uint64_t fan_out, std::uint64_t count) {
  ASSAY_CHECK_LE(count, kMaxLeaves);
  unsigned depth = 1;
  for (std::uint64_t leaves = fan_out; leaves < count; leaves *= fan_out) ++depth;
  return depth;
}

std::uint64_t leaves_under(std::uint64_t fan_out, unsigned height) {
  std::uint64_t leaves = 1;
  for (; height > 0; --height) leaves *= fan_out;
  return leaves;
}

std::vector<Opened> way_to(std::uint64_t fan_out, unsigned depth, std::span<const std::uint64_t> indices) {
  std::vector<Opened> way;
  for (unsigned height = depth; height > 0; --height) {
    const std::uint64_t of_child = leaves_under(fan_out, height - 1);
    for (const std::uint64_t index : indices) {
      const std::uint64_t child = index / of_child, position = child / fan_out;
      const auto place = static_cast<std::uint32_t>(child % fan_out);
      if (way.empty() || way.back().height != height || way.back().position != position)
        way.push_back({height, position, {place}});
      else if (way.back().children.back() != place)
        way.back().children.push_back(place);
    }
  }
  return way;
}

std::string fault_of_indices(std::span<const std::uint64_t> indices, std::uint64_t count) {
  if (indices.empty()) return "there are none";
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] >= count) return fmt::format("{} of {} leaves", indices[i], count);
    if (i > 0 && indices[i] <= indices[i - 1])
      return fmt::format("{} after {}: they must ascend", indices[i], indices[i - 1]);
  }
  return {};
}

Axes axes_of(const Config& config) {
  const std::vector<std::uint64_t> sizes(config.arities.begin(), config.arities.end());
  return Axes::from(sizes, "arities").value();
}

Selection selection_of(const Config& config, const Opened& node) {
  Selection out;
  out.fixed.resize(config.arities.size());
  std::iota(out.fixed.begin(), out.fixed.end(), 0U);
  out.positions = node.children;
  return out;
}

std::uint64_t count_quotients(const Config& config, const Opened& node) {
  if (config.kind == Kind::kVerkle) return node.children.size();
  return pst::quotients_of(selection_of(config, node), axes_of(config));
}

}  // namespace assay::tree::internal
