// One digest of all weights of a model, and the opening of a row against it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "assay/merkle.h"
#include "assay/tensor.h"
#include "assay/verdict.h"
#include "assay/weights.h"

namespace assay::weights {

/// A tensor's bytes are hashed in pieces of so many, the last as long as is left.
inline constexpr std::size_t kChunkBytes = std::size_t{64} << 10;

/// One tensor, as the root covers it.
struct TensorEntry {
  std::string name;
  std::string dtype;  ///< as safetensors says it
  tensor::Shape shape;
  Digest chunks{};  ///< root of the binary tree over the chunks of its bytes

  /// What is hashed as a leaf of the tree of tensors.
  [[nodiscard]] Bytes leaf() const;
  friend bool operator==(const TensorEntry&, const TensorEntry&) = default;
};

/// A file beside the weights.
struct FileEntry {
  std::string name;
  Digest sha256{};
  friend bool operator==(const FileEntry&, const FileEntry&) = default;
};

/// What a model is: its tensors in the order of their names, and the files that say how it is run. The root
/// is over the tensors alone, so that a model in memory has that of the folder it was loaded from.
class Manifest {
 public:
  static constexpr std::size_t kMaxFiles = 256;
  static constexpr std::size_t kMaxFileName = 255;
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;  ///< of its own file

  /// Hashes all tensors of a folder, and its files of configuration, tokenizer and generation. Errors: kIo,
  /// and those of tensors.
  [[nodiscard]] static Result<Manifest> of(const Folder& folder);

  /// Hashes tensors in any order, such as those of a model in memory; no files. A head that has dtype, shape
  /// and bytes of another tensor is left out, whether it was stored or not. Errors: kOutOfRange (none),
  /// kMalformed (a name twice, not UTF-8), kTooLarge, kUnsupported (element type), kMismatch (bytes and
  /// shape).
  [[nodiscard]] static Result<Manifest> of(std::span<const tensor::StoredTensor> tensors);

  [[nodiscard]] const std::vector<TensorEntry>& tensors() const { return tensors_; }
  [[nodiscard]] const std::vector<FileEntry>& files() const { return files_; }
  /// nullptr when there is none.
  [[nodiscard]] const TensorEntry* find(std::string_view name) const;

  /// The digest that stands for all weights: merkle::sized_root() of the binary tree of the tensors.
  [[nodiscard]] Digest root() const;

  /// SHA-256("assay/manifest/v1" || encode()): stands for the files too.
  [[nodiscard]] Digest digest() const;

  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kNonCanonical (order, a head that is to be left out), kTooLarge, kUnsupported.
  [[nodiscard]] static Result<Manifest> decode(ByteSpan bytes, std::string_view place);
  [[nodiscard]] static Result<Manifest> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  friend bool operator==(const Manifest&, const Manifest&) = default;

 private:
  Manifest() = default;

  std::vector<TensorEntry> tensors_;
  std::vector<FileEntry> files_;
};

/// The files of configuration, tokenizer and generation of a folder, by name. Errors: kIo, kTooLarge.
[[nodiscard]] Result<std::vector<FileEntry>> list_files(const Folder& folder);

/// Whether these are the weights that `root` stands for. Step: "root".
[[nodiscard]] Verdict check_root(const Manifest& found, const Digest& root);

/// Whether a folder holds the model of a manifest, whose digest was agreed on where one is given; its bytes
/// are read only where all headers agree. Errors: as Manifest::of. Steps: "manifest", "tensors", "dtype",
/// "shape", "bytes", "files".
[[nodiscard]] Result<Verdict> check_folder(const Manifest& expected, const Folder& folder,
                                           const std::optional<Digest>& digest = {});

/// A row of a tensor: the part under one index of the first axis, with what leads from it to the root.
struct RowOpening {
  static constexpr std::uint64_t kMaxRowBytes = std::uint64_t{64} << 20;
  static constexpr std::uint64_t kMaxBytes = kMaxRowBytes + (std::uint64_t{1} << 20);  ///< of its file

  std::uint64_t tensor_count = 0;  ///< of the model
  std::uint64_t tensor_index = 0;
  Digest tree{};  ///< root of the tree of tensors, without its size
  TensorEntry tensor;
  merkle::InclusionProof tensor_path;
  std::uint64_t row = 0;
  Bytes chunks;                    ///< the whole chunks that the row lies in
  merkle::MultiProof chunk_paths;  ///< of these

  /// The bytes of the row. Only what verify_row() accepted has them.
  [[nodiscard]] ByteSpan values() const;

  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kTooLarge, kOutOfRange (a row that the tensor does not have), kUnsupported.
  [[nodiscard]] static Result<RowOpening> decode(ByteSpan bytes, std::string_view place);
  [[nodiscard]] static Result<RowOpening> read(const std::filesystem::path& path);
  [[nodiscard]] Status write(const std::filesystem::path& path) const;
};

/// Opens a row of one of the manifest's tensors. Errors: kMismatch (not this model's tensor), kOutOfRange (no
/// such row, or one without bytes), kTooLarge.
[[nodiscard]] Result<RowOpening> open_row(const Manifest& manifest, const tensor::StoredTensor& tensor,
                                          std::uint64_t row);

/// What a verifier asked for; what it leaves out, the opening says.
struct RowAsked {
  std::optional<std::string> tensor;
  std::optional<std::uint64_t> row;
};

/// Whether the row belongs to the weights that `root` stands for. Steps: "expectation", "row", "root",
/// "tensor", "chunks".
[[nodiscard]] Verdict verify_row(const RowOpening& opening, const Digest& root, const RowAsked& asked);

}  // namespace assay::weights
