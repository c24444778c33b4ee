// Checks of a layout, and its two-way maps.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "assay/encode.h"
#include "base/try.h"
#include "base/utf8.h"
#include "encode/model_shape.h"
#include "tensor/limits.h"

namespace assay::encode {
namespace {

Status check_name(const LayerEntry& entry, std::size_t index) {
  const bool plain = std::all_of(entry.name.begin(), entry.name.end(),
                                 [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
  if (entry.name.empty() || entry.name.size() > tensor::kMaxNameBytes || !plain ||
      !is_valid_utf8(entry.name)) {
    return Error{ErrorCode::kMalformed, fmt::format("layer {}", index),
                 "a name must be 1 to 255 bytes of UTF-8 without control characters"};
  }
  const bool printable =
      std::all_of(entry.tap.begin(), entry.tap.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (entry.tap.size() > tensor::kMaxTapBytes || !printable) {
    return Error{ErrorCode::kMalformed, entry.name, "a tap must be at most 64 bytes of printable ASCII"};
  }
  return {};
}

Status check_map(const Layout& layout) {
  if (layout.layer_map.empty() || layout.layer_map.size() > Layout::kMaxLayers) {
    return Error{ErrorCode::kOutOfRange, "layer map", "must have 1 to 65,536 layers"};
  }
  std::unordered_set<std::string_view> names;
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < layout.layer_map.size(); ++i) {
    const LayerEntry& entry = layout.layer_map[i];
    ASSAY_TRY(check_name(entry, i));
    if (!names.insert(entry.name).second)
      return Error{ErrorCode::kMalformed, entry.name, "two layers of this name"};
    const std::uint64_t count = ASSAY_TRY(tensor::element_count(entry.original_shape, entry.name));
    if (count == 0 || count > Axes::kMaxVolume) {
      return Error{ErrorCode::kOutOfRange, entry.name, "must have 1 to 2^32 values"};
    }
    // Each count is at most 2^32 and there are at most 2^16 layers: the sum does not overflow.
    if (entry.num_elements != count || entry.flat_offset != offset || entry.flat_end != offset + count) {
      return Error{ErrorCode::kMismatch, entry.name, "its offsets do not follow from the shapes"};
    }
    offset = entry.flat_end;
  }
  if (layout.real_count != offset)
    return Error{ErrorCode::kMismatch, "layer map", "does not add up to the real count"};
  return {};
}

Status check_cube(const Axes& axes) {
  const auto sizes = axes.sizes();
  const bool uniform =
      std::all_of(sizes.begin(), sizes.end(), [&](std::uint32_t size) { return size == sizes[0]; });
  if (!uniform) return Error{ErrorCode::kMismatch, "cube layout", "its axes differ"};
  return {};
}

Status check_model(const Layout& layout) {
  const ModelShape shape = ASSAY_TRY(model_shape(layout.layer_map));
  const std::vector<std::uint32_t> factors = ASSAY_TRY(choose_width_factors(shape.width));
  const auto sizes = layout.axes.sizes();
  const bool agrees = sizes.size() == 2 + factors.size() && sizes[0] == layout.layer_map.size() &&
                      sizes[1] >= shape.tokens &&
                      std::equal(factors.begin(), factors.end(), sizes.begin() + 2);
  if (!agrees) {
    return Error{ErrorCode::kMismatch, "model layout",
                 "its axes are not layers, room for the tokens and the factors of the width"};
  }
  return {};
}

// Rows of a model layout: `width` real values in `padded` places, and `tokens` real rows of the `capacity`
// that each layer has. Of other layouts each value is a row.
struct Rows {
  std::uint64_t width = 1;
  std::uint64_t padded = 1;
  std::uint64_t tokens = 1;
  std::uint64_t capacity = 1;
};

Rows rows_of(const Layout& layout) {
  if (layout.kind != Layout::Kind::kModel) return {};
  const tensor::Shape& shape = layout.layer_map.front().original_shape;
  return {shape.back(), layout.axes.volume(2), shape[shape.size() - 2], layout.axes[1]};
}

}  // namespace

Result<ModelShape> model_shape(std::span<const LayerEntry> entries) {
  ModelShape shape;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const tensor::Shape& sizes = entries[i].original_shape;
    const bool has_batch = sizes.size() == 3 && sizes[0] == 1;
    if (!has_batch && sizes.size() != 2) {
      return Error{
          ErrorCode::kMismatch, entries[i].name,
          "the model layout takes layers (1, tokens, width) or (tokens, width): use the cube layout"};
    }
    const ModelShape here{sizes[sizes.size() - 2], sizes.back()};
    if (i > 0 && (here.tokens != shape.tokens || here.width != shape.width)) {
      return Error{ErrorCode::kMismatch, entries[i].name,
                   "the model layout takes layers of one shape: use the cube layout"};
    }
    shape = here;
  }
  return shape;
}

std::string_view to_string(Layout::Kind kind) {
  switch (kind) {
    case Layout::Kind::kFlat:
      return "flat";
    case Layout::Kind::kCube:
      return "cube";
    case Layout::Kind::kModel:
      break;
  }
  return "model";
}

std::optional<Layout::Kind> layout_kind(std::string_view name) {
  for (const auto kind : {Layout::Kind::kFlat, Layout::Kind::kCube, Layout::Kind::kModel}) {
    if (to_string(kind) == name) return kind;
  }
  return std::nullopt;
}

Status Layout::validate() const {
  if (kind != Kind::kFlat && kind != Kind::kCube && kind != Kind::kModel) {
    return Error{ErrorCode::kOutOfRange, "layout", "no such kind of layout"};
  }
  if (kind != Kind::kCube && pad_seed != 0) {
    return Error{ErrorCode::kOutOfRange, "pad seed", "only the cube layout has one"};
  }
  ASSAY_TRY(check_map(*this));
  if (kind == Kind::kModel) return check_model(*this);
  if (kind == Kind::kCube) ASSAY_TRY(check_cube(axes));
  const bool fits = kind == Kind::kFlat ? real_count == axes.volume() : real_count <= axes.volume();
  if (!fits) {
    return Error{ErrorCode::kMismatch, "axes",
                 fmt::format("{} has {} places for {} values", axes.to_string(), axes.volume(), real_count)};
  }
  return {};
}

Result<std::optional<LayerPosition>> Layout::locate(std::uint64_t index) const {
  if (index >= axes.volume()) {
    return Error{ErrorCode::kOutOfRange, fmt::format("index {}", index), "outside the axes"};
  }
  const Rows rows = rows_of(*this);
  const std::uint64_t row = index / rows.padded;
  const std::uint64_t token = row % rows.capacity;
  if (index % rows.padded >= rows.width || token >= rows.tokens) return std::optional<LayerPosition>();
  const std::uint64_t flat = (row / rows.capacity * rows.tokens + token) * rows.width + index % rows.padded;
  if (flat >= real_count) return std::optional<LayerPosition>();
  const auto after =
      std::upper_bound(layer_map.begin(), layer_map.end(), flat,
                       [](std::uint64_t value, const LayerEntry& entry) { return value < entry.flat_end; });
  const auto layer = static_cast<std::uint64_t>(after - layer_map.begin());
  return std::optional<LayerPosition>(LayerPosition{layer, flat - after->flat_offset});
}

Result<std::uint64_t> Layout::index_of(const LayerPosition& position) const {
  if (position.layer >= layer_map.size()) {
    return Error{ErrorCode::kOutOfRange, fmt::format("layer {}", position.layer),
                 fmt::format("there are {} layers", layer_map.size())};
  }
  const LayerEntry& entry = layer_map[position.layer];
  if (position.position >= entry.num_elements) {
    return Error{ErrorCode::kOutOfRange, fmt::format("{}: position {}", entry.name, position.position),
                 fmt::format("it has {} values", entry.num_elements)};
  }
  const std::uint64_t flat = entry.flat_offset + position.position;
  const Rows rows = rows_of(*this);
  const std::uint64_t row = flat / rows.width;
  return (row / rows.tokens * rows.capacity + row % rows.tokens) * rows.padded + flat % rows.width;
}

Result<std::uint64_t> Layout::layer_index(std::string_view name) const {
  for (std::size_t i = 0; i < layer_map.size(); ++i) {
    if (layer_map[i].name == name) return std::uint64_t{i};
  }
  return Error{ErrorCode::kOutOfRange, std::string(name), "no layer has this name"};
}

}  // namespace assay::encode
