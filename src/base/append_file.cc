#include "base/append_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/try.h"

namespace assay {

Result<AppendFile> AppendFile::open(const std::filesystem::path& path) {
  ASSAY_TRY(check_file_name(path));
  // Without O_NONBLOCK, a pipe would hold us here; what is no regular file, reading refuses.
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666));
  if (descriptor.get() < 0) return system_error(path, "cannot open");
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return Error{ErrorCode::kIo, path.string(),
                   "another process is writing to it: wait, or name another file"};
    return system_error(path, "cannot lock");
  }
  struct stat about {};
  if (::fstat(descriptor.get(), &about) != 0) return system_error(path, "cannot look at");
  return AppendFile(path, std::move(descriptor), static_cast<std::uint64_t>(about.st_size));
}

Result<Bytes> AppendFile::read(std::uint64_t max_bytes) const { return read_file(path_, max_bytes); }

Status AppendFile::truncate(std::uint64_t size) {
  if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0)
    return system_error(path_, "cannot shorten");
  size_ = size;
  broken_ = false;
  return {};
}

Status AppendFile::append(ByteSpan bytes) {
  if (broken_)
    return Error{ErrorCode::kIo, path_.string(), "it ends within a record that could not be written"};
  Status written = write(bytes);
  if (written.ok())
    size_ += bytes.size();
  else
    broken_ = !truncate(size_).ok();
  return written;
}

Status AppendFile::write(ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path_, "cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace assay
