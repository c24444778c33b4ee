// The verifier's own values beside a commitment's header.
#include <fmt/format.h>

#include <algorithm>

#include "assay/verifier.h"
#include "base/try.h"
#include "base/within.h"
#include "claim/encode_arrays.h"

namespace assay::claim {
namespace {

Captured faulty(std::string fault) { return {{}, std::move(fault)}; }

std::string name_of(const std::optional<tensor::Dtype>& dtype) {
  return dtype ? std::string(tensor::torch_name(*dtype)) : "of an unknown dtype";
}

/// Whether a lone array without a name has the shape of the whole committed tensor, and not of its one layer.
bool is_whole_tensor(const Header& header, const std::vector<encode::LayerShape>& shapes, bool named) {
  const std::span<const std::uint32_t> sizes = header.layout.axes.sizes();
  const std::vector<encode::LayerEntry>& map = header.layout.layer_map;
  return !named && shapes.size() == 1 &&
         std::ranges::equal(shapes[0].shape, sizes, {}, {},
                            [](std::uint32_t n) { return std::uint64_t{n}; }) &&
         (map.size() > 1 || shapes[0].shape != map[0].original_shape);
}

/// Why these are not the header's layers; empty when they are.
std::string fault_of_layers(const encode::Layout& layout, const std::vector<encode::LayerShape>& shapes) {
  if (shapes.size() != layout.layer_map.size())
    return fmt::format("it has {} layers, the commitment is to {}", shapes.size(), layout.layer_map.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const encode::LayerEntry& entry = layout.layer_map[i];
    if (shapes[i].name != entry.name)
      return fmt::format("layer {} is '{}', in the commitment it is '{}'", i, shapes[i].name, entry.name);
    if (shapes[i].shape != entry.original_shape)
      return fmt::format("layer '{}' has another shape than in the commitment", entry.name);
    if (shapes[i].tap != entry.tap)
      return fmt::format("layer '{}' was taken at '{}', in the commitment at '{}'", entry.name, shapes[i].tap,
                         entry.tap);
  }
  return {};
}

}  // namespace

Result<Captured> captured_like(const Header& header, const Arrays& arrays, const Taps& taps,
                               std::string_view place) {
  if (arrays.views.empty() && arrays.integers.empty()) return faulty("it holds no array");
  const Result<std::optional<tensor::Dtype>> common = internal::common_dtype(arrays, place);
  if (!common.ok()) return faulty(common.error().reason);
  const std::optional<tensor::Dtype> dtype = *common;
  const bool integers = !dtype || !tensor::is_float(*dtype);
  std::vector<encode::LayerShape> shapes = internal::shapes_of(arrays, taps);
  if (integers && is_whole_tensor(header, shapes, arrays.named)) {
    std::vector<tensor::IntegerTensor> whole = ASSAY_TRY(internal::encode_arrays(arrays, {}, place));
    return Captured{std::move(whole[0].values), {}};
  }
  if (dtype && header.dtype && *dtype != *header.dtype)
    return faulty(fmt::format("it is {}, the commitment is to {}", name_of(dtype), name_of(header.dtype)));
  encode::Encoding encoding = header.encoding;
  if (!header.dtype && integers) encoding = {};  // the integers themselves, whatever they stand for
  if (dtype && !encode::check_encoding(encoding, *dtype, "").ok())
    return faulty(fmt::format("it is {}, which the commitment's encoding {} does not take", name_of(dtype),
                              encoding.to_string()));
  if (!dtype && encoding.kind != encode::Encoding::Kind::kInt)
    return faulty(
        fmt::format("it has Python integers, the commitment's encoding is {}", encoding.to_string()));

  const std::vector<encode::LayerEntry>& map = header.layout.layer_map;
  if (!arrays.named && shapes.size() == 1 && map.size() == 1) shapes[0].name = map[0].name;
  for (encode::LayerShape& shape : shapes) {
    const auto same = std::ranges::find(map, shape.name, &encode::LayerEntry::name);
    if (shape.tap.empty() && same != map.end()) shape.tap = same->tap;
  }
  std::string fault = fault_of_layers(header.layout, shapes);
  if (!fault.empty()) return faulty(std::move(fault));
  for (const tensor::TensorView& view : arrays.views) {
    const Status numbers = encode::check_numbers(view);
    if (!numbers) return within(place, numbers.error());
  }
  Captured captured{{}, {}, arrays, encoding};
  if (!arrays.views.empty()) captured.layers.views[0].name = shapes[0].name;
  if (!arrays.integers.empty()) captured.layers.integers[0].name = shapes[0].name;
  return captured;
}

std::vector<std::optional<Scalar>> Captured::at(const encode::Layout& layout,
                                                std::span<const std::uint64_t> indices) const {
  std::vector<std::optional<Scalar>> found(indices.size());
  if (values.size() > 0) {
    for (std::size_t k = 0; k < indices.size(); ++k) found[k] = values.view()[indices[k]];
    return found;
  }
  const auto real = [&](const encode::LayerPosition& position) -> std::optional<Scalar> {
    if (!layers.integers.empty()) return layers.integers[position.layer].values.view()[position.position];
    const Result<Scalar> value = encode::encode_at(layers.views[position.layer], position.position, encoding);
    return value.ok() ? std::optional(*value) : std::nullopt;
  };
  std::vector<std::size_t> padding;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const std::optional<encode::LayerPosition> position = layout.locate(indices[k]).value();
    if (position) {
      found[k] = real(*position);
    } else {
      padding.push_back(k);
      found[k] = Scalar{};
    }
  }
  if (layout.kind != encode::Layout::Kind::kCube) return found;
  // The padding of a cube repeats values, drawn one after the other.
  std::ranges::sort(padding, {}, [&](std::size_t k) { return indices[k]; });
  std::vector<std::uint64_t> places;
  places.reserve(padding.size());
  for (const std::size_t k : padding) places.push_back(indices[k]);
  const std::vector<std::uint64_t> sources = encode::padding_sources(layout, places);
  for (std::size_t i = 0; i < padding.size(); ++i)
    found[padding[i]] = real(*layout.locate(sources[i]).value());
  return found;
}

Result<tensor::IntegerArray> Captured::laid_out(const encode::Layout& layout) const {
  if (values.size() > 0) return values;
  const std::vector<tensor::IntegerTensor> encoded =
      ASSAY_TRY(internal::encode_arrays(layers, encoding, "captured values"));
  return encode::apply_layout(layout, encoded);
}

Captured captured_like(const Header& header, const Subject& subject) {
  const bool same_dtype = !subject.header.dtype || !header.dtype || *subject.header.dtype == *header.dtype;
  if (!same_dtype)
    return faulty(fmt::format("it is {}, the commitment is to {}", name_of(subject.header.dtype),
                              name_of(header.dtype)));
  if (subject.header.encoding != header.encoding)
    return faulty(fmt::format("it is encoded as {}, the commitment as {}",
                              subject.header.encoding.to_string(), header.encoding.to_string()));
  if (subject.header.layout == header.layout) return {subject.values, {}};
  std::vector<encode::LayerShape> shapes;
  for (const encode::LayerEntry& layer : subject.header.layout.layer_map)
    shapes.push_back({layer.name, layer.original_shape, layer.tap});
  std::string fault = fault_of_layers(header.layout, shapes);
  return faulty(fault.empty() ? "its layout is not that of the commitment" : std::move(fault));
}

Result<Captured> read_captured(const Header& header, const std::filesystem::path& path) {
  const tensor::TensorFile file = ASSAY_TRY(tensor::open(path));
  const SubjectOptions recorded = ASSAY_TRY(options_of_capture(file, {}, path.string()));
  return captured_like(header, arrays_of(file), recorded.taps, path.string());
}

}  // namespace assay::claim
