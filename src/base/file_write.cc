#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/file.h"
#include "base/random.h"
#include "base/try.h"
#include "base/unfinished_files.h"

namespace assay {
namespace {

constexpr std::size_t kBufferSize = std::size_t{1} << 20;
constexpr std::size_t kNameKept = 200;  // bytes of the final name in the temporary one: names end at 255

std::filesystem::path directory_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

Status write_all(int descriptor, ByteSpan bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path, "cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

// The new name lasts through a power cut only when its directory has reached the disk too.
Status sync_directory(const std::filesystem::path& path) {
  const Descriptor directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return system_error(path, "cannot open its directory");
  // EINVAL: a file system that has no such thing.
  if (::fsync(directory.get()) != 0 && errno != EINVAL)
    return system_error(path, "cannot flush its directory");
  return {};
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, std::string temporary, int descriptor, int slot)
    : path_(std::move(path)), temporary_(std::move(temporary)), descriptor_(descriptor), slot_(slot) {}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path, Readers readers) {
  ASSAY_TRY(check_file_name(path));
  const std::string name = path.filename().string();
  if (name.empty() || name == "." || name == "..") {
    return Error{ErrorCode::kIo, path.string(), "not the name of a file"};
  }
  struct stat status {};
  // Renaming onto a device such as /dev/null would replace the device.
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kIo, path.string(), "exists and is not a regular file"};
  }
  std::error_code failure;
  const std::filesystem::path directory = std::filesystem::absolute(directory_of(path), failure);
  if (failure) return Error{ErrorCode::kIo, path.string(), "cannot find its directory: " + failure.message()};

  std::array<std::uint8_t, 8> random;
  ASSAY_TRY(fill_random(random));
  std::string temporary =
      (directory / fmt::format(".{}.{}.part", name.substr(0, kNameKept), to_hex(random))).string();
  // In the table first: a signal between the two lines then finds a name without a file, not a file without a
  // name.
  const int slot = internal::enter_unfinished(temporary);
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                                readers == Readers::kOwner ? 0600 : 0666);
  if (descriptor < 0) {
    const Error error = system_error(path, "cannot create");
    internal::leave_unfinished(slot);
    return error;
  }
  return AtomicFile(path, std::move(temporary), descriptor, slot);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      slot_(std::exchange(other.slot_, -1)),
      buffer_(std::move(other.buffer_)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    abandon();
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    slot_ = std::exchange(other.slot_, -1);
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

AtomicFile::~AtomicFile() { abandon(); }

void AtomicFile::abandon() {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  ::unlink(temporary_.c_str());
  internal::leave_unfinished(std::exchange(slot_, -1));
}

Status AtomicFile::flush() {
  ASSAY_TRY(write_all(descriptor_, buffer_, path_));
  buffer_.clear();
  return {};
}

Status AtomicFile::write(ByteSpan bytes) {
  ASSAY_CHECK_GE(descriptor_, 0);
  if (buffer_.size() + bytes.size() > kBufferSize) ASSAY_TRY(flush());
  if (bytes.size() >= kBufferSize) return write_all(descriptor_, bytes, path_);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return {};
}

Status AtomicFile::write(std::string_view text) {
  return write(ByteSpan(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

Status AtomicFile::write_at(std::uint64_t offset, ByteSpan bytes) {
  ASSAY_CHECK_GE(descriptor_, 0);
  ASSAY_TRY(flush());
  const off_t end = ::lseek(descriptor_, 0, SEEK_CUR);
  if (end < 0) return system_error(path_, "cannot find the end");
  ASSAY_CHECK(
      offset <= static_cast<std::uint64_t>(end) && bytes.size() <= static_cast<std::uint64_t>(end) - offset,
      offset, bytes.size(), end);
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path_, "cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Status AtomicFile::publish(Existing existing) {
  ASSAY_CHECK_GE(descriptor_, 0);
  const Status flushed = flush();
  if (!flushed.ok()) return abandon(), flushed;
  // A second name for the file, unlike a new name, is refused where the name is taken.
  const auto take_name = existing == AtomicFile::Existing::kKeep ? ::link : ::rename;
  if (::fsync(descriptor_) != 0 || take_name(temporary_.c_str(), path_.c_str()) != 0) {
    const bool taken = existing == Existing::kKeep && errno == EEXIST;
    const Error error = taken ? Error{ErrorCode::kMismatch, path_.string(), "exists, and is not replaced"}
                              : system_error(path_, "cannot publish");
    abandon();
    return error;
  }
  if (existing == Existing::kKeep) ::unlink(temporary_.c_str());
  ::close(std::exchange(descriptor_, -1));
  internal::leave_unfinished(std::exchange(slot_, -1));
  return sync_directory(path_);
}

Status write_file(const std::filesystem::path& path, ByteSpan bytes) {
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(bytes));
  return file.publish();
}

Status write_file(const std::filesystem::path& path, std::string_view text) {
  return write_file(path, ByteSpan(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

Status write_private_file(const std::filesystem::path& path, ByteSpan bytes, AtomicFile::Existing existing) {
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path, AtomicFile::Readers::kOwner));
  ASSAY_TRY(file.write(bytes));
  return file.publish(existing);
}

Status check_file_name(const std::filesystem::path& path) {
  if (path.empty()) return Error{ErrorCode::kIo, "", "an empty path: name a file"};
  if (path.native().find('\0') == std::string::npos) return {};
  return Error{ErrorCode::kIo, path.string(), "has a NUL byte in its name"};
}

Status make_directory(const std::filesystem::path& path) {
  ASSAY_TRY(check_file_name(path));
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure) return Error{ErrorCode::kIo, path.string(), "cannot create: " + failure.message()};
  return {};
}

}  // namespace assay
