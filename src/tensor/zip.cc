#include "tensor/zip.h"

#include <algorithm>
#include <unordered_set>

#include "base/try.h"
#include "tensor/limits.h"
#include "tensor/load.h"

namespace assay::tensor {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kDescriptorSignature = 0x08074b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocatorSignature = 0x07064b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kLocatorSize = 20;
constexpr std::uint16_t kHasDescriptor = 1 << 3;
constexpr std::uint16_t kUtf8Names = 1 << 11;
constexpr std::uint16_t kZip64Extra = 1;
constexpr std::uint32_t kSee64 = 0xffffffff;

struct Directory {
  std::uint64_t count = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t end = 0;  // where the end records begin
};

struct Entry {
  std::string name;
  std::uint16_t flags = 0;
  std::uint32_t crc = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
};

class Zip {
 public:
  explicit Zip(const Source& source) : source_(source), bytes_(source.bytes) {}

  Result<std::vector<ZipRecord>> parse() {
    const Directory directory = ASSAY_TRY(read_end());
    std::vector<Entry> entries = ASSAY_TRY(read_directory(directory));
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
    std::vector<ZipRecord> records;
    std::uint64_t reached = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::uint64_t end = i + 1 < entries.size() ? entries[i + 1].offset : directory.offset;
      records.push_back(ASSAY_TRY(read_record(entries[i], reached, end)));
      reached = end;
    }
    if (reached != directory.offset)
      return source_.malformed("zip", "bytes before the directory belong to no record");
    return records;
  }

 private:
  template <class T>
  T at(std::uint64_t offset) const {
    return load_at<T>(bytes_, offset);
  }

  // The end record, and before it the zip64 end record and its locator where there are such.
  Result<Directory> read_end() const {
    if (bytes_.size() < kEndSize) return source_.malformed("zip", "too short");
    const std::uint64_t end = bytes_.size() - kEndSize;
    if (at<std::uint32_t>(end) != kEndSignature || at<std::uint16_t>(end + 20) != 0) {
      return source_.malformed("zip", "no end record at the end of the file, or one with a comment");
    }
    if (at<std::uint16_t>(end + 4) != 0 || at<std::uint16_t>(end + 6) != 0) {
      return source_.error(ErrorCode::kUnsupported, "zip", "an archive in several parts");
    }
    const std::uint16_t count = at<std::uint16_t>(end + 10);
    const std::uint32_t size = at<std::uint32_t>(end + 12);
    const std::uint32_t offset = at<std::uint32_t>(end + 16);
    if (at<std::uint16_t>(end + 8) != count)
      return source_.malformed("zip", "its end record contradicts itself");
    Directory directory{count, offset, size, end};
    if (end >= kLocatorSize + kEnd64Size && at<std::uint32_t>(end - kLocatorSize) == kLocatorSignature) {
      directory = ASSAY_TRY(read_end64(end - kLocatorSize));
      const bool agrees = (count == 0xffff || count == directory.count) &&
                          (size == kSee64 || size == directory.size) &&
                          (offset == kSee64 || offset == directory.offset);
      if (!agrees) return source_.malformed("zip", "its two end records contradict each other");
    }
    if (directory.offset > directory.end || directory.size != directory.end - directory.offset) {
      return source_.malformed("zip", "its directory does not end where the end records begin");
    }
    return directory;
  }

  Result<Directory> read_end64(std::uint64_t locator) const {
    const std::uint64_t end64 = locator - kEnd64Size;
    const bool plain = at<std::uint32_t>(locator + 4) == 0 && at<std::uint64_t>(locator + 8) == end64 &&
                       at<std::uint32_t>(locator + 16) == 1 && at<std::uint32_t>(end64) == kEnd64Signature &&
                       at<std::uint64_t>(end64 + 4) == kEnd64Size - 12 &&
                       at<std::uint32_t>(end64 + 16) == 0 && at<std::uint32_t>(end64 + 20) == 0 &&
                       at<std::uint64_t>(end64 + 24) == at<std::uint64_t>(end64 + 32);
    if (!plain) return source_.malformed("zip", "its zip64 end record or locator is not as it must be");
    return Directory{at<std::uint64_t>(end64 + 32), at<std::uint64_t>(end64 + 48),
                     at<std::uint64_t>(end64 + 40), end64};
  }

  Result<std::vector<Entry>> read_directory(const Directory& directory) const {
    if (directory.count > kMaxTensors)
      return source_.error(ErrorCode::kTooLarge, "zip", "over 65,536 records");
    std::vector<Entry> entries;
    std::unordered_set<std::string> names;
    std::uint64_t here = directory.offset;
    for (std::uint64_t i = 0; i < directory.count; ++i) {
      entries.push_back(ASSAY_TRY(read_entry(here, directory.end)));
      if (!names.insert(entries.back().name).second) {
        return source_.malformed(entries.back().name, "two records of one name");
      }
    }
    if (here != directory.end)
      return source_.malformed("zip", "its directory has bytes that belong to no entry");
    return entries;
  }

  // Moves `here` behind the entry.
  Result<Entry> read_entry(std::uint64_t& here, std::uint64_t end) const {
    if (end - here < kCentralSize || at<std::uint32_t>(here) != kCentralSignature) {
      return source_.malformed("zip", "its directory is cut short");
    }
    const std::uint64_t name_size = at<std::uint16_t>(here + 28);
    const std::uint64_t extra_size = at<std::uint16_t>(here + 30);
    const std::uint64_t comment_size = at<std::uint16_t>(here + 32);
    if (end - here - kCentralSize < name_size + extra_size + comment_size) {
      return source_.malformed("zip", "its directory is cut short");
    }
    Entry entry;
    entry.name = ASSAY_TRY(read_name(here + kCentralSize, name_size));
    entry.flags = at<std::uint16_t>(here + 8);
    if ((entry.flags & ~(kHasDescriptor | kUtf8Names)) != 0) {
      return source_.error(ErrorCode::kUnsupported, entry.name,
                           "encrypted, patched or otherwise unusual record");
    }
    if (at<std::uint16_t>(here + 10) != 0) {
      return source_.error(ErrorCode::kUnsupported, entry.name,
                           "a compressed record: torch.save stores them");
    }
    if (comment_size != 0 || at<std::uint16_t>(here + 34) != 0) {
      return source_.error(ErrorCode::kUnsupported, entry.name, "a record with a comment or in another part");
    }
    entry.crc = at<std::uint32_t>(here + 16);
    std::uint64_t stored_size = at<std::uint32_t>(here + 20);
    entry.size = at<std::uint32_t>(here + 24);
    entry.offset = at<std::uint32_t>(here + 42);
    ASSAY_TRY(widen(entry, stored_size, bytes_.subspan(here + kCentralSize + name_size, extra_size)));
    if (stored_size != entry.size) return source_.malformed(entry.name, "a stored record with two sizes");
    here += kCentralSize + name_size + extra_size;
    return entry;
  }

  // The zip64 extra field holds, in this order, those of size, stored size and offset that read 2^32 - 1.
  Status widen(Entry& entry, std::uint64_t& stored_size, ByteSpan extra) const {
    ByteSpan wide;
    while (!extra.empty()) {
      if (extra.size() < 4 || extra.size() - 4 < load_at<std::uint16_t>(extra, 2)) {
        return source_.malformed(entry.name, "its extra field is cut short");
      }
      const std::size_t size = load_at<std::uint16_t>(extra, 2);
      if (load_at<std::uint16_t>(extra, 0) == kZip64Extra) wide = extra.subspan(4, size);
      extra = extra.subspan(4 + size);
    }
    for (std::uint64_t* field : {&entry.size, &stored_size, &entry.offset}) {
      if (*field != kSee64) continue;
      if (wide.size() < 8) return source_.malformed(entry.name, "a large record without its zip64 sizes");
      *field = load_at<std::uint64_t>(wide, 0);
      wide = wide.subspan(8);
    }
    return {};
  }

  Result<std::string> read_name(std::uint64_t offset, std::uint64_t size) const {
    const std::string name(reinterpret_cast<const char*>(bytes_.data() + offset), size);
    const bool plain =
        std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
    if (name.empty() || !plain || name.starts_with('/') || name.find("..") != std::string::npos) {
      return source_.malformed("zip",
                               "a record name that is empty, absolute, climbs or is not printable ASCII");
    }
    return name;
  }

  // The record whose local header is at entry.offset, and which must fill [reached, end).
  Result<ZipRecord> read_record(const Entry& entry, std::uint64_t reached, std::uint64_t end) const {
    const std::uint64_t begin = entry.offset;
    if (begin != reached)
      return source_.malformed(entry.name, "bytes between two records, or two at one place");
    if (begin > end || end - begin < kLocalSize || at<std::uint32_t>(begin) != kLocalSignature) {
      return source_.malformed(entry.name, "no local header where the directory says");
    }
    const std::uint64_t name_size = at<std::uint16_t>(begin + 26);
    const std::uint64_t extra_size = at<std::uint16_t>(begin + 28);
    const std::uint64_t room = end - begin - kLocalSize;
    if (room < name_size + extra_size || room - name_size - extra_size < entry.size) {
      return source_.malformed(entry.name, "longer than its place in the file");
    }
    const std::uint64_t data = begin + kLocalSize + name_size + extra_size;
    const std::string_view name(reinterpret_cast<const char*>(bytes_.data() + begin + kLocalSize), name_size);
    const bool agrees = name == entry.name && at<std::uint16_t>(begin + 6) == entry.flags &&
                        at<std::uint16_t>(begin + 8) == 0 &&
                        sizes_agree(entry, begin, data + entry.size, end);
    if (!agrees)
      return source_.malformed(entry.name, "its local header or descriptor contradicts the directory");
    return ZipRecord{entry.name, bytes_.subspan(data, entry.size)};
  }

  // Without descriptor the local header repeats the sizes (by zip64 where large) and the data end the record.
  // With one, the local fields are zero or repeat them, and signature, CRC-32 and twice the size follow, in
  // 32 or in 64 bits.
  [[nodiscard]] bool sizes_agree(const Entry& entry, std::uint64_t begin, std::uint64_t data_end,
                                 std::uint64_t end) const {
    const std::uint32_t crc = at<std::uint32_t>(begin + 14);
    const std::uint32_t stored = at<std::uint32_t>(begin + 18);
    const std::uint32_t size = at<std::uint32_t>(begin + 22);
    const bool repeats = crc == entry.crc && (stored == entry.size || stored == kSee64) &&
                         (size == entry.size || size == kSee64);
    if ((entry.flags & kHasDescriptor) == 0) return repeats && data_end == end;
    const bool blank = crc == 0 && (stored == 0 || stored == kSee64) && (size == 0 || size == kSee64);
    if (!repeats && !blank) return false;
    const std::uint64_t room = end - data_end;
    if ((room != 16 && room != 24) || at<std::uint32_t>(data_end) != kDescriptorSignature ||
        at<std::uint32_t>(data_end + 4) != entry.crc) {
      return false;
    }
    if (room == 16) {
      return at<std::uint32_t>(data_end + 8) == entry.size && at<std::uint32_t>(data_end + 12) == entry.size;
    }
    return at<std::uint64_t>(data_end + 8) == entry.size && at<std::uint64_t>(data_end + 16) == entry.size;
  }

  const Source& source_;
  ByteSpan bytes_;
};

}  // namespace

Result<std::vector<ZipRecord>> parse_zip(const Source& source) { return Zip(source).parse(); }

}  // namespace assay::tensor
