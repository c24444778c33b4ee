// From layers to a layout.
#include <fmt/format.h>

#include "assay/encode.h"
#include "base/try.h"
#include "encode/model_shape.h"

namespace assay::encode {
namespace {

// The layer map; the axes are still to be chosen.
struct Concatenation {
  std::vector<LayerEntry> entries;
  std::uint64_t count = 0;
};

Result<Concatenation> concatenate(std::span<const LayerShape> layers) {
  if (layers.empty()) return Error{ErrorCode::kOutOfRange, "layers", "there are none"};
  Concatenation all;
  for (const LayerShape& layer : layers) {
    const std::uint64_t count = ASSAY_TRY(tensor::element_count(layer.shape, layer.name));
    if (count == 0) return Error{ErrorCode::kOutOfRange, layer.name, "an empty layer"};
    if (count > Axes::kMaxVolume - all.count)
      return Error{ErrorCode::kOutOfRange, layer.name, "over 2^32 values"};
    all.entries.push_back({layer.name, layer.shape, count, all.count, all.count + count, layer.tap});
    all.count += count;
  }
  return all;
}

Result<Layout> finish(Layout::Kind kind, Axes axes, Concatenation all, std::uint64_t pad_seed) {
  Layout layout{kind, std::move(axes), all.count, pad_seed, std::move(all.entries)};
  ASSAY_TRY(layout.validate());
  return layout;
}

}  // namespace

std::vector<LayerShape> shapes_of(std::span<const tensor::IntegerTensor> layers) {
  std::vector<LayerShape> shapes;
  for (const tensor::IntegerTensor& layer : layers) shapes.push_back({layer.name, layer.shape, layer.tap});
  return shapes;
}

Result<Layout> plan_cube(std::span<const LayerShape> layers, const CubeOptions& options) {
  Concatenation all = ASSAY_TRY(concatenate(layers));
  Axes axes = ASSAY_TRY(choose_cube(all.count, options));
  return finish(Layout::Kind::kCube, std::move(axes), std::move(all), options.pad_seed);
}

Result<Layout> plan_model(std::span<const LayerShape> layers, std::optional<std::uint64_t> token_capacity) {
  Concatenation all = ASSAY_TRY(concatenate(layers));
  const ModelShape shape = ASSAY_TRY(model_shape(all.entries));
  const std::vector<std::uint32_t> factors = ASSAY_TRY(choose_width_factors(shape.width));
  const std::uint64_t capacity = token_capacity.value_or(shape.tokens);
  if (capacity < shape.tokens)
    return Error{ErrorCode::kOutOfRange, "token capacity",
                 fmt::format("{}, the layers have {} tokens", capacity, shape.tokens)};
  tensor::Shape sizes = {all.entries.size(), capacity};
  sizes.insert(sizes.end(), factors.begin(), factors.end());
  Axes axes = ASSAY_TRY(Axes::from(sizes, "model layout"));
  return finish(Layout::Kind::kModel, std::move(axes), std::move(all), 0);
}

Result<Layout> plan_flat(std::span<const LayerShape> layers, const std::optional<Axes>& axes) {
  Concatenation all = ASSAY_TRY(concatenate(layers));
  if (axes) return finish(Layout::Kind::kFlat, *axes, std::move(all), 0);
  tensor::Shape sizes = layers.size() == 1 ? layers[0].shape : tensor::Shape{all.count};
  if (sizes.empty()) sizes = {1};
  Axes chosen = ASSAY_TRY(Axes::from(sizes, "flat layout"));
  return finish(Layout::Kind::kFlat, std::move(chosen), std::move(all), 0);
}

}  // namespace assay::encode
