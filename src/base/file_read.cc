#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"

#include <fmt/format.h>

namespace assay {
namespace {

struct OpenFile {
  Descriptor descriptor;
  std::uint64_t size = 0;
};

Result<OpenFile> open_regular(const std::filesystem::path& path) {
  ASSAY_TRY(check_file_name(path));
  // Without O_NONBLOCK, a pipe would hold us here until somebody writes to it.
  OpenFile file{Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))};
  if (file.descriptor.get() < 0) return system_error(path, "cannot open");
  struct stat status {};
  if (::fstat(file.descriptor.get(), &status) != 0) return system_error(path, "cannot examine");
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kIo, path.string(), "not a regular file (pipes and standard input are not read)"};
  }
  file.size = static_cast<std::uint64_t>(status.st_size);
  return file;
}

// From the start of the file on.
Status fill(const OpenFile& file, const std::filesystem::path& path, Bytes& bytes) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::pread(file.descriptor.get(), bytes.data() + filled, bytes.size() - filled,
                                  static_cast<off_t>(filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path, "cannot read");
    if (count == 0) return Error{ErrorCode::kIo, path.string(), "became shorter while it was read"};
    filled += static_cast<std::size_t>(count);
  }
  return {};
}

Result<Bytes> read_whole(const OpenFile& file, const std::filesystem::path& path, std::uint64_t max_bytes) {
  if (file.size > max_bytes) {
    return Error{ErrorCode::kTooLarge, path.string(),
                 fmt::format("{} bytes, at most {} are read", file.size, max_bytes)};
  }
  Bytes bytes;
  try {
    bytes.resize(file.size);
  } catch (const std::exception&) {  // bad_alloc or length_error
    return Error{ErrorCode::kTooLarge, path.string(), fmt::format("no memory for {} bytes", file.size)};
  }
  ASSAY_TRY(fill(file, path, bytes));
  return bytes;
}

}  // namespace

Error system_error(const std::filesystem::path& path, std::string_view what) {
  return {ErrorCode::kIo, path.string(), fmt::format("{}: {}", what, std::generic_category().message(errno))};
}

Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const OpenFile file = ASSAY_TRY(open_regular(path));
  return read_whole(file, path, max_bytes);
}

Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t max_bytes, std::string_view tag,
                        std::uint32_t version) {
  return read_file(path, tag.size() + sizeof(version), [&](ByteSpan head) -> Result<std::uint64_t> {
    ASSAY_TRY(WireReader(head, path.string()).begin(tag, version));
    return max_bytes;
  });
}

Result<Bytes> read_file(const std::filesystem::path& path, std::size_t head_bytes, const LimitByHead& limit) {
  const OpenFile file = ASSAY_TRY(open_regular(path));
  Bytes head(std::min<std::uint64_t>(file.size, head_bytes));
  ASSAY_TRY(fill(file, path, head));
  return read_whole(file, path, ASSAY_TRY(limit(head)));
}

struct MappedFile::Mapping {
  Mapping(std::filesystem::path file_path, void* start, std::size_t length)
      : path(std::move(file_path)), address(start), size(length) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (size > 0) ::munmap(address, size);
  }

  std::filesystem::path path;
  void* address;
  std::size_t size;
};

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const OpenFile file = ASSAY_TRY(open_regular(path));
  void* address = nullptr;
  if (file.size > 0) {
    address = ::mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, file.descriptor.get(), 0);
    if (address == MAP_FAILED) return system_error(path, "cannot map");
  }
  return MappedFile(std::make_shared<const Mapping>(path, address, file.size));
}

ByteSpan MappedFile::bytes() const {
  return {static_cast<const std::uint8_t*>(mapping_->address), mapping_->size};
}

const std::filesystem::path& MappedFile::path() const { return mapping_->path; }

void MappedFile::advise_sequential() const {
  // Advice only: nothing depends on the system's taking it.
  if (mapping_->size > 0) static_cast<void>(::madvise(mapping_->address, mapping_->size, MADV_SEQUENTIAL));
}

}  // namespace assay
