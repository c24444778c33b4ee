// A file's bytes on their way through a parser, and the parsers that `open` chooses from. They take plain
// bytes so that tests and fuzzers need no files; with an owner the views that come out keep it alive.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

#include "assay/tensor.h"

namespace assay::tensor {

struct Source {
  ByteSpan bytes;
  std::shared_ptr<const void> owner;
  std::string place;

  [[nodiscard]] Error malformed(std::string_view field, std::string_view reason) const {
    return error(ErrorCode::kMalformed, field, reason);
  }
  [[nodiscard]] Error error(ErrorCode code, std::string_view field, std::string_view reason) const {
    return Error{code, field.empty() ? place : fmt::format("{}: {}", place, field), std::string(reason)};
  }
};

/// A mapped file, which the source keeps. Errors: kIo.
[[nodiscard]] Result<Source> map_source(const std::filesystem::path& path);

/// A safetensors file by its header.
struct StoredFile {
  std::vector<StoredTensor> tensors;  ///< in the order of the header
  Metadata metadata;
};

[[nodiscard]] Result<StoredFile> parse_stored(const Source& source);
[[nodiscard]] Result<TensorFile> parse_safetensors(const Source& source);
[[nodiscard]] Result<TensorFile> parse_npy(const Source& source);
[[nodiscard]] Result<TensorFile> parse_torch(const Source& source);

/// What torch.save wrote before version 1.6: pickles one behind the other, the first of a number.
inline constexpr std::string_view kOldTorchMagic =
    "\x80\x02\x8a\n"
    "l\xfc\x9c\x46\xf9 j\xa8P\x19.";

inline constexpr std::string_view kGotactMagic = "GOTA";
inline constexpr std::string_view kGotueMagic = "GOTU";
[[nodiscard]] Result<TensorFile> parse_gotact(const Source& source);
[[nodiscard]] Result<TensorFile> parse_gotue(const Source& source);

/// One of these, by content.
[[nodiscard]] Result<TensorFile> parse_any(const Source& source);

/// parse_npy, then any integer dtype as integers; rows of 32 bytes as Scalars when asked.
[[nodiscard]] Result<IntegerTensor> parse_npy_integers(const Source& source, bool rows_are_scalars);

}  // namespace assay::tensor
