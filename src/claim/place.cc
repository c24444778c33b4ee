#include <fmt/format.h>
#include <fmt/ranges.h>

#include "assay/claim.h"
#include "base/try.h"

namespace assay::claim {
namespace {

constexpr std::string_view kPadding = "padding";

/// C-order coordinates of a position within the shape.
std::vector<std::uint64_t> unravel(std::uint64_t position, const tensor::Shape& shape) {
  std::vector<std::uint64_t> coordinates(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    coordinates[i] = position % shape[i];
    position /= shape[i];
  }
  return coordinates;
}

/// A name that could be taken for more than a name stands in quotation marks: it is the prover's.
std::string quoted_name(std::string_view name) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-";
  if (name != kPadding && name.find_first_not_of(kPlain) == std::string_view::npos) return std::string(name);
  std::string out = "'";
  for (const char c : name) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

std::string Place::to_string() const {
  if (is_padding) return std::string(kPadding);
  if (layer_coordinates.empty()) return quoted_name(layer);
  return fmt::format("{}[{}]", quoted_name(layer), fmt::join(layer_coordinates, ", "));
}

Result<Place> place_of(const encode::Layout& layout, std::span<const std::uint32_t> coordinates) {
  return place_of_index(layout, ASSAY_TRY(layout.axes.index_of(coordinates)));
}

Result<Place> place_of_index(const encode::Layout& layout, std::uint64_t flat_index) {
  const std::optional<encode::LayerPosition> found = ASSAY_TRY(layout.locate(flat_index));
  Place place;
  place.coordinates = layout.axes.coordinates_of(flat_index);
  place.flat_index = flat_index;
  place.is_padding = !found;
  if (!found) return place;
  const encode::LayerEntry& layer = layout.layer_map[found->layer];
  place.layer = layer.name;
  place.tap = layer.tap;
  place.position = found->position;
  place.layer_coordinates = unravel(found->position, layer.original_shape);
  return place;
}

Result<Place> place_of_entry(const encode::Layout& layout, std::string_view layer, std::uint64_t position) {
  const std::uint64_t index = ASSAY_TRY(layout.layer_index(layer));
  return place_of_index(layout, ASSAY_TRY(layout.index_of({index, position})));
}

Result<Place> place_of_entry(const encode::Layout& layout, std::string_view layer,
                             std::span<const std::uint64_t> layer_coordinates) {
  const tensor::Shape& shape = layout.layer_map[ASSAY_TRY(layout.layer_index(layer))].original_shape;
  if (layer_coordinates.size() != shape.size())
    return Error{ErrorCode::kOutOfRange, fmt::format("layer {}", layer),
                 fmt::format("{} coordinates, the layer has {}", layer_coordinates.size(), shape.size())};
  std::uint64_t position = 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (layer_coordinates[i] >= shape[i])
      return Error{ErrorCode::kOutOfRange, fmt::format("layer {}", layer),
                   fmt::format("coordinate {} is {}, not below {}", i, layer_coordinates[i], shape[i])};
    position = position * shape[i] + layer_coordinates[i];
  }
  return place_of_entry(layout, layer, position);
}

}  // namespace assay::claim
