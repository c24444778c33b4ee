#include "claim/part_runs.h"

#include <algorithm>
#include <optional>

namespace assay::claim::internal {
namespace {

void append(std::vector<PartRun>& runs, const PartRun& run) {
  if (!runs.empty()) {
    PartRun& last = runs.back();
    if (last.in_part + last.count == run.in_part && last.index + last.count == run.index) {
      last.count += run.count;
      return;
    }
  }
  runs.push_back(run);
}

}  // namespace

PartRuns::PartRuns(const encode::Layout& layout, const Selection& selection)
    : layout_(layout), selection_(selection) {
  const bool is_set = selection.fixed.size() == layout.axes.count();
  if (layout.kind == encode::Layout::Kind::kModel && !is_set) first_ = 2;
}

std::vector<PartRun> PartRuns::inner_runs(const std::vector<std::uint32_t>& coordinates, std::uint64_t limit,
                                          std::uint64_t most) const {
  const Axes& axes = layout_.axes;
  struct Free {
    std::uint32_t nodes, at;
    std::uint64_t stride;
  };
  std::vector<Free> free;
  std::uint64_t base = 0, row = 1;
  bool is_row = true;
  for (std::size_t axis = axes.count(); axis-- > first_;) {
    const std::uint64_t stride = axes.volume(axis + 1);
    const auto fixed = std::ranges::lower_bound(selection_.fixed, axis);
    if (fixed != selection_.fixed.end() && *fixed == axis) {
      base += stride * coordinates[static_cast<std::size_t>(fixed - selection_.fixed.begin())];
      is_row = false;
    } else if (is_row) {
      row *= axes[axis];
    } else {
      free.push_back({axes[axis], 0, stride});  // the last axis first
    }
  }
  std::vector<PartRun> runs;
  std::uint64_t values = 0;
  // Indices ascend, so that behind the limit nothing follows.
  for (std::uint64_t in_part = 0, index = base; index < limit && values <= most; in_part += row) {
    append(runs, {in_part, index, std::min(row, limit - index)});
    values += std::min(row, limit - index);
    std::size_t axis = 0;
    for (; axis < free.size(); ++axis) {
      index += free[axis].stride;
      if (++free[axis].at < free[axis].nodes) break;
      index -= free[axis].stride * free[axis].nodes;
      free[axis].at = 0;
    }
    if (axis == free.size()) break;
  }
  return runs;
}

std::vector<PartRun> PartRuns::of(std::size_t k, std::uint64_t most) const {
  const Axes& axes = layout_.axes;
  const std::vector<std::uint32_t> coordinates = selection_.coordinates(axes, k);
  if (first_ == 0) return inner_runs(coordinates, axes.volume(), most);
  const tensor::Shape& shape = layout_.layer_map[0].original_shape;
  const std::uint64_t tokens = shape[shape.size() - 2];
  const std::vector<PartRun> inner = inner_runs(coordinates, shape.back(), most);
  std::uint64_t inner_size = 1, inner_values = 0;
  for (const std::uint32_t axis : selection_.free_axes(axes)) inner_size *= axis < first_ ? 1 : axes[axis];
  for (const PartRun& run : inner) inner_values += run.count;

  // The nodes of layers and tokens, and whether there is but one.
  std::optional<std::uint32_t> layer, token;
  for (std::size_t i = 0; i < selection_.fixed.size() && selection_.fixed[i] < first_; ++i)
    (selection_.fixed[i] == 0 ? layer : token) = coordinates[i];
  std::vector<PartRun> runs;
  if (inner.empty() || token.value_or(0) >= tokens) return runs;
  const std::uint64_t all_tokens = token ? 1 : axes[1], width = axes.volume(2);
  const std::uint64_t last_layer = layer ? *layer + 1 : axes[0], last_token = token ? *token + 1 : tokens;
  std::uint64_t values = 0;
  for (std::uint64_t l = layer.value_or(0); l < last_layer; ++l)
    for (std::uint64_t t = token.value_or(0); t < last_token && values <= most; ++t, values += inner_values) {
      const std::uint64_t row = (layer ? 0 : l) * all_tokens + (token ? 0 : t);
      for (const PartRun& run : inner)
        append(runs, {row * inner_size + run.in_part, (l * axes[1] + t) * width + run.index, run.count});
    }
  return runs;
}

std::vector<PartRun> runs_of(const encode::Layout& layout, const Selection& selection, std::uint64_t most) {
  const PartRuns finder(layout, selection);
  std::vector<PartRun> all;
  std::uint64_t values = 0;
  for (std::size_t k = 0; k < selection.positions.size() && values <= most; ++k) {
    for (const PartRun& run : finder.of(k, most - values)) {
      all.push_back(run);
      values += run.count;
    }
  }
  return all;
}

}  // namespace assay::claim::internal
