// Tensors as people store them, the integers that stand for them, and the shape in which those are committed
// to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "assay/base.h"
#include "assay/integers.h"

namespace assay::tensor {

// ---- Element types and views

enum class Dtype : std::uint8_t {
  kBool,
  kU8,
  kI8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kF16,
  kBF16,
  kF32,
  kF64
};

/// Bytes of one element.
[[nodiscard]] std::size_t size_of(Dtype dtype);
[[nodiscard]] bool is_float(Dtype dtype);

/// "torch.bfloat16".
[[nodiscard]] std::string_view torch_name(Dtype dtype);
/// "<f4"; "" for bf16, which numpy does not have.
[[nodiscard]] std::string_view numpy_descr(Dtype dtype);
/// "BF16".
[[nodiscard]] std::string_view safetensors_name(Dtype dtype);
[[nodiscard]] std::optional<Dtype> from_torch_name(std::string_view name);
[[nodiscard]] std::optional<Dtype> from_numpy_descr(std::string_view descr);
[[nodiscard]] std::optional<Dtype> from_safetensors_name(std::string_view name);

using Shape = std::vector<std::uint64_t>;

/// Product of the sizes, 1 for a shape without axes. Errors: kTooLarge over 2^40.
[[nodiscard]] Result<std::uint64_t> element_count(std::span<const std::uint64_t> shape,
                                                  std::string_view place);

/// Values in C order, little-endian, without gaps; not necessarily aligned. `owner` keeps the bytes alive
/// where it is set; otherwise whoever made the view does.
struct TensorView {
  std::string name;
  Dtype dtype = Dtype::kF32;
  Shape shape;
  ByteSpan bytes;
  std::shared_ptr<const void> owner;

  [[nodiscard]] std::uint64_t size() const { return bytes.size() / size_of(dtype); }
};

// ---- Integers

/// Integers with whatever keeps their memory alive. Cheap to copy: copies share it.
class IntegerArray {
 public:
  IntegerArray() = default;

  /// T: std::int8_t, 16, 32, 64 or Scalar.
  template <class T>
  static IntegerArray own(std::vector<T> values) {
    auto kept = std::make_shared<const std::vector<T>>(std::move(values));
    return IntegerArray(IntegerView(*kept), kept);
  }
  /// A view into memory that `owner` keeps alive; without an owner the caller does.
  static IntegerArray borrow(IntegerView view, std::shared_ptr<const void> owner) {
    return IntegerArray(view, std::move(owner));
  }

  [[nodiscard]] const IntegerView& view() const { return view_; }
  [[nodiscard]] std::size_t size() const { return view_.size(); }
  [[nodiscard]] IntegerView::Kind kind() const { return view_.kind(); }

 private:
  IntegerArray(IntegerView view, std::shared_ptr<const void> owner) : view_(view), owner_(std::move(owner)) {}
  IntegerView view_;
  std::shared_ptr<const void> owner_;
};

/// A named array of integers: one layer, in C order. `tap` says where in the model it was taken: "" (not
/// known), "embedding", "block:3" (the residual stream after block 3), "final_norm".
struct IntegerTensor {
  std::string name;
  Shape shape;
  IntegerArray values;
  std::string tap;
};

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
[[nodiscard]] Status check_encoding(const Encoding& encoding, Dtype dtype, std::string_view place);

/// The integers of all values. `int` and `bits` borrow the tensor's memory where its alignment and type
/// allow; decimal gives int64 where all fit, else Scalars. Errors, with the tensor's name and the index of
/// the first offending value: kOutOfRange (infinity, NaN, a bool over 1; |integer| > (r - 1) / 2),
/// kUnsupported (see check_encoding).
[[nodiscard]] Result<IntegerArray> encode(const TensorView& tensor, const Encoding& encoding);

/// The value that an integer stands for, for display: exact for int and bits of at most 53 bits, else the
/// nearest double. Errors: kOutOfRange for what range_of excludes, kUnsupported.
[[nodiscard]] Result<double> decode(const Encoding& encoding, Dtype dtype, const Scalar& integer);

/// Signed bounds, inclusive.
struct Range {
  Scalar smallest;
  Scalar largest;
  [[nodiscard]] bool contains(const Scalar& integer) const;
  friend bool operator==(const Range&, const Range&) = default;
};

/// The smallest and the largest integer that `encoding` makes of finite values of `dtype`, cut at +-(r - 1)
/// / 2. A verifier refuses opened values outside. Errors: kUnsupported (see check_encoding), kOutOfRange.
[[nodiscard]] Result<Range> range_of(const Encoding& encoding, Dtype dtype);

/// The seeds' default: 32 for f32 and f64, 16 for f16 and bf16.
[[nodiscard]] std::uint32_t default_scale_factor(Dtype dtype);

/// scale_factor - floor(scale_factor * quantize_pct / 100), the scale of `decimal`. Errors: kOutOfRange
/// (scale_factor over 200; quantize_pct outside 0 to 100).
[[nodiscard]] Result<std::uint32_t> effective_scale(std::uint32_t scale_factor, double quantize_pct);

// ---- Containers

enum class Container : std::uint8_t { kSafetensors, kNpy, kTorch };

/// "safetensors", "npy", "pt".
[[nodiscard]] std::string_view to_string(Container container);

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// What a file holds. Views stay valid on their own: each keeps the mapping alive.
struct TensorFile {
  Container container = Container::kSafetensors;
  std::vector<TensorView> tensors;             ///< in the order of the file
  std::vector<IntegerTensor> integer_tensors;  ///< .npy of Python integers (object dtype)
  std::vector<std::size_t> hidden_states;      ///< of a .pt: which tensors came from its "hidden_states"
  Metadata metadata;  ///< safetensors __metadata__; plain values of a .pt's dictionary

  /// nullptr when there is none.
  [[nodiscard]] const TensorView* find(std::string_view name) const;
  /// The value of a metadata key; "" when there is none.
  [[nodiscard]] std::string_view metadata_value(std::string_view key) const;
  /// The hidden states: of a .pt its "hidden_states" (embedding, layer_0, ..); else every floating-point
  /// tensor.
  [[nodiscard]] std::vector<TensorView> layers() const;
};

/// Maps and reads a safetensors, .npy or torch .pt file, told apart by content. Nothing in a file is ever
/// executed. The one tensor of an .npy is named "array". Errors: kIo, kMalformed, kNonCanonical, kTooLarge,
/// kUnsupported.
[[nodiscard]] Result<TensorFile> open(const std::filesystem::path& path);

/// An .npy file as integers, whatever its storage: an integer dtype, Python integers, or 32-byte rows of
/// Scalars when `rows_are_scalars`. Errors: as open; kUnsupported for floats.
[[nodiscard]] Result<IntegerTensor> open_integers(const std::filesystem::path& path,
                                                  bool rows_are_scalars = false);

/// Writes a safetensors file, tensors in the given order, data from a multiple of 8 bytes on. Errors: kIo,
/// kMalformed (duplicate or reserved name, text that is not UTF-8), kMismatch (bytes that do not match the
/// shape), kTooLarge.
[[nodiscard]] Status write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                                       const Metadata& metadata);

/// How integers lie in an .npy file.
enum class Storage : std::uint8_t {
  kInt64,     ///< '<i8'
  kScalar32,  ///< '|u1' of shape [..., 32]: canonical little-endian residues
  kObject,    ///< '|O': pickled Python integers, as the seeds write them
};

/// "int64", "scalar32", "object".
[[nodiscard]] std::string_view to_string(Storage storage);

/// int64 where all values fit, else 32-byte rows.
[[nodiscard]] Storage compact_storage(const IntegerView& values);

/// Errors: kIo; kMismatch (shape and count); kOutOfRange (kInt64 with a value that does not fit).
[[nodiscard]] Status write_npy(const std::filesystem::path& path, const IntegerView& values,
                               std::span<const std::uint64_t> shape, Storage storage);

// ---- Layouts

/// A layer without its values.
struct LayerShape {
  std::string name;
  Shape shape;
  std::string tap;
};
[[nodiscard]] std::vector<LayerShape> shapes_of(std::span<const IntegerTensor> layers);

/// Where a layer lies in the concatenation of all layers, before any padding.
struct LayerEntry {
  std::string name;
  Shape original_shape;
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
    kModel,  ///< layers, tokens, then factors of the hidden width; each row is padded with zeros at its end
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

/// The seeds' least-padding cube: k axes of d nodes, d in [min_dim, max_dim], k the smallest with d^k >=
/// count (or num_dims), least padding first, then the smaller d. Errors: kOutOfRange.
[[nodiscard]] Result<Axes> choose_cube(std::uint64_t count, const CubeOptions& options = {});

/// Factors from 2 to 16 whose product is the least possible >= width; of those the fewest, then the least sum
/// of squares; larger first. None for width 1. Errors: kOutOfRange for 0 and over 2^32.
[[nodiscard]] Result<std::vector<std::uint32_t>> choose_width_factors(std::uint64_t width);

/// Errors of all three: kOutOfRange (no layers, an empty layer, over 2^32 values), kMalformed (names).
[[nodiscard]] Result<Layout> plan_cube(std::span<const LayerShape> layers, const CubeOptions& options = {});
/// All layers (1, T, H) or (T, H). Errors: also kMismatch, with the word to use the cube layout.
[[nodiscard]] Result<Layout> plan_model(std::span<const LayerShape> layers);
/// `axes`, or the shape of the one layer (one axis of one node for a shape without axes), or one axis for
/// several layers. Errors: also kMismatch (volume).
[[nodiscard]] Result<Layout> plan_flat(std::span<const LayerShape> layers,
                                       const std::optional<Axes>& axes = {});

/// Cube: for each padding position in order, the index of the real value that it repeats. Drawn from a
/// ChaCha20 stream keyed by SHA-256("assay/pad/v1" || LE64(pad_seed)). Empty for other kinds.
[[nodiscard]] std::vector<std::uint64_t> padding_sources(const Layout& layout);

/// The committed tensor: layers concatenated and padded, in the widest of their integer types. One layer that
/// needs no padding is not copied. Errors: kMismatch when the layers are not those of the layout.
[[nodiscard]] Result<IntegerArray> apply_layout(const Layout& layout, std::span<const IntegerTensor> layers);

// ---- The seeds' directories

struct ConversionLayer {
  std::string name;
  Shape original_shape;
  Dtype original_dtype = Dtype::kF32;
  std::string npy_file;
  IntegerArray values;
};

/// A directory of `convert`: one .npy for each layer and conversion_metadata.json.
struct Conversion {
  std::string model_name;
  std::string prompt;
  std::string generated_text;
  Encoding encoding;
  std::uint32_t scale_factor = 0;  ///< decimal; else 0
  double quantize_pct = 0;
  Storage storage = Storage::kInt64;  ///< the widest that any layer uses
  std::vector<ConversionLayer> layers;

  [[nodiscard]] std::vector<IntegerTensor> tensors() const;
};

struct ConvertOptions {
  std::filesystem::path output_dir;  ///< empty: the seeds' name beside the input
  Encoding::Kind encoding = Encoding::Kind::kDecimal;
  std::optional<std::uint32_t> scale_factor;  ///< default by dtype; the layers must agree
  double quantize_pct = 0;
  bool object_storage = false;  ///< write Python integers, as the seeds do
};

/// Writes <dir>/<layer>.npy and <dir>/conversion_metadata.json, all or none, and gives the directory. Errors:
/// as open, encode, write_npy; kMalformed when the file holds no layer.
[[nodiscard]] Result<std::filesystem::path> convert(const std::filesystem::path& input,
                                                    const ConvertOptions& options);

/// Reads a directory of convert (or of the seeds' script) and checks metadata against arrays. Errors: as
/// open; kMismatch.
[[nodiscard]] Result<Conversion> read_conversion(const std::filesystem::path& dir);

struct ReshapeOptions {
  std::filesystem::path output_dir;  ///< empty: <input>_hypercube
  CubeOptions cube;
  bool object_storage = false;
};

/// A directory of `reshape`: hypercube.npy and hypercube_metadata.json.
struct Hypercube {
  Layout layout;
  IntegerArray values;  ///< in C order of layout.axes
  std::string model_name;
  std::optional<Encoding> encoding;
};

/// Writes <dir>/hypercube.npy and <dir>/hypercube_metadata.json, both or none, and gives the directory.
[[nodiscard]] Result<std::filesystem::path> reshape(const std::filesystem::path& input_dir,
                                                    const ReshapeOptions& options);

/// Reads a directory of reshape (or of the seeds' script; its padding, drawn by numpy, is taken as it is) and
/// checks metadata against the array. Errors: as open; kMismatch.
[[nodiscard]] Result<Hypercube> read_hypercube(const std::filesystem::path& dir);

}  // namespace assay::tensor
