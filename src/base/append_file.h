// A file that grows by whole records, for results that took long: what is in it when a program is killed
// stays, and may end within a record.
#pragma once

#include <cstdint>
#include <filesystem>

#include "assay/base.h"
#include "base/descriptor.h"

namespace assay {

class AppendFile {
 public:
  /// Opens a file, or makes an empty one, for this process alone. Errors: kIo (also where another has it
  /// open in this way).
  static Result<AppendFile> open(const std::filesystem::path& path);

  /// What it holds. Errors: kIo; kTooLarge over `max_bytes`, before anything is read.
  [[nodiscard]] Result<Bytes> read(std::uint64_t max_bytes) const;

  /// Cuts off what is behind the first `size` bytes.
  [[nodiscard]] Status truncate(std::uint64_t size);

  /// All bytes, at the end, or none of them: what comes next stands behind whole records. Errors: kIo.
  [[nodiscard]] Status append(ByteSpan bytes);

 private:
  AppendFile(std::filesystem::path path, Descriptor descriptor, std::uint64_t size)
      : path_(std::move(path)), descriptor_(std::move(descriptor)), size_(size) {}

  [[nodiscard]] Status write(ByteSpan bytes);

  std::filesystem::path path_;
  Descriptor descriptor_;
  std::uint64_t size_;
  bool broken_ = false;  // a part of a record stands at the end, and could not be taken away
};

}  // namespace assay
