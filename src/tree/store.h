// The records of a tree, in memory or in a mapped file that changes as a whole or not at all.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "tree/kept_file.h"
#include "tree/records.h"

namespace assay::tree::internal {

class Store {
 public:
  /// Of a tree in memory.
  explicit Store(Bytes records) : memory_(std::move(records)) {}

  /// Maps a file, after it has finished, or undone, a change that was interrupted. Holds a lock that lets
  /// others read. Errors: kIo (also where another process writes), kMalformed (cut), those of decode_header.
  static Result<std::pair<Store, Root>> open(const std::filesystem::path& path);

  Store(Store&&) noexcept = default;
  Store& operator=(Store&&) noexcept = default;

  /// The bytes behind the header.
  [[nodiscard]] ByteSpan records() const;
  [[nodiscard]] bool is_file() const { return file_ != nullptr; }
  /// The file's name; "tree" of one in memory.
  [[nodiscard]] std::string place() const;
  [[nodiscard]] std::uint64_t file_bytes() const;
  /// Errors: kMalformed, where the file goes on behind the tree.
  [[nodiscard]] Status check_end() const;
  [[nodiscard]] std::uint64_t memory_bytes() const { return memory_.capacity(); }

  // A change: begin, any number of write_behind, then commit or abandon. Offsets count from the first record.

  /// Errors: kIo (another process has the tree open, or the file cannot be written).
  [[nodiscard]] Status begin();
  /// Bytes behind the old end, in order. Errors: kIo.
  [[nodiscard]] Status write_behind(ByteSpan bytes);
  /// From here on the tree has the new public part and these bytes. Errors: kIo; the tree is as it was,
  /// unless the change was already certain: then it is finished by whoever opens the file next.
  [[nodiscard]] Status commit(const Root& root, std::vector<Patch> patches);
  void abandon();

 private:
  struct File;
  explicit Store(std::shared_ptr<File> file) : file_(std::move(file)) {}

  Bytes memory_;
  std::size_t old_end_ = 0;
  std::shared_ptr<File> file_;
};

}  // namespace assay::tree::internal
