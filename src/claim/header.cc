#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "assay/claim.h"
#include "base/try.h"
#include "base/wire.h"
#include "base/within.h"

namespace assay::claim {
namespace {

using encode::Encoding;
using encode::Layout;
using tensor::Dtype;

constexpr std::uint32_t kHeaderVersion = 2;
constexpr std::uint8_t kNoDtype = 0xff;
constexpr std::size_t kMaxText = 1024;  // validate() has the narrower bounds of names and taps

// The numbers of the format. They stay when an enumeration is reordered.
template <class T>
struct Code {
  std::uint8_t code;
  T value;
};
constexpr std::array kLayoutCodes = {Code<Layout::Kind>{0, Layout::Kind::kFlat},
                                     Code<Layout::Kind>{1, Layout::Kind::kCube},
                                     Code<Layout::Kind>{2, Layout::Kind::kModel}};
constexpr std::array kEncodingCodes = {Code<Encoding::Kind>{0, Encoding::Kind::kInt},
                                       Code<Encoding::Kind>{1, Encoding::Kind::kBits},
                                       Code<Encoding::Kind>{2, Encoding::Kind::kDecimal}};
constexpr std::array kDtypeCodes = {
    Code<Dtype>{0, Dtype::kBool}, Code<Dtype>{1, Dtype::kU8},    Code<Dtype>{2, Dtype::kI8},
    Code<Dtype>{3, Dtype::kU16},  Code<Dtype>{4, Dtype::kI16},   Code<Dtype>{5, Dtype::kU32},
    Code<Dtype>{6, Dtype::kI32},  Code<Dtype>{7, Dtype::kU64},   Code<Dtype>{8, Dtype::kI64},
    Code<Dtype>{16, Dtype::kF16}, Code<Dtype>{17, Dtype::kBF16}, Code<Dtype>{18, Dtype::kF32},
    Code<Dtype>{19, Dtype::kF64}};
constexpr std::array kCaptureCodes = {
    Code<CaptureMode>{0, CaptureMode::kUnknown}, Code<CaptureMode>{1, CaptureMode::kDecode},
    Code<CaptureMode>{2, CaptureMode::kPrefill}, Code<CaptureMode>{3, CaptureMode::kRecompute}};

// 0xfe, which no table has, for a value outside its enumeration: decode() refuses it.
template <class Table, class T>
std::uint8_t code_of(const Table& table, T value) {
  for (const auto& entry : table)
    if (entry.value == value) return entry.code;
  return 0xfe;
}

Error unknown_code(const WireReader& reader, std::string_view field, std::uint8_t code) {
  return reader.error(ErrorCode::kOutOfRange, field,
                      fmt::format("no meaning is given to the number {}", code));
}

template <class T, std::size_t N>
Result<T> read_code(WireReader& reader, const std::array<Code<T>, N>& table, std::string_view field) {
  const std::uint8_t code = ASSAY_TRY(reader.u8(field));
  for (const auto& entry : table)
    if (entry.code == code) return entry.value;
  return reader.error(ErrorCode::kOutOfRange, field,
                      fmt::format("no meaning is given to the number {}", code));
}

Result<std::optional<Dtype>> read_dtype(WireReader& reader) {
  const std::uint8_t code = ASSAY_TRY(reader.u8("dtype"));
  if (code == kNoDtype) return std::optional<Dtype>();
  for (const auto& entry : kDtypeCodes)
    if (entry.code == code) return std::optional(entry.value);
  return unknown_code(reader, "dtype", code);
}

constexpr std::array kSchemeCodes = {Code<Scheme>{0, Scheme::kTensor}, Code<Scheme>{1, Scheme::kKzg},
                                     Code<Scheme>{2, Scheme::kMerkle}};

constexpr std::array kCaptureNames = {"unknown", "decode", "prefill", "recompute"};

// (r - 1) / 2.
Scalar half_modulus() {
  Scalar half;
  for (std::size_t i = 0; i < 4; ++i)
    half.words[i] = kScalarModulus[i] >> 1 | (i < 3 ? kScalarModulus[i + 1] << 63 : 0);
  return half;
}

encode::Range every_integer() {
  const Scalar half = half_modulus();
  Scalar lowest = half;  // r - (r - 1) / 2 = (r - 1) / 2 + 1; half ends in a zero bit
  ++lowest.words[0];
  return {lowest, half};
}

Result<Axes> read_axes(WireReader& reader, std::string_view place) {
  const std::uint32_t count = ASSAY_TRY(reader.u32("axis count"));
  if (count == 0 || count > Axes::kMaxCount)
    return reader.error(ErrorCode::kOutOfRange, "axis count",
                        fmt::format("{} is not in 1 to {}", count, Axes::kMaxCount));
  std::vector<std::uint64_t> sizes(count);
  for (std::uint64_t& size : sizes) size = ASSAY_TRY(reader.u32("axis"));
  return Axes::from(sizes, fmt::format("{}: axes", place));
}

Result<std::optional<Digest>> read_setup_digest(WireReader& reader) {
  const std::uint8_t present = ASSAY_TRY(reader.u8("whether there is a setup"));
  if (present > 1)
    return reader.error(ErrorCode::kOutOfRange, "whether there is a setup",
                        fmt::format("{} is not 0 or 1", present));
  std::optional<Digest> digest;
  if (present == 1) std::ranges::copy(ASSAY_TRY(reader.raw(32, "setup digest")), digest.emplace().begin());
  return digest;
}

Result<encode::LayerEntry> read_layer(WireReader& reader, std::uint64_t offset, std::string_view place) {
  encode::LayerEntry layer;
  layer.name = ASSAY_TRY(reader.text(kMaxText, "layer name"));
  layer.tap = ASSAY_TRY(reader.text(kMaxText, "layer tap"));
  layer.original_shape.resize(ASSAY_TRY(reader.count(8, Axes::kMaxCount, "layer rank")));
  for (std::uint64_t& size : layer.original_shape) size = ASSAY_TRY(reader.u64("layer size"));
  // At most 2^40 each, so that the sums over 65,536 layers stay far below 2^64.
  layer.num_elements =
      ASSAY_TRY(tensor::element_count(layer.original_shape, fmt::format("{}: layer {}", place, layer.name)));
  layer.flat_offset = offset;
  layer.flat_end = offset + layer.num_elements;
  return layer;
}

}  // namespace

std::string_view to_string(Scheme scheme) {
  switch (scheme) {
    case Scheme::kTensor:
      return "tensor";
    case Scheme::kKzg:
      return "kzg";
    case Scheme::kMerkle:
      break;
  }
  return "merkle";
}

std::optional<Scheme> scheme_of(std::string_view name) {
  for (const auto& entry : kSchemeCodes)
    if (to_string(entry.value) == name) return entry.value;
  return std::nullopt;
}

std::string_view to_string(CaptureMode mode) {
  const auto index = static_cast<std::size_t>(mode);
  return index < kCaptureNames.size() ? kCaptureNames[index] : kCaptureNames[0];
}

std::optional<CaptureMode> capture_mode(std::string_view name) {
  for (const auto& entry : kCaptureCodes)
    if (to_string(entry.value) == name) return entry.value;
  return std::nullopt;
}

Status Header::validate() const {
  ASSAY_TRY(layout.validate());
  ASSAY_TRY(encoding.validate());
  if (dtype) ASSAY_TRY(encode::check_encoding(encoding, *dtype, "dtype"));
  if (code_of(kCaptureCodes, capture_mode) == 0xfe)
    return Error{ErrorCode::kOutOfRange, "capture mode", "no such mode"};
  if (code_of(kSchemeCodes, scheme) == 0xfe) return Error{ErrorCode::kOutOfRange, "scheme", "no such scheme"};
  const bool has_setup = scheme != Scheme::kMerkle;
  if (has_setup && !setup_digest)
    return Error{ErrorCode::kMismatch, "setup digest",
                 fmt::format("the scheme \"{}\" has an SRS, whose digest is missing", to_string(scheme))};
  if (!has_setup && setup_digest)
    return Error{ErrorCode::kMismatch, "setup digest",
                 fmt::format("the scheme \"{}\" has no setup", to_string(scheme))};
  if (first_token > kMaxFirstToken)
    return Error{ErrorCode::kOutOfRange, "first token", fmt::format("{} is over 2^40", first_token)};
  if (first_token != 0 && layout.kind != Layout::Kind::kModel)
    return Error{ErrorCode::kMismatch, "first token", "only the layout \"model\" has tokens to count"};
  std::size_t size = 4 + 1 + 1 + 4 + 4 * layout.axes.count() + 8 + 8 + 8 + 1 + 4 + 1 + 1 + 1 + 32 + 4;
  for (const auto& layer : layout.layer_map)
    size += 12 + layer.name.size() + layer.tap.size() + 8 * layer.original_shape.size();
  if (size > kMaxBytes)
    return Error{
        ErrorCode::kTooLarge, "layer map",
        fmt::format("the header has {} bytes, at most {} are allowed: fewer layers, or shorter names", size,
                    kMaxBytes)};
  return {};
}

Bytes Header::encode() const {
  WireWriter writer;
  writer.begin({}, kHeaderVersion).u8(code_of(kSchemeCodes, scheme)).u8(code_of(kLayoutCodes, layout.kind));
  writer.u32(static_cast<std::uint32_t>(layout.axes.count()));
  for (const std::uint32_t size : layout.axes.sizes()) writer.u32(size);
  writer.u64(layout.real_count).u64(layout.pad_seed).u64(first_token);
  writer.u8(code_of(kEncodingCodes, encoding.kind)).u32(encoding.scale);
  writer.u8(dtype ? code_of(kDtypeCodes, *dtype) : kNoDtype);
  writer.u8(code_of(kCaptureCodes, capture_mode)).u8(setup_digest ? 1 : 0);
  if (setup_digest) writer.raw(*setup_digest);
  writer.u32(static_cast<std::uint32_t>(layout.layer_map.size()));
  for (const auto& layer : layout.layer_map) {
    writer.text(layer.name).text(layer.tap).u32(static_cast<std::uint32_t>(layer.original_shape.size()));
    for (const std::uint64_t size : layer.original_shape) writer.u64(size);
  }
  return writer.take();
}

Result<Header> Header::decode(ByteSpan bytes, std::string_view place) {
  if (bytes.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("a header of {} bytes, at most {} are taken", bytes.size(), kMaxBytes)};
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin({}, kHeaderVersion));
  const Scheme scheme = ASSAY_TRY(read_code(reader, kSchemeCodes, "scheme"));
  const Layout::Kind kind = ASSAY_TRY(read_code(reader, kLayoutCodes, "layout"));
  Header header{{kind, ASSAY_TRY(read_axes(reader, place)), 0, 0, {}}, {}, {}};
  header.scheme = scheme;
  Layout& layout = header.layout;
  layout.real_count = ASSAY_TRY(reader.u64("count of real values"));
  layout.pad_seed = ASSAY_TRY(reader.u64("padding seed"));
  header.first_token = ASSAY_TRY(reader.u64("first token"));
  header.encoding.kind = ASSAY_TRY(read_code(reader, kEncodingCodes, "encoding"));
  header.encoding.scale = ASSAY_TRY(reader.u32("scale"));
  header.dtype = ASSAY_TRY(read_dtype(reader));
  header.capture_mode = ASSAY_TRY(read_code(reader, kCaptureCodes, "capture mode"));
  header.setup_digest = ASSAY_TRY(read_setup_digest(reader));
  const std::uint32_t layers = ASSAY_TRY(reader.count(12, Layout::kMaxLayers, "layer count"));
  layout.layer_map.reserve(layers);
  std::uint64_t offset = 0;
  for (std::uint32_t i = 0; i < layers; ++i) {
    layout.layer_map.push_back(ASSAY_TRY(read_layer(reader, offset, place)));
    offset = layout.layer_map.back().flat_end;
  }
  ASSAY_TRY(reader.finish());
  if (const Status status = header.validate(); !status) return within(place, status.error());
  return header;
}

Result<encode::Range> Header::value_range() const {
  ASSAY_TRY(encoding.validate());
  if (dtype) return encode::range_of(encoding, *dtype);
  if (encoding.kind == Encoding::Kind::kBits) return encode::range_of(encoding, Dtype::kF32);
  return every_integer();
}

}  // namespace assay::claim
