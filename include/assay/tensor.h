// Tensors as people store them: data types, views, and the containers that files are.
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
/// "bfloat16", as Python's arrays say it.
[[nodiscard]] std::string_view short_name(Dtype dtype);
/// "<f4"; "" for bf16, which numpy does not have.
[[nodiscard]] std::string_view numpy_descr(Dtype dtype);
/// "BF16".
[[nodiscard]] std::string_view safetensors_name(Dtype dtype);
[[nodiscard]] std::optional<Dtype> from_torch_name(std::string_view name);
[[nodiscard]] std::optional<Dtype> from_short_name(std::string_view name);
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

/// The values of an integer type or of bools. Borrows the tensor's memory where its alignment and type allow;
/// uint64 gives int64 where all fit, else Scalars. Errors, with the tensor's name: kUnsupported (floats),
/// kOutOfRange (a bool over 1, with its index).
[[nodiscard]] Result<IntegerArray> integers_of(const TensorView& tensor);

// ---- Containers

enum class Container : std::uint8_t { kSafetensors, kNpy, kTorch, kGotact, kGotue };

/// "safetensors", "npy", "pt", "gotact", "gotue".
[[nodiscard]] std::string_view to_string(Container container);

using Metadata = std::vector<std::pair<std::string, std::string>>;

/// What a file holds. Views stay valid on their own: each keeps the mapping alive.
struct TensorFile {
  Container container = Container::kSafetensors;
  std::vector<TensorView> tensors;             ///< in the order of the file
  std::vector<IntegerTensor> integer_tensors;  ///< .npy of Python integers (object dtype)
  std::vector<std::size_t> hidden_states;      ///< of a .pt: which tensors came from its "hidden_states"
  /// safetensors __metadata__; plain values of a .pt's dictionary; of a .gotact model_name, precision and
  /// token_positions.
  Metadata metadata;

  /// nullptr when there is none.
  [[nodiscard]] const TensorView* find(std::string_view name) const;
  /// The value of a metadata key; "" when there is none.
  [[nodiscard]] std::string_view metadata_value(std::string_view key) const;
  /// The hidden states: of a .pt its "hidden_states" (embedding, layer_0, ..); else every floating-point
  /// tensor.
  [[nodiscard]] std::vector<TensorView> layers() const;
};

/// Maps and reads a safetensors, .npy, torch .pt, .gotact or .gotue file, told apart by content. Nothing in a
/// file is ever executed. The one tensor of an .npy is named "array", those of a .gotact "layer_3", that of a
/// .gotue "unembedding". Errors: kIo, kMalformed, kNonCanonical, kTooLarge,
/// kUnsupported.
[[nodiscard]] Result<TensorFile> open(const std::filesystem::path& path);

/// A tensor as a safetensors file stores it: of any element type that the format has and whose elements are
/// whole bytes, also of those that no values are read of here (F8).
struct StoredTensor {
  std::string name;
  std::string dtype;  ///< as the format says it: "BF16", "F8_E4M3"
  Shape shape;
  ByteSpan bytes;  ///< C order, little-endian, without gaps
  std::shared_ptr<const void> owner;
};

/// Bytes of one element of a type as safetensors says it; none for a type that is not known here.
[[nodiscard]] std::optional<std::size_t> stored_size(std::string_view dtype);

/// The tensor as values. Errors: kUnsupported (F8), with the tensor's name.
[[nodiscard]] Result<TensorView> view_of(const StoredTensor& tensor);

/// Maps a safetensors file and reads its header alone. Errors: as open.
[[nodiscard]] Result<std::vector<StoredTensor>> list_safetensors(const std::filesystem::path& path);

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
  kObject,    ///< '|O': pickled Python integers, as the original pipeline writes them
};

/// "int64", "scalar32", "object".
[[nodiscard]] std::string_view to_string(Storage storage);

/// int64 where all values fit, else 32-byte rows.
[[nodiscard]] Storage compact_storage(const IntegerView& values);

/// Errors: kIo; kMismatch (shape and count); kOutOfRange (kInt64 with a value that does not fit).
[[nodiscard]] Status write_npy(const std::filesystem::path& path, const IntegerView& values,
                               std::span<const std::uint64_t> shape, Storage storage);

}  // namespace assay::tensor
