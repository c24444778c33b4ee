// Slices in words of the model, and their values as a file.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <type_traits>

#include "assay/claim.h"
#include "base/check.h"
#include "base/try.h"

namespace assay::claim {
namespace {

using encode::Layout;

Error out_of_range(std::string_view what, std::string reason) {
  return {ErrorCode::kOutOfRange, std::string(what), std::move(reason)};
}

struct Shape {
  std::uint64_t tokens, width;
};
Shape shape_of(const Layout& layout) {
  const tensor::Shape& shape = layout.layer_map[0].original_shape;
  return {shape[shape.size() - 2], shape.back()};
}

Result<std::uint64_t> layer_number(const Layout& layout, const std::string& text) {
  if (Result<std::uint64_t> named = layout.layer_index(text); named.ok()) return named;
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = failure == std::errc{} && end == text.data() + text.size();
  if (is_number && number < layout.layer_map.size()) return number;
  return out_of_range(
      "layer",
      fmt::format("no layer is called '{}'{}", text,
                  is_number ? fmt::format(", and there are {}", layout.layer_map.size()) : std::string()));
}

Bytes bytes_of(const IntegerView& values, std::size_t size) {
  Bytes out(values.size() * size);
  values.visit([&](auto typed) {
    for (std::size_t i = 0; i < typed.size(); ++i) {
      using T = typename decltype(typed)::value_type;
      if constexpr (std::is_same_v<T, Scalar>) {
        // Narrower integers are no residues.
        const std::uint64_t low =
            typed[i].is_negative() ? 0 - typed[i].magnitude().words[0] : typed[i].words[0];
        if (size == 32)
          std::ranges::copy(typed[i].to_bytes(), out.begin() + static_cast<std::ptrdiff_t>(32 * i));
        else
          std::memcpy(out.data() + size * i, &low, size);
      } else {
        const std::int64_t word = +typed[i];  // with its sign
        std::memcpy(out.data() + size * i, &word, size);
      }
    }
  });
  return out;
}

}  // namespace

Result<Query> query_of_slice(const Layout& layout, const SliceNames& names) {
  if (layout.kind != Layout::Kind::kModel)
    return Error{
        ErrorCode::kUnsupported, "slice",
        fmt::format("a commitment of layout {} has no layers, tokens and dims to fix: open entries of it",
                    encode::to_string(layout.kind))};
  const Axes& axes = layout.axes;
  const Shape shape = shape_of(layout);
  const auto [first, last] = names.tokens.value_or(std::pair<std::uint64_t, std::uint64_t>{0, 0});
  if (first > last) return out_of_range("token", fmt::format("{}..{} has no token", first, last));
  if (last >= shape.tokens)
    return out_of_range("token",
                        fmt::format("{} is not below {}, the tokens that there are", last, shape.tokens));
  if (names.dim && *names.dim >= shape.width)
    return out_of_range("dim", fmt::format("{} is not below {}", *names.dim, shape.width));

  Selection parts;
  std::uint64_t layer = 0;
  if (names.layer) {
    layer = ASSAY_TRY(layer_number(layout, *names.layer));
    parts.fixed.push_back(0);
  }
  if (names.tokens) parts.fixed.push_back(1);
  if (names.dim)
    for (std::uint32_t axis = 2; axis < axes.count(); ++axis) parts.fixed.push_back(axis);
  if (parts.fixed.empty()) return out_of_range("slice", "nothing is fixed: name a layer, a token or a dim");
  for (std::uint64_t token = first; token <= last; ++token) {
    std::uint64_t position = layer;
    if (names.tokens) position = position * axes[1] + token;
    if (names.dim) position = position * axes.volume(2) + *names.dim;
    parts.positions.push_back(static_cast<std::uint32_t>(position));
  }
  return Query::of_parts(std::move(parts), axes);
}

tensor::Shape shape_of_parts(const Layout& layout, const Selection& parts, std::uint64_t value_count) {
  const Axes& axes = layout.axes;
  tensor::Shape shape;
  if (parts.positions.size() > 1) shape.push_back(parts.positions.size());
  if (layout.kind == Layout::Kind::kModel && parts.fixed.size() < axes.count()) {
    const auto is_fixed = [&](std::uint32_t axis) { return std::ranges::binary_search(parts.fixed, axis); };
    if (!is_fixed(0)) shape.push_back(axes[0]);
    if (!is_fixed(1)) shape.push_back(shape_of(layout).tokens);
    if (parts.fixed.back() < 2) shape.push_back(shape_of(layout).width);
  }
  std::uint64_t volume = 1;
  for (const std::uint64_t size : shape) volume *= size;
  return volume == value_count ? shape : tensor::Shape{value_count};
}

Status write_values(const std::filesystem::path& path, const Commitment& commitment, const Proofs& proofs) {
  const Header& header = commitment.header;
  std::vector<Bytes> kept;
  std::vector<tensor::TensorView> views;
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    const tensor::IntegerArray values = proofs.values(k);
    const Query query = proofs.query(k);
    tensor::Shape shape;
    if (query.is_of_parts()) shape = shape_of_parts(header.layout, query.parts, values.size());
    // A value off the grid has no dtype.
    const bool has_dtype = header.dtype && header.encoding.kind != encode::Encoding::Kind::kDecimal &&
                           (query.is_on_grid() || query.is_of_parts());
    tensor::Dtype dtype = has_dtype ? *header.dtype : tensor::Dtype::kI64;
    std::size_t size = tensor::size_of(dtype);
    const Bytes packed = pack_values(values.view());
    if (!has_dtype && packed[0] == 32) {
      dtype = tensor::Dtype::kU8;
      size = 32;
      shape.push_back(32);
    }
    kept.push_back(bytes_of(values.view(), size));
    views.push_back({fmt::format("proof_{}", k), dtype, std::move(shape), {}, nullptr});
  }
  for (std::size_t k = 0; k < kept.size(); ++k) views[k].bytes = kept[k];
  return tensor::write_safetensors(
      path, views,
      {{"encoding", header.encoding.to_string()}, {"commitment_digest", to_hex(commitment.digest())}});
}

}  // namespace assay::claim
