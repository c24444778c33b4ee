#include "tree/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/file.h"
#include "base/try.h"

namespace assay::tree::internal {

namespace fs = std::filesystem;

/// An open file, locked, with a mapping of all that belongs to the tree.
struct Store::File {
  File(fs::path given, int number, bool can_write)
      : path(std::move(given)), descriptor(number), writable(can_write) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { unmap(); }

  /// F_RDLCK to read, F_WRLCK to change. Where a lock of one kind is not to be had, the one of the other kind
  /// stays; flock() would lose it, and then somebody else's change would be overwritten.
  [[nodiscard]] Status lock(short kind) {
    struct flock all {};
    all.l_type = kind;
    all.l_whence = SEEK_SET;
    if (::fcntl(descriptor.get(), F_OFD_SETLK, &all) == 0) return {};
    if (errno != EAGAIN && errno != EACCES) return system_error(path, "cannot lock");
    return Error{ErrorCode::kIo, path.string(),
                 kind == F_RDLCK ? "another process writes to this tree" : "the tree is open elsewhere"};
  }
  [[nodiscard]] Status require_writable() const {
    if (writable) return {};
    return Error{ErrorCode::kIo, path.string(), "the file may not be written by this user"};
  }

  [[nodiscard]] Result<std::uint64_t> size() const {
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0) return system_error(path, "cannot look at");
    return static_cast<std::uint64_t>(status.st_size);
  }

  [[nodiscard]] Status map(std::uint64_t bytes) {
    unmap();
    void* const memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor.get(), 0);
    if (memory == MAP_FAILED) return system_error(path, "cannot map");
    mapped = {static_cast<const std::uint8_t*>(memory), bytes};
    return {};
  }
  void unmap() {
    if (!mapped.empty()) ::munmap(const_cast<std::uint8_t*>(mapped.data()), mapped.size());
    mapped = {};
  }

  [[nodiscard]] Status write_at(std::uint64_t offset, ByteSpan bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::pwrite(descriptor.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return system_error(path, "cannot write");
      bytes = bytes.subspan(static_cast<std::size_t>(done));
      offset += static_cast<std::uint64_t>(done);
    }
    return {};
  }
  [[nodiscard]] Status flush() {
    return ::fdatasync(descriptor.get()) == 0 ? Status() : Status(system_error(path, "cannot flush"));
  }
  [[nodiscard]] Status cut(std::uint64_t bytes) {
    return ::ftruncate(descriptor.get(), static_cast<off_t>(bytes)) == 0
               ? Status()
               : Status(system_error(path, "cannot cut"));
  }

  /// What a journal says, again or for the first time.
  [[nodiscard]] Status apply(const Journal& journal) {
    for (const Patch& patch : journal.patches) ASSAY_TRY(write_at(patch.offset, patch.bytes));
    ASSAY_TRY(flush());
    return cut(journal.end);
  }

  fs::path path;
  Descriptor descriptor;
  bool writable;
  ByteSpan mapped;
  std::uint64_t end = 0;      // of the tree that the header speaks of
  std::uint64_t written = 0;  // during a change: behind the old end
};

Result<std::pair<Store, Root>> Store::open(const fs::path& path) {
  ASSAY_TRY(check_file_name(path));
  int number = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool writable = number >= 0;
  if (!writable) number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (number < 0) return system_error(path, "cannot open");
  auto file = std::make_shared<File>(path, number, writable);
  ASSAY_TRY(file->lock(F_RDLCK));
  std::uint64_t size = ASSAY_TRY(file->size());
  if (size < kHeaderBytes)
    return Error{ErrorCode::kMalformed, path.string(), fmt::format("{} bytes are no kept tree", size)};
  ASSAY_TRY(file->map(size));
  if (const std::optional<Journal> journal = find_journal(file->mapped)) {
    // The change was certain, and may have been made in part.
    ASSAY_TRY(file->require_writable());
    ASSAY_TRY(file->lock(F_WRLCK));
    ASSAY_TRY(file->apply(*journal));
    ASSAY_TRY(file->lock(F_RDLCK));
    size = ASSAY_TRY(file->size());
    if (size < kHeaderBytes)
      return Error{ErrorCode::kMalformed, path.string(), "the journal cuts off the header"};
    ASSAY_TRY(file->map(size));
  }
  Root root = ASSAY_TRY(decode_header(file->mapped.first(kHeaderBytes), path.string()));
  file->end = kHeaderBytes + Records(root.config).end(root.count);
  if (size < file->end)
    return Error{
        ErrorCode::kMalformed, path.string(),
        fmt::format("{} bytes, a tree of {} leaves has {}: the file was cut", size, root.count, file->end)};
  return std::pair{Store(std::move(file)), std::move(root)};
}

ByteSpan Store::records() const {
  return file_ ? file_->mapped.first(file_->end).subspan(kHeaderBytes) : ByteSpan(memory_);
}

std::string Store::place() const { return file_ ? file_->path.string() : "tree"; }

std::uint64_t Store::file_bytes() const { return file_ ? file_->end : 0; }

Status Store::check_end() const {
  if (!file_) return {};
  const std::uint64_t size = ASSAY_TRY(file_->size());
  if (size == file_->end) return {};
  return Error{
      ErrorCode::kMalformed, place(),
      fmt::format("{} bytes behind the end of the tree: a change that was cut off left them, or they "
                  "were added; the next update or append removes them",
                  size - file_->end)};
}

Status Store::begin() {
  if (!file_) {
    old_end_ = memory_.size();
    return {};
  }
  ASSAY_TRY(file_->require_writable());
  ASSAY_TRY(file_->lock(F_WRLCK));
  file_->written = file_->end;
  // What a change that was interrupted has left behind the end.
  return file_->cut(file_->end);
}

Status Store::write_behind(ByteSpan bytes) {
  if (!file_) {
    memory_.insert(memory_.end(), bytes.begin(), bytes.end());
    return {};
  }
  ASSAY_TRY(file_->write_at(file_->written, bytes));
  file_->written += bytes.size();
  return {};
}

void Store::abandon() {
  if (!file_) {
    memory_.resize(old_end_);
    return;
  }
  static_cast<void>(file_->cut(file_->end));
  static_cast<void>(file_->lock(F_RDLCK));
}

Status Store::commit(const Root& root, std::vector<Patch> patches) {
  if (!file_) {
    for (const Patch& patch : patches) {
      ASSAY_CHECK_LE(patch.offset + patch.bytes.size(), memory_.size());
      std::ranges::copy(patch.bytes, memory_.begin() + static_cast<std::ptrdiff_t>(patch.offset));
    }
    return {};
  }
  for (Patch& patch : patches) patch.offset += kHeaderBytes;
  patches.push_back({0, encode_header(root)});
  const Journal journal{file_->written, std::move(patches)};
  Status certain = file_->write_at(file_->written, journal.encode());
  if (certain.ok()) certain = file_->flush();
  if (!certain.ok()) {
    abandon();
    return certain;
  }
  ASSAY_TRY(file_->apply(journal));
  file_->end = journal.end;
  ASSAY_TRY(file_->map(file_->end));
  return file_->lock(F_RDLCK);
}

}  // namespace assay::tree::internal
