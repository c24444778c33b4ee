// The committed array: layers one after the other, and padding.
#include <fmt/format.h>

#include <algorithm>

#include "assay/encode.h"
#include "base/check.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/try.h"

namespace assay::encode {
namespace {

using Kind = IntegerView::Kind;

Status check_layers(const Layout& layout, std::span<const tensor::IntegerTensor> layers) {
  if (layers.size() != layout.layer_map.size()) {
    return Error{ErrorCode::kMismatch, "layers",
                 fmt::format("{} of them where the layout has {}", layers.size(), layout.layer_map.size())};
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerEntry& entry = layout.layer_map[i];
    if (layers[i].name != entry.name || layers[i].shape != entry.original_shape ||
        layers[i].values.size() != entry.num_elements) {
      return Error{ErrorCode::kMismatch, layers[i].name, "its name, shape or count is not the layout's"};
    }
  }
  return {};
}

// Values of a narrower type become wider ones; the whole is never narrower than a layer.
template <class To, class From>
void copy_row(std::span<const From> from, To* to) {
  if constexpr (std::is_same_v<To, From>) {
    std::copy(from.begin(), from.end(), to);
  } else if constexpr (std::is_same_v<To, Scalar>) {
    std::transform(from.begin(), from.end(), to, [](From value) { return Scalar::from_i64(value); });
  } else if constexpr (sizeof(From) < sizeof(To)) {
    std::transform(from.begin(), from.end(), to, [](From value) { return To{value}; });
  }
}

// Layers one after the other; those of a model layout in rows, each followed by its zeros, and after the last
// token the zeros of tokens that there is room for.
template <class T>
tensor::IntegerArray concatenate(const Layout& layout, std::span<const tensor::IntegerTensor> layers) {
  std::vector<T> out(layout.axes.volume());
  const bool in_rows = layout.kind == Layout::Kind::kModel && layout.padding() > 0;
  Progress progress("lay out", layout.real_count);
  T* to = out.data();
  for (const tensor::IntegerTensor& layer : layers) {
    const std::size_t width = in_rows ? layer.shape.back() : layer.values.size();
    const std::size_t stride = in_rows ? layout.axes.volume(2) : width;
    const std::size_t rows = layer.values.size() / width;
    layer.values.view().visit([&](auto values) {
      for (std::size_t i = 0; i < rows; ++i) copy_row(values.subspan(i * width, width), to + i * stride);
    });
    to += in_rows ? layout.axes.volume(1) : rows * stride;
    progress.advance(layer.values.size());
  }
  if (layout.kind == Layout::Kind::kCube) {
    const std::vector<std::uint64_t> sources = padding_sources(layout);
    for (std::size_t i = 0; i < sources.size(); ++i) out[layout.real_count + i] = out[sources[i]];
  }
  return tensor::IntegerArray::own(std::move(out));
}

ChaCha20Stream padding_stream(const Layout& layout) {
  Sha256 hash;
  hash.update("assay/pad/v1").update_u64(layout.pad_seed);
  return ChaCha20Stream(hash.digest());
}

}  // namespace

std::vector<std::uint64_t> padding_sources(const Layout& layout) {
  if (layout.kind != Layout::Kind::kCube) return {};
  ChaCha20Stream stream = padding_stream(layout);
  std::vector<std::uint64_t> sources(layout.padding());
  for (std::uint64_t& source : sources) source = stream.below(layout.real_count);
  return sources;
}

std::vector<std::uint64_t> padding_sources(const Layout& layout, std::span<const std::uint64_t> indices) {
  if (layout.kind != Layout::Kind::kCube) return {};
  ChaCha20Stream stream = padding_stream(layout);
  std::vector<std::uint64_t> sources;
  sources.reserve(indices.size());
  std::uint64_t next = layout.real_count;
  for (const std::uint64_t index : indices) {
    for (; next < index; ++next) static_cast<void>(stream.below(layout.real_count));
    // A position twice has one source.
    sources.push_back(next > index ? sources.back() : (++next, stream.below(layout.real_count)));
  }
  return sources;
}

Result<tensor::IntegerArray> apply_layout(const Layout& layout,
                                          std::span<const tensor::IntegerTensor> layers) {
  ASSAY_TRY(layout.validate());
  ASSAY_TRY(check_layers(layout, layers));
  if (layers.size() == 1 && layout.padding() == 0) return layers[0].values;
  Kind widest = Kind::kI8;
  for (const tensor::IntegerTensor& layer : layers) widest = std::max(widest, layer.values.kind());
  switch (widest) {
    case Kind::kI8:
      return concatenate<std::int8_t>(layout, layers);
    case Kind::kI16:
      return concatenate<std::int16_t>(layout, layers);
    case Kind::kI32:
      return concatenate<std::int32_t>(layout, layers);
    case Kind::kI64:
      return concatenate<std::int64_t>(layout, layers);
    case Kind::kScalar:
      break;
  }
  return concatenate<Scalar>(layout, layers);
}

}  // namespace assay::encode
