// The secret of a verifier who does not keep the weights: random vectors, and what the weights make of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "assay/audit_log.h"
#include "assay/base.h"
#include "assay/weights.h"
#include "assay/world.h"

namespace assay::audit {

namespace internal {
struct KeyContents;
}  // namespace internal

/// For each layer with weight W [out, in]: vectors r of independent normal values, each divided by the usual
/// size of its output, drawn from a seed that nobody else knows, and v = W^T r. A row c that is W a + b then
/// has <c, r> = <a, v> + <b, r> but for its rounding, and hardly any other row has (Freivalds 1977, here over
/// real numbers). Who knows r can make rows that pass: a key is for one verifier, and for one epoch.
class Key {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;  ///< of its file
  static constexpr std::uint32_t kMaxVectors = 64;
  static constexpr std::uint32_t kMaxEpochs = 64;

  struct Options {
    RowDtype dtype = RowDtype::kBF16;  ///< that the model computes in
    std::uint32_t vectors = 8;         ///< for each layer
    std::uint32_t epochs = 1;
    Digest manifest{};  ///< root of the folder's weights
  };

  /// Keys for so many epochs, from one pass over the weights. Errors: kIo; kTooLarge (over kMaxBytes; the
  /// reason says how many vectors fit), kOutOfRange (options; a weight that is NaN or Inf), those of
  /// OpTable::of.
  [[nodiscard]] static Result<std::vector<Key>> enroll(const weights::Folder& folder, const Options& options,
                                                       const World& world);

  [[nodiscard]] std::uint32_t epoch() const;
  [[nodiscard]] std::uint32_t vectors() const;
  [[nodiscard]] const Digest& manifest() const;
  [[nodiscard]] std::size_t layers() const;

  [[nodiscard]] Bytes encode() const;
  /// Errors: kMalformed, kNonCanonical, kOutOfRange, kTooLarge, kUnsupported.
  [[nodiscard]] static Result<Key> decode(ByteSpan bytes, std::string_view place);
  /// Errors: also kIo; kMismatch where others may read the file, or where its epoch has ended.
  [[nodiscard]] static Result<Key> read(const std::filesystem::path& path);
  /// With mode 0600, replacing no other file.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  /// Ends the epoch of a key's file: each rejection tells whoever was rejected something about r.
  [[nodiscard]] static Status end_epoch(const std::filesystem::path& path);

  [[nodiscard]] const std::shared_ptr<const internal::KeyContents>& shared_contents() const {
    return contents_;
  }

 private:
  explicit Key(std::shared_ptr<const internal::KeyContents> contents) : contents_(std::move(contents)) {}
  std::shared_ptr<const internal::KeyContents> contents_;
};

}  // namespace assay::audit
