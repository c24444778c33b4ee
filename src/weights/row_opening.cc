#include <fmt/format.h>

#include <algorithm>

#include "assay/weights_manifest.h"
#include "base/check.h"
#include "base/file.h"
#include "base/try.h"
#include "weights/tensor_entry.h"

namespace assay::weights {
namespace {

constexpr std::string_view kOpeningTag = "assay/row/v";
constexpr std::uint32_t kOpeningVersion = 1;

/// Where a row lies among the bytes and the chunks of its tensor.
struct RowPlace {
  std::uint64_t tensor_bytes;
  std::uint64_t begin;  // of the row, in bytes
  std::uint64_t end;

  [[nodiscard]] std::uint64_t first_chunk() const { return begin / kChunkBytes; }
  [[nodiscard]] std::uint64_t last_chunk() const { return (end - 1) / kChunkBytes; }
  /// The bytes of the chunks.
  [[nodiscard]] std::uint64_t chunks_begin() const { return first_chunk() * kChunkBytes; }
  [[nodiscard]] std::uint64_t chunks_end() const {
    return std::min((last_chunk() + 1) * kChunkBytes, tensor_bytes);
  }
  [[nodiscard]] std::vector<std::uint64_t> chunk_indices() const {
    std::vector<std::uint64_t> indices;
    for (std::uint64_t chunk = first_chunk(); chunk <= last_chunk(); ++chunk) indices.push_back(chunk);
    return indices;
  }
};

Result<RowPlace> place_of_row(const TensorEntry& tensor, std::uint64_t row, std::string_view place) {
  const auto refused = [&](ErrorCode code, std::string reason) {
    return Error{code, std::string(place), std::move(reason)};
  };
  const std::uint64_t bytes = ASSAY_TRY(byte_count(tensor, place));
  if (tensor.shape.empty()) return refused(ErrorCode::kOutOfRange, "a single value, it has no rows");
  const std::uint64_t rows = tensor.shape.front();
  if (row >= rows) return refused(ErrorCode::kOutOfRange, fmt::format("row {} of {}", row, rows));
  const std::uint64_t width = bytes / rows;
  if (width == 0) return refused(ErrorCode::kOutOfRange, "its rows have no bytes");
  if (width > RowOpening::kMaxRowBytes) {
    return refused(ErrorCode::kTooLarge,
                   fmt::format("a row has {} bytes, at most {} are opened", width, RowOpening::kMaxRowBytes));
  }
  return RowPlace{bytes, row * width, (row + 1) * width};
}

Result<std::vector<Digest>> read_hashes(WireReader& reader, std::string_view field) {
  // Beside a path of neighbouring chunks there is one hash on each side and level.
  constexpr std::uint32_t kMaxHashes = 128;
  const std::uint32_t count = ASSAY_TRY(reader.count(sizeof(Digest), kMaxHashes, field));
  std::vector<Digest> hashes(count);
  for (Digest& hash : hashes) std::ranges::copy(ASSAY_TRY(reader.raw(hash.size(), field)), hash.begin());
  return hashes;
}

void write_hashes(WireWriter& writer, std::span<const Digest> hashes) {
  writer.u32(static_cast<std::uint32_t>(hashes.size()));
  for (const Digest& hash : hashes) writer.raw(hash);
}

/// The steps that need no hashing.
Verdict check_expectation(const RowOpening& opening, const RowAsked& asked) {
  if (asked.tensor && *asked.tensor != opening.tensor.name)
    return Verdict::rejected(
        "expectation", fmt::format("a row of '{}', '{}' was asked for", opening.tensor.name, *asked.tensor));
  if (asked.row && *asked.row != opening.row)
    return Verdict::rejected("expectation", fmt::format("row {}, {} was asked for", opening.row, *asked.row));
  return Verdict::accepted();
}

std::vector<Digest> hash_opened(ByteSpan chunks) {
  std::vector<Digest> leaves;
  for (; !chunks.empty(); chunks = chunks.subspan(std::min(kChunkBytes, chunks.size())))
    leaves.push_back(merkle::leaf_hash(chunks.first(std::min(kChunkBytes, chunks.size()))));
  return leaves;
}

}  // namespace

ByteSpan RowOpening::values() const {
  const RowPlace place = place_of_row(tensor, row, tensor.name).value();
  ASSAY_CHECK_EQ(chunks.size(), place.chunks_end() - place.chunks_begin());
  return ByteSpan(chunks).subspan(place.begin - place.chunks_begin(), place.end - place.begin);
}

Bytes RowOpening::encode() const {
  WireWriter writer;
  writer.begin(kOpeningTag, kOpeningVersion).u64(tensor_count).u64(tensor_index).raw(tree);
  write_entry(writer, tensor);
  write_hashes(writer, tensor_path.hashes);
  writer.u64(row).raw(chunks);
  write_hashes(writer, chunk_paths.hashes);
  return writer.take();
}

Result<RowOpening> RowOpening::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kOpeningTag, kOpeningVersion));
  RowOpening opening;
  opening.tensor_count = ASSAY_TRY(reader.u64("count of tensors"));
  opening.tensor_index = ASSAY_TRY(reader.u64("index of the tensor"));
  std::ranges::copy(ASSAY_TRY(reader.raw(opening.tree.size(), "tree")), opening.tree.begin());
  opening.tensor = ASSAY_TRY(read_entry(reader));
  opening.tensor_path.hashes = ASSAY_TRY(read_hashes(reader, "path"));
  opening.row = ASSAY_TRY(reader.u64("row"));
  const Result<RowPlace> lies = place_of_row(opening.tensor, opening.row, opening.tensor.name);
  if (!lies) return reader.error(lies.error().code, "row", lies.error().to_string());
  const ByteSpan chunks = ASSAY_TRY(reader.raw(lies->chunks_end() - lies->chunks_begin(), "chunks"));
  opening.chunks.assign(chunks.begin(), chunks.end());
  opening.chunk_paths.hashes = ASSAY_TRY(read_hashes(reader, "paths of chunks"));
  ASSAY_TRY(reader.finish());
  return opening;
}

Result<RowOpening> RowOpening::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kOpeningTag, kOpeningVersion)), path.string());
}

Status RowOpening::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

Result<RowOpening> open_row(const Manifest& manifest, const tensor::StoredTensor& tensor, std::uint64_t row) {
  const TensorEntry* entry = manifest.find(tensor.name);
  if (entry == nullptr) {
    return Error{ErrorCode::kMismatch, tensor.name,
                 "the manifest does not have this tensor; of a head that repeats the embedding, open that"};
  }
  const RowPlace place = ASSAY_TRY(place_of_row(*entry, row, tensor.name));
  const merkle::Tree chunks = ASSAY_TRY(merkle::Tree::from_chunks(2, tensor.bytes, kChunkBytes));
  if (entry->dtype != tensor.dtype || entry->shape != tensor.shape || entry->chunks != chunks.root())
    return Error{ErrorCode::kMismatch, tensor.name, "is not the tensor of the manifest"};
  std::vector<Digest> leaves;
  for (const TensorEntry& one : manifest.tensors()) leaves.push_back(merkle::leaf_hash(one.leaf()));
  const merkle::Tree tree = ASSAY_TRY(merkle::Tree::from_leaf_hashes(2, std::move(leaves)));

  RowOpening opening;
  opening.tensor_count = manifest.tensors().size();
  opening.tensor_index = static_cast<std::uint64_t>(entry - manifest.tensors().data());
  opening.tree = tree.root();
  opening.tensor = *entry;
  opening.tensor_path = ASSAY_TRY(tree.prove(opening.tensor_index));
  opening.row = row;
  const ByteSpan opened =
      tensor.bytes.subspan(place.chunks_begin(), place.chunks_end() - place.chunks_begin());
  opening.chunks.assign(opened.begin(), opened.end());
  opening.chunk_paths = ASSAY_TRY(chunks.prove_many(place.chunk_indices()));
  return opening;
}

Verdict verify_row(const RowOpening& opening, const Digest& root, const RowAsked& asked) {
  const auto rejected = [](const char* step, std::string reason) {
    return Verdict::rejected(step, std::move(reason));
  };
  Verdict expected = check_expectation(opening, asked);
  if (!expected.ok()) return expected;
  const Result<RowPlace> place = place_of_row(opening.tensor, opening.row, opening.tensor.name);
  if (!place) return rejected("row", place.error().to_string());
  if (opening.chunks.size() != place->chunks_end() - place->chunks_begin()) {
    return rejected("row", fmt::format("{} bytes of chunks, it lies in {}", opening.chunks.size(),
                                       place->chunks_end() - place->chunks_begin()));
  }
  const Digest sized = merkle::sized_root(2, opening.tensor_count, opening.tree);
  if (sized != root) return rejected("root", fmt::format("it belongs to the root {}", to_hex(sized)));
  const Verdict tensor =
      merkle::verify_inclusion(opening.tree, 2, opening.tensor_count, opening.tensor_index,
                               merkle::leaf_hash(opening.tensor.leaf()), opening.tensor_path);
  if (!tensor.ok())
    return rejected("tensor",
                    fmt::format("'{}' is not in the tree: {}", opening.tensor.name, tensor.reason()));
  const Verdict chunks =
      merkle::verify_many(opening.tensor.chunks, 2, chunk_count(place->tensor_bytes), place->chunk_indices(),
                          hash_opened(opening.chunks), opening.chunk_paths);
  if (!chunks.ok()) return rejected("chunks", fmt::format("they are not the tensor's: {}", chunks.reason()));

  Verdict verdict = Verdict::accepted();
  verdict.add_check("expectation", asked.tensor && asked.row ? Grade::kRecomputed : Grade::kMissing);
  for (const char* step : {"row", "root", "tensor", "chunks"}) verdict.add_check(step, Grade::kBound);
  verdict.add_figure("tensor", opening.tensor.name)
      .add_figure("row", opening.row)
      .add_figure("dtype", opening.tensor.dtype)
      .add_figure(Figure{"row bytes", std::uint64_t{place->end - place->begin}, std::nullopt, "bytes"});
  if (!asked.tensor || !asked.row)
    verdict.add_note("which tensor and row it is, the opening says; nobody asked for one");
  verdict.add_assumption("the root is that of the model which was promised");
  return verdict;
}

}  // namespace assay::weights
