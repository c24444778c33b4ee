#include "base/append_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"

namespace assay {

Result<AppendFile> AppendFile::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK, a pipe would hold us here; what is no regular file, reading refuses.
  Descriptor descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666));
  if (descriptor.get() < 0) return system_error(path, "cannot open");
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return Error{ErrorCode::kIo, path.string(),
                   "another process is writing to it: wait, or name another file"};
    return system_error(path, "cannot lock");
  }
  return AppendFile(path, std::move(descriptor));
}

Result<Bytes> AppendFile::read(std::uint64_t max_bytes) const { return read_file(path_, max_bytes); }

Status AppendFile::truncate(std::uint64_t size) {
  if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0)
    return system_error(path_, "cannot shorten");
  return {};
}

Status AppendFile::append(ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path_, "cannot write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace assay
