// Files: read with a cap, mapped, and written so that the final name holds a whole file or none.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "assay/base.h"

namespace assay {

/// The whole file. Errors: kIo; kTooLarge over `max_bytes`, before anything is read.
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// The same of a format that starts with a tag and a version (WireWriter::begin): of a file that does not, no
/// more is read. Errors: also those of WireReader::begin, which come first.
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t max_bytes,
                                      std::string_view tag, std::uint32_t version);

/// Gives the most bytes that a file may have by its first ones, or what is wrong with those.
using LimitByHead = std::function<Result<std::uint64_t>(ByteSpan head)>;

/// The same of a format whose first `head_bytes` say how long it may be; a shorter file is all head. Errors:
/// those of read_file; of `limit`, before more is read.
[[nodiscard]] Result<Bytes> read_file(const std::filesystem::path& path, std::size_t head_bytes,
                                      const LimitByHead& limit);

/// A file mapped read-only; the mapping lives as long as any copy. An empty file maps to an empty span.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);
  [[nodiscard]] ByteSpan bytes() const;
  [[nodiscard]] const std::filesystem::path& path() const;

  /// Tells the system that access will be sequential, or random again.
  void advise_sequential() const;

 private:
  struct Mapping;
  explicit MappedFile(std::shared_ptr<const Mapping> mapping) : mapping_(std::move(mapping)) {}
  std::shared_ptr<const Mapping> mapping_;
};

/// A file under construction: bytes go to a temporary name in the same directory; publish() flushes it to the
/// disk and renames it. Destroyed unpublished, it leaves nothing. To write several files or none, publish
/// them last.
class AtomicFile {
 public:
  /// Who may read the file: whom the process's umask lets, or its owner alone, from its first byte on.
  enum class Readers : std::uint8_t { kByUmask, kOwner };
  /// Whether a file of that name is replaced.
  enum class Existing : std::uint8_t { kReplace, kKeep };

  static Result<AtomicFile> create(const std::filesystem::path& path, Readers readers = Readers::kByUmask);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) noexcept;
  ~AtomicFile();

  [[nodiscard]] Status write(ByteSpan bytes);
  [[nodiscard]] Status write(std::string_view text);

  /// Overwrites bytes written before, such as a header whose content is known last.
  [[nodiscard]] Status write_at(std::uint64_t offset, ByteSpan bytes);
  /// Errors: kIo; kMismatch where a file of that name is there and is kept.
  [[nodiscard]] Status publish(Existing existing = Existing::kReplace);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  AtomicFile(std::filesystem::path path, std::string temporary, int descriptor, int slot);
  Status flush();
  void abandon();

  std::filesystem::path path_;
  std::string temporary_;
  int descriptor_ = -1;
  int slot_ = -1;  // in the table that remove_unfinished_files() reads
  Bytes buffer_;
};

/// Writes a whole file atomically.
[[nodiscard]] Status write_file(const std::filesystem::path& path, ByteSpan bytes);
[[nodiscard]] Status write_file(const std::filesystem::path& path, std::string_view text);

/// Writes a whole file atomically, with mode 0600 from its first byte on. Errors: kIo; kMismatch where a file
/// of that name is there and is kept.
[[nodiscard]] Status write_private_file(const std::filesystem::path& path, ByteSpan bytes,
                                        AtomicFile::Existing existing);

/// Refuses an empty name, and one with a NUL byte: the system takes what is before it for all. Errors: kIo.
[[nodiscard]] Status check_file_name(const std::filesystem::path& path);

/// Creates a directory with its parents. Errors: kIo.
[[nodiscard]] Status make_directory(const std::filesystem::path& path);

/// Removes the temporary files of all AtomicFiles under construction. Async-signal-safe: for the handler of a
/// program that is about to end.
void remove_unfinished_files() noexcept;

}  // namespace assay
