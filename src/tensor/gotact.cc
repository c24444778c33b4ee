// .gotact and .gotue, the files of the Geometry of Trust.
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/try.h"
#include "base/wire.h"
#include "tensor/load.h"
#include "tensor/source.h"

namespace assay::tensor {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kMaxModelBytes = 4096;
constexpr std::uint64_t kMaxLayers = 4096;
constexpr std::uint64_t kMaxPositions = std::uint64_t{1} << 24;
constexpr std::array<std::string_view, 4> kPrecisions = {"fp32", "fp16", "bf16", "int8"};
constexpr std::size_t kNumber = sizeof(std::uint32_t);

Status check_version(WireReader& reader) {
  const std::uint16_t version = ASSAY_TRY(reader.u16("version"));
  if (version != kVersion)
    return reader.error(ErrorCode::kUnsupported, "version",
                        fmt::format("{}, and {} is what is read here", version, kVersion));
  return {};
}

// A size of at least one and at most `most`.
Result<std::uint64_t> size_from(WireReader& reader, std::string_view field, std::uint64_t most) {
  const std::uint64_t size = ASSAY_TRY(reader.u32(field));
  if (size == 0 || size > most)
    return reader.error(size == 0 ? ErrorCode::kMalformed : ErrorCode::kTooLarge, field,
                        fmt::format("{} is not in 1 to {}", size, most));
  return size;
}

// Of the first value that is NaN or infinite.
std::optional<std::size_t> first_not_finite(ByteSpan values) {
  for (std::size_t at = 0; at < values.size(); at += sizeof(float)) {
    if (!std::isfinite(load_at<float>(values, at))) return at / sizeof(float);
  }
  return std::nullopt;
}

struct Sizes {
  std::uint64_t width = 0;
  std::uint64_t layers = 0;
  std::uint64_t positions = 0;

  [[nodiscard]] std::uint64_t row_bytes() const { return width * sizeof(float); }
  [[nodiscard]] std::uint64_t values_bytes() const { return layers * positions * row_bytes(); }
  [[nodiscard]] std::uint64_t bytes() const {
    return layers * kNumber + layers * positions * kNumber + values_bytes();
  }
  // Of a file that has the layer's index before each of its positions.
  [[nodiscard]] std::uint64_t misaligned_bytes() const {
    return bytes() + layers * (positions - 1) * kNumber;
  }
};

Result<Sizes> sizes_from(WireReader& reader, const Source& source) {
  Sizes sizes;
  sizes.width = ASSAY_TRY(size_from(reader, "hidden_dim", UINT32_MAX));
  sizes.layers = ASSAY_TRY(size_from(reader, "num_layers", kMaxLayers));
  sizes.positions = ASSAY_TRY(size_from(reader, "num_positions", kMaxPositions));
  const Shape shape = {sizes.layers, sizes.positions, sizes.width};
  static_cast<void>(
      ASSAY_TRY(element_count(shape, source.place + ": hidden_dim, num_layers and num_positions")));
  const std::uint64_t held = reader.remaining();
  if (held == sizes.bytes()) return sizes;
  if (held == sizes.misaligned_bytes())
    return source.malformed("",
                            "the layer's index stands before every position, and belongs before the first "
                            "alone: whoever reads it as .gotact gets rows that are out of place");
  return source.malformed(
      "", fmt::format("{} bytes of layers where the header asks for {}", held, sizes.bytes()));
}

struct Layer {
  std::uint32_t index = 0;
  std::vector<std::uint32_t> positions;
};

// Reads one layer, whose values are appended to those before.
Result<Layer> layer_from(WireReader& reader, const Sizes& sizes, const Source& source, Bytes& values) {
  Layer layer;
  layer.index = ASSAY_TRY(reader.u32("layer_index"));
  layer.positions.reserve(sizes.positions);
  for (std::uint64_t p = 0; p < sizes.positions; ++p) {
    const std::uint32_t position = ASSAY_TRY(reader.u32("token_position"));
    const auto place = [&] { return fmt::format("layer {}, position {}", layer.index, position); };
    if (!layer.positions.empty() && position <= layer.positions.back())
      return source.error(ErrorCode::kNonCanonical, place(),
                          fmt::format("comes after position {}", layer.positions.back()));
    const ByteSpan row = ASSAY_TRY(reader.raw(sizes.row_bytes(), "row"));
    if (const auto at = first_not_finite(row))
      return source.error(ErrorCode::kOutOfRange, place(), fmt::format("value {} is not finite", *at));
    layer.positions.push_back(position);
    values.insert(values.end(), row.begin(), row.end());
  }
  return layer;
}

std::string as_list(const std::vector<std::uint32_t>& numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ","));
}

}  // namespace

Result<TensorFile> parse_gotact(const Source& source) {
  WireReader reader(source.bytes, source.place);
  static_cast<void>(ASSAY_TRY(reader.raw(kGotactMagic.size(), "magic")));
  ASSAY_TRY(check_version(reader));
  std::string model = ASSAY_TRY(reader.text(kMaxModelBytes, "model id"));
  const std::uint8_t precision = ASSAY_TRY(reader.u8("precision"));
  if (precision >= kPrecisions.size())
    return reader.error(ErrorCode::kMalformed, "precision", fmt::format("{} is none", precision));
  const Sizes sizes = ASSAY_TRY(sizes_from(reader, source));

  auto values = std::make_shared<Bytes>();
  values->reserve(sizes.values_bytes());
  std::vector<Layer> layers;
  for (std::uint64_t l = 0; l < sizes.layers; ++l) {
    Layer layer = ASSAY_TRY(layer_from(reader, sizes, source, *values));
    const std::string place = fmt::format("layer {}", layer.index);
    if (!layers.empty() && layer.index <= layers.back().index)
      return source.error(ErrorCode::kNonCanonical, place,
                          fmt::format("comes after layer {}", layers.back().index));
    if (!layers.empty() && layer.positions != layers.front().positions)
      return source.error(ErrorCode::kMismatch, place,
                          fmt::format("its positions are not those of layer {}", layers.front().index));
    layers.push_back(std::move(layer));
  }
  ASSAY_TRY(reader.finish());

  TensorFile file;
  file.container = Container::kGotact;
  file.metadata = {{"model_name", std::move(model)},
                   {"precision", std::string(kPrecisions[precision])},
                   {"token_positions", as_list(layers.front().positions)}};
  const std::size_t bytes = sizes.positions * sizes.row_bytes();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    file.tensors.push_back({fmt::format("layer_{}", layers[l].index),
                            Dtype::kF32,
                            {sizes.positions, sizes.width},
                            ByteSpan(*values).subspan(l * bytes, bytes),
                            values});
  }
  return file;
}

Result<TensorFile> parse_gotue(const Source& source) {
  WireReader reader(source.bytes, source.place);
  static_cast<void>(ASSAY_TRY(reader.raw(kGotueMagic.size(), "magic")));
  ASSAY_TRY(check_version(reader));
  const std::uint64_t tokens = ASSAY_TRY(size_from(reader, "vocab_size", UINT32_MAX));
  const std::uint64_t width = ASSAY_TRY(size_from(reader, "hidden_dim", UINT32_MAX));
  const Shape shape = {tokens, width};
  const std::uint64_t count = ASSAY_TRY(element_count(shape, source.place + ": vocab_size and hidden_dim"));
  const ByteSpan values = source.bytes.subspan(reader.offset());
  if (values.size() != count * sizeof(float))
    return source.malformed("", fmt::format("{} bytes of values where the header asks for {}", values.size(),
                                            count * sizeof(float)));
  if (const auto at = first_not_finite(values))
    return source.error(ErrorCode::kOutOfRange, fmt::format("token {}", *at / width),
                        fmt::format("value {} is not finite", *at % width));
  TensorFile file;
  file.container = Container::kGotue;
  file.tensors.push_back({"unembedding", Dtype::kF32, shape, values, source.owner});
  return file;
}

}  // namespace assay::tensor
