#include "weights/tensor_entry.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/threads.h"
#include "base/try.h"
#include "merkle/shape.h"

namespace assay::weights {
namespace {

constexpr std::string_view kEntryTag = "assay/tensor/v";
constexpr std::uint32_t kEntryVersion = 1;

// Hashed side by side; their bytes, 4 MiB, are read from a file one behind the other.
constexpr std::size_t kChunksAtOnce = 64;

/// hashes[i] = merkle::leaf_hash(chunks[i]).
void hash_all(std::span<const ByteSpan> chunks, std::span<Digest> hashes, Progress& progress) {
  parallel_for(0, chunks.size(), kChunksAtOnce, [&](std::size_t first, std::size_t last) {
    while (first < last) {
      const std::size_t count = std::min(kChunksAtOnce, last - first);
      merkle::hash_values(chunks.subspan(first, count), hashes.subspan(first, count));
      progress.advance(count);
      first += count;
    }
  });
}

/// Chunks of any number of tensors, and their hashes. Whole ones and shorter ones are hashed apart: what is
/// hashed side by side takes as long as the longest.
struct Chunks {
  std::vector<ByteSpan> chunks;
  std::vector<Digest> hashes;
};

}  // namespace

Bytes TensorEntry::leaf() const {
  WireWriter writer;
  writer.begin(kEntryTag, kEntryVersion);
  write_entry(writer, *this);
  return writer.take();
}

void write_entry(WireWriter& writer, const TensorEntry& entry) {
  writer.text(entry.name).text(entry.dtype).u32(static_cast<std::uint32_t>(entry.shape.size()));
  for (const std::uint64_t size : entry.shape) writer.u64(size);
  writer.raw(entry.chunks);
}

Result<TensorEntry> read_entry(WireReader& reader) {
  TensorEntry entry;
  entry.name = ASSAY_TRY(reader.text(Folder::kMaxNameBytes, "name"));
  if (entry.name.empty()) return reader.error(ErrorCode::kMalformed, "name", "is empty");
  entry.dtype = ASSAY_TRY(reader.text(kMaxDtypeName, "dtype"));
  const std::uint32_t axes = ASSAY_TRY(reader.count(sizeof(std::uint64_t), kMaxAxes, "axes"));
  for (std::uint32_t i = 0; i < axes; ++i) entry.shape.push_back(ASSAY_TRY(reader.u64("size")));
  const Result<std::uint64_t> bytes = byte_count(entry, entry.name);
  if (!bytes) return reader.error(bytes.error().code, "shape", bytes.error().to_string());
  const ByteSpan chunks = ASSAY_TRY(reader.raw(entry.chunks.size(), "chunks"));
  std::ranges::copy(chunks, entry.chunks.begin());
  return entry;
}

Result<std::uint64_t> byte_count(const TensorEntry& entry, std::string_view place) {
  const std::optional<std::size_t> size = tensor::stored_size(entry.dtype);
  if (!size) {
    return Error{ErrorCode::kUnsupported, std::string(place),
                 fmt::format("element type \"{}\" is not supported", entry.dtype)};
  }
  return ASSAY_TRY(tensor::element_count(entry.shape, place)) * *size;
}

std::vector<Digest> hash_chunks(std::span<const tensor::StoredTensor> tensors) {
  Chunks whole;
  Chunks shorter;
  for (const tensor::StoredTensor& tensor : tensors) {
    ByteSpan rest = tensor.bytes;
    for (; rest.size() >= kChunkBytes; rest = rest.subspan(kChunkBytes))
      whole.chunks.push_back(rest.first(kChunkBytes));
    if (!rest.empty()) shorter.chunks.push_back(rest);
  }
  whole.hashes.resize(whole.chunks.size());
  shorter.hashes.resize(shorter.chunks.size());
  Progress progress("hash weights", whole.chunks.size() + shorter.chunks.size());
  hash_all(whole.chunks, whole.hashes, progress);
  hash_all(shorter.chunks, shorter.hashes, progress);

  std::vector<Digest> roots;
  roots.reserve(tensors.size());
  auto next_whole = whole.hashes.begin();
  auto next_shorter = shorter.hashes.begin();
  for (const tensor::StoredTensor& tensor : tensors) {
    merkle::RootBuilder builder = merkle::RootBuilder::create(2).value();
    for (std::size_t i = 0; i < tensor.bytes.size() / kChunkBytes; ++i) builder.add_leaf_hash(*next_whole++);
    if (tensor.bytes.size() % kChunkBytes != 0) builder.add_leaf_hash(*next_shorter++);
    roots.push_back(builder.root());
  }
  return roots;
}

}  // namespace assay::weights
