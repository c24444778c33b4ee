// What is committed to: floats as integers, and the layout in which they fill the axes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/integers.h"
#include "assay/tensor.h"

namespace assay::encode {

// ---- Encodings

/// How values become integers.
struct Encoding {
  enum class Kind : std::uint8_t {
    kInt,      ///< integers as they are
    kBits,     ///< the bit pattern of a float as a two's complement integer: f16, bf16 -> int16, f32 -> int32
    kDecimal,  ///< round-half-even of the exact value times 10^scale
  };
  static constexpr std::uint32_t kMaxScale = 200;

  Kind kind = Kind::kInt;
  std::uint32_t scale = 0;  ///< kDecimal: 0 to kMaxScale; else 0

  /// "int", "bits", "decimal:8". Errors: kMalformed, kOutOfRange.
  static Result<Encoding> parse(std::string_view text, std::string_view place);
  [[nodiscard]] std::string to_string() const;
  /// Errors: kOutOfRange (scale).
  [[nodiscard]] Status validate() const;
  friend bool operator==(const Encoding&, const Encoding&) = default;
};

/// Errors: kUnsupported where values of `dtype` have no such encoding (bits of integers or f64, int of
/// floats).
[[nodiscard]] Status check_encoding(const Encoding& encoding, tensor::Dtype dtype, std::string_view place);

/// The integers of all values. `int` and `bits` borrow the tensor's memory where its alignment and type
/// allow; decimal gives int64 where all fit, else Scalars. Errors, with the tensor's name and the index of
/// the first offending value: kOutOfRange (infinity, NaN, a bool over 1; |integer| > (r - 1) / 2),
/// kUnsupported (see check_encoding).
[[nodiscard]] Result<tensor::IntegerArray> encode(const tensor::TensorView& tensor, const Encoding& encoding);

/// The integer of one value, without work on the others. Errors: as encode().
[[nodiscard]] Result<Scalar> encode_at(const tensor::TensorView& tensor, std::uint64_t index,
                                       const Encoding& encoding);

/// Whether all values are numbers, whatever the encoding. Errors: kOutOfRange (infinity, NaN, a bool over 1),
/// with the tensor's name and the index of the first.
[[nodiscard]] Status check_numbers(const tensor::TensorView& tensor);

/// The value that an integer stands for, for display: exact for int and bits of at most 53 bits, else the
/// nearest double. Errors: kOutOfRange for what range_of excludes, kUnsupported.
[[nodiscard]] Result<double> decode(const Encoding& encoding, tensor::Dtype dtype, const Scalar& integer);

/// The same as text, which is exact for `int` and `decimal`, and for `bits` the shortest that gives the float
/// back. Without a dtype `bits` say nothing: kUnsupported. Errors: those of decode().
[[nodiscard]] Result<std::string> number_of(const Encoding& encoding,
                                            const std::optional<tensor::Dtype>& dtype, const Scalar& integer);

/// How far the number that an integer stands for may lie from the value that became it: 0 for what loses
/// nothing, which is `int`, `bits`, and a decimal that has places enough for every value of the dtype.
[[nodiscard]] double largest_rounding_error(const Encoding& encoding,
                                            const std::optional<tensor::Dtype>& dtype);

/// Signed bounds, inclusive.
struct Range {
  Scalar smallest;
  Scalar largest;
  [[nodiscard]] bool contains(const Scalar& integer) const;
  friend bool operator==(const Range&, const Range&) = default;
};

/// The smallest and the largest integer that `encoding` makes of finite values of `dtype`, cut at +-(r - 1)
/// / 2. A verifier refuses opened values outside. Errors: kUnsupported (see check_encoding), kOutOfRange.
[[nodiscard]] Result<Range> range_of(const Encoding& encoding, tensor::Dtype dtype);

/// The default of the original pipeline: 32 for f32 and f64, 16 for f16 and bf16.
[[nodiscard]] std::uint32_t default_scale_factor(tensor::Dtype dtype);

/// scale_factor - floor(scale_factor * quantize_pct / 100), the scale of `decimal`. Errors: kOutOfRange
/// (scale_factor over 200; quantize_pct outside 0 to 100).
[[nodiscard]] Result<std::uint32_t> effective_scale(std::uint32_t scale_factor, double quantize_pct);

// ---- Layouts

/// A layer without its values.
struct LayerShape {
  std::string name;
  tensor::Shape shape;
  std::string tap;
};
[[nodiscard]] std::vector<LayerShape> shapes_of(std::span<const tensor::IntegerTensor> layers);

/// Where a layer lies in the concatenation of all layers, before any padding.
struct LayerEntry {
  std::string name;
  tensor::Shape original_shape;
  std::uint64_t num_elements = 0;
  std::uint64_t flat_offset = 0;
  std::uint64_t flat_end = 0;
  std::string tap;
  friend bool operator==(const LayerEntry&, const LayerEntry&) = default;
};

/// A position within a layer, in C order of its shape.
struct LayerPosition {
  std::uint64_t layer = 0;  ///< index into the layer map
  std::uint64_t position = 0;
  friend bool operator==(const LayerPosition&, const LayerPosition&) = default;
};

/// How layers fill the committed tensor.
struct Layout {
  enum class Kind : std::uint8_t {
    kFlat,   ///< the concatenation fills the axes exactly
    kCube,   ///< the concatenation, then repeated real values, fills k axes of d nodes
    kModel,  ///< layers, room for tokens, then factors of the hidden width; the rest is zeros
  };

  Kind kind = Kind::kFlat;
  Axes axes;
  std::uint64_t real_count = 0;
  std::uint64_t pad_seed = 0;  ///< kCube; else 0
  std::vector<LayerEntry> layer_map;

  static constexpr std::size_t kMaxLayers = 65536;

  [[nodiscard]] std::uint64_t padding() const { return axes.volume() - real_count; }

  /// Everything that a header's reader must know to hold: names unique and printable, entries contiguous and
  /// equal to the volume of their shapes, real_count their sum and at most the volume, axes of the form that
  /// the kind demands. Errors: kMalformed, kOutOfRange, kMismatch.
  [[nodiscard]] Status validate() const;

  /// What lies at a C-order index of the axes; nullopt for padding. Errors: kOutOfRange.
  [[nodiscard]] Result<std::optional<LayerPosition>> locate(std::uint64_t index) const;

  /// Inverse of locate. Errors: kOutOfRange.
  [[nodiscard]] Result<std::uint64_t> index_of(const LayerPosition& position) const;

  /// Index into the layer map. Errors: kOutOfRange.
  [[nodiscard]] Result<std::uint64_t> layer_index(std::string_view name) const;

  friend bool operator==(const Layout&, const Layout&) = default;
};

/// "flat", "cube", "model".
[[nodiscard]] std::string_view to_string(Layout::Kind kind);
[[nodiscard]] std::optional<Layout::Kind> layout_kind(std::string_view name);

struct CubeOptions {
  std::uint32_t min_dim = 4;
  std::uint32_t max_dim = 10;
  std::optional<std::uint32_t> num_dims;
  std::uint64_t pad_seed = 42;
};

/// The least-padding cube of the original pipeline: k axes of d nodes, d in [min_dim, max_dim], k the
/// smallest with d^k >= count (or num_dims), least padding first, then the smaller d. Errors: kOutOfRange.
[[nodiscard]] Result<Axes> choose_cube(std::uint64_t count, const CubeOptions& options = {});

/// Factors from 2 to 16 whose product is the least possible >= width; of those the fewest, then the least sum
/// of squares; larger first. None for width 1. Errors: kOutOfRange for 0 and over 2^32.
[[nodiscard]] Result<std::vector<std::uint32_t>> choose_width_factors(std::uint64_t width);

/// Errors of all three: kOutOfRange (no layers, an empty layer, over 2^32 values), kMalformed (names).
[[nodiscard]] Result<Layout> plan_cube(std::span<const LayerShape> layers, const CubeOptions& options = {});
/// All layers (1, T, H) or (T, H). The second axis has `token_capacity` nodes, by default T; tokens that
/// there is room for and that are not there are padding. Errors: also kMismatch, with the word to use the
/// cube layout; kOutOfRange (a capacity below T).
[[nodiscard]] Result<Layout> plan_model(std::span<const LayerShape> layers,
                                        std::optional<std::uint64_t> token_capacity = std::nullopt);
/// `axes`, or the shape of the one layer (one axis of one node for a shape without axes), or one axis for
/// several layers. Errors: also kMismatch (volume).
[[nodiscard]] Result<Layout> plan_flat(std::span<const LayerShape> layers,
                                       const std::optional<Axes>& axes = {});

/// Cube: for each padding position in order, the index of the real value that it repeats. Drawn from a
/// ChaCha20 stream keyed by SHA-256("assay/pad/v1" || LE64(pad_seed)). Empty for other kinds.
[[nodiscard]] std::vector<std::uint64_t> padding_sources(const Layout& layout);

/// The same of some padding positions, by their indices in the committed tensor, ascending; nothing is kept
/// of the others.
[[nodiscard]] std::vector<std::uint64_t> padding_sources(const Layout& layout,
                                                         std::span<const std::uint64_t> indices);

/// The committed tensor: layers concatenated and padded, in the widest of their integer types. One layer that
/// needs no padding is not copied. Errors: kMismatch when the layers are not those of the layout.
[[nodiscard]] Result<tensor::IntegerArray> apply_layout(const Layout& layout,
                                                        std::span<const tensor::IntegerTensor> layers);

}  // namespace assay::encode
