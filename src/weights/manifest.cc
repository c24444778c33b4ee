#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <system_error>

#include "assay/weights_manifest.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "weights/tensor_entry.h"

namespace assay::weights {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTag = "assay/manifest/v";
constexpr std::uint32_t kVersion = 1;

// Beside the weights, what decides what a model computes, and how it is asked: configuration, generation
// settings, vocabulary, chat template, code.
constexpr std::array<std::string_view, 6> kEndings = {".json",  ".model",    ".txt",
                                                      ".jinja", ".tiktoken", ".py"};
// With a version behind it, such as tokenizer.model.v3.
constexpr std::string_view kTokenizer = "tokenizer.model";
// The folder of chat templates, which tokenizers read as they do chat_template.jinja.
constexpr std::string_view kTemplates = "additional_chat_templates";
constexpr std::string_view kTemplateEnding = ".jinja";
// It says how the weights are dealt out over files, which changes nothing.
constexpr std::string_view kIndexEnding = ".index.json";

// Heads that may be the embedding again. Of a model in memory, such a head is a second name of the same
// matrix; files have it or not, as whoever wrote them pleased.
constexpr std::array<std::string_view, 3> kHeads = {"lm_head.weight", "embed_out.weight",
                                                    "output_projection.weight"};

bool is_head(std::string_view name) { return std::ranges::find(kHeads, name) != kHeads.end(); }

/// The tensor that a head repeats, or nullptr.
const TensorEntry* original_of(const TensorEntry& head, std::span<const TensorEntry> tensors) {
  for (const TensorEntry& other : tensors) {
    if (!is_head(other.name) && other.dtype == head.dtype && other.shape == head.shape &&
        other.chunks == head.chunks)
      return &other;
  }
  return nullptr;
}

Status check_tensor(const tensor::StoredTensor& tensor, const TensorEntry& entry) {
  if (entry.name.empty() || entry.name.size() > Folder::kMaxNameBytes || !is_valid_utf8(entry.name)) {
    return Error{ErrorCode::kMalformed, "tensor",
                 fmt::format("a name of 1 to {} bytes in UTF-8 is expected", Folder::kMaxNameBytes)};
  }
  const std::uint64_t bytes = ASSAY_TRY(byte_count(entry, entry.name));
  if (bytes == tensor.bytes.size()) return {};
  return Error{ErrorCode::kMismatch, entry.name,
               fmt::format("{} bytes, but shape and dtype ask for {}", tensor.bytes.size(), bytes)};
}

/// The entries, still without their digests, in the order of their names, and the tensors in that order.
struct Listed {
  std::vector<TensorEntry> entries;
  std::vector<tensor::StoredTensor> tensors;
};

Result<Listed> list(std::span<const tensor::StoredTensor> tensors) {
  if (tensors.empty()) return Error{ErrorCode::kOutOfRange, "tensors", "none: a model has at least one"};
  if (tensors.size() > Folder::kMaxTensors) {
    return Error{ErrorCode::kTooLarge, "tensors",
                 fmt::format("{} of them, at most {} are taken", tensors.size(), Folder::kMaxTensors)};
  }
  Listed listed{{}, {tensors.begin(), tensors.end()}};
  std::ranges::sort(listed.tensors, {}, &tensor::StoredTensor::name);
  for (const tensor::StoredTensor& tensor : listed.tensors) {
    if (!listed.entries.empty() && listed.entries.back().name == tensor.name)
      return Error{ErrorCode::kMalformed, tensor.name, "is there twice"};
    listed.entries.push_back({tensor.name, tensor.dtype, tensor.shape});
    ASSAY_TRY(check_tensor(tensor, listed.entries.back()));
  }
  return listed;
}

/// Whether a file of this name is listed: one of the folder itself, or one of the folder of templates.
bool is_listed(std::string_view name) {
  if (name.starts_with(kTemplates) && name.substr(kTemplates.size()).starts_with('/'))
    return name.find('/', kTemplates.size() + 1) == name.npos && name.ends_with(kTemplateEnding);
  if (name.find('/') != name.npos || name.ends_with(kIndexEnding) || name.starts_with('.')) return false;
  return name.starts_with(kTokenizer) ||
         std::ranges::find(kEndings, fs::path(name).extension().string()) != kEndings.end();
}

/// Adds the listed files of `folder`, each with `prefix` before its name.
Status list_into(const fs::path& folder, const std::string& prefix, std::vector<FileEntry>& files) {
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    const std::string name = prefix + entry->path().filename().string();
    std::error_code unknown;  // what is neither a file nor a folder, opening it tells
    if (!is_listed(name) || entry->is_directory(unknown)) continue;
    const MappedFile file = ASSAY_TRY(MappedFile::open(entry->path()));
    files.push_back({name, sha256(file.bytes())});
  }
  if (failure) return Error{ErrorCode::kIo, folder.string(), failure.message()};
  return {};
}

std::string shape_text(const tensor::Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

/// The questions that headers answer: names, and of each tensor dtype and shape. A head that the manifest
/// does not have may be there: whether it repeats another tensor, its bytes say.
Verdict compare_headers(std::span<const TensorEntry> expected, std::span<const TensorEntry> found) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto at = std::ranges::lower_bound(found, expected[i].name, {}, &TensorEntry::name);
    if (at == found.end() || at->name != expected[i].name)
      return Verdict::rejected("tensors", expected[i].name + ": the folder does not have this tensor")
          .at_item(i);
    if (at->dtype != expected[i].dtype) {
      return Verdict::rejected("dtype", fmt::format("{}: is {} here, {} in the manifest", at->name, at->dtype,
                                                    expected[i].dtype))
          .at_item(i);
    }
    if (at->shape != expected[i].shape) {
      return Verdict::rejected("shape", fmt::format("{}: is {} here, {} in the manifest", at->name,
                                                    shape_text(at->shape), shape_text(expected[i].shape)))
          .at_item(i);
    }
  }
  for (const TensorEntry& entry : found) {
    if (!std::ranges::binary_search(expected, entry.name, {}, &TensorEntry::name) && !is_head(entry.name))
      return Verdict::rejected("tensors",
                               fmt::format("{}: the manifest does not have this tensor", entry.name));
  }
  return Verdict::accepted();
}

Verdict compare_files(std::span<const FileEntry> expected, std::span<const FileEntry> found) {
  for (const FileEntry& file : expected) {
    const auto at = std::ranges::lower_bound(found, file.name, {}, &FileEntry::name);
    if (at == found.end() || at->name != file.name)
      return Verdict::rejected("files", fmt::format("{}: is missing", file.name));
    if (at->sha256 != file.sha256)
      return Verdict::rejected("files", fmt::format("{}: its SHA-256 is {}, {} in the manifest", file.name,
                                                    to_hex(at->sha256), to_hex(file.sha256)));
  }
  for (const FileEntry& file : found) {
    if (!std::ranges::binary_search(expected, file.name, {}, &FileEntry::name))
      return Verdict::rejected("files", fmt::format("{}: the manifest does not have this file", file.name));
  }
  return Verdict::accepted();
}

}  // namespace

Result<std::vector<FileEntry>> list_files(const Folder& folder) {
  std::vector<FileEntry> files;
  ASSAY_TRY(list_into(folder.path(), "", files));
  const fs::path templates = folder.path() / kTemplates;
  std::error_code unknown;
  if (fs::is_directory(templates, unknown))
    ASSAY_TRY(list_into(templates, std::string(kTemplates) + '/', files));
  if (files.size() > Manifest::kMaxFiles) {
    return Error{
        ErrorCode::kTooLarge, folder.path().string(),
        fmt::format("{} files beside the weights, at most {} are taken", files.size(), Manifest::kMaxFiles)};
  }
  std::ranges::sort(files, {}, &FileEntry::name);
  return files;
}

Result<Manifest> Manifest::of(const Folder& folder) {
  Manifest manifest = ASSAY_TRY(of(folder.tensors()));
  manifest.files_ = ASSAY_TRY(list_files(folder));
  return manifest;
}

Result<Manifest> Manifest::of(std::span<const tensor::StoredTensor> tensors) {
  Listed listed = ASSAY_TRY(list(tensors));
  const std::vector<Digest> chunks = hash_chunks(listed.tensors);
  for (std::size_t i = 0; i < chunks.size(); ++i) listed.entries[i].chunks = chunks[i];
  Manifest manifest;
  for (const TensorEntry& entry : listed.entries) {
    if (!is_head(entry.name) || original_of(entry, listed.entries) == nullptr)
      manifest.tensors_.push_back(entry);
  }
  return manifest;
}

const TensorEntry* Manifest::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &TensorEntry::name);
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

Digest Manifest::root() const {
  merkle::RootBuilder builder = merkle::RootBuilder::create(2).value();
  for (const TensorEntry& entry : tensors_) builder.add_leaf(entry.leaf());
  return merkle::sized_root(2, tensors_.size(), builder.root());
}

Digest Manifest::digest() const { return Sha256().update("assay/manifest/v1").update(encode()).digest(); }

Bytes Manifest::encode() const {
  WireWriter writer;
  writer.begin(kTag, kVersion).u32(static_cast<std::uint32_t>(tensors_.size()));
  for (const TensorEntry& entry : tensors_) write_entry(writer, entry);
  writer.u32(static_cast<std::uint32_t>(files_.size()));
  for (const FileEntry& file : files_) writer.text(file.name).raw(file.sha256);
  return writer.take();
}

Result<Manifest> Manifest::decode(ByteSpan bytes, std::string_view place) {
  // The empty text and shape take four bytes each.
  constexpr std::size_t kSmallestTensor = 4 + 4 + 4 + 32;
  constexpr std::size_t kSmallestFile = 4 + 32;
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kTag, kVersion));
  Manifest manifest;
  const std::uint32_t tensors =
      ASSAY_TRY(reader.count(kSmallestTensor, std::uint32_t{Folder::kMaxTensors}, "count of tensors"));
  if (tensors == 0)
    return reader.error(ErrorCode::kOutOfRange, "count of tensors", "a model has at least one");
  for (std::uint32_t i = 0; i < tensors; ++i) {
    TensorEntry entry = ASSAY_TRY(read_entry(reader));
    if (i > 0 && manifest.tensors_.back().name >= entry.name)
      return reader.error(ErrorCode::kNonCanonical, "name", "not in ascending order");
    manifest.tensors_.push_back(std::move(entry));
  }
  for (const TensorEntry& entry : manifest.tensors_) {
    if (is_head(entry.name) && original_of(entry, manifest.tensors_) != nullptr)
      return reader.error(ErrorCode::kNonCanonical, entry.name, "repeats another tensor: it is left out");
  }
  const std::uint32_t files =
      ASSAY_TRY(reader.count(kSmallestFile, std::uint32_t{kMaxFiles}, "count of files"));
  for (std::uint32_t i = 0; i < files; ++i) {
    FileEntry file{ASSAY_TRY(reader.text(kMaxFileName, "file"))};
    if (i > 0 && manifest.files_.back().name >= file.name)
      return reader.error(ErrorCode::kNonCanonical, "file", "not in ascending order");
    if (!is_listed(file.name))
      return reader.error(ErrorCode::kMalformed, "file", "no name of a file that is listed");
    std::ranges::copy(ASSAY_TRY(reader.raw(file.sha256.size(), "SHA-256")), file.sha256.begin());
    manifest.files_.push_back(std::move(file));
  }
  ASSAY_TRY(reader.finish());
  return manifest;
}

Result<Manifest> Manifest::read(const fs::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kTag, kVersion)), path.string());
}

Status Manifest::write(const fs::path& path) const { return write_file(path, encode()); }

Verdict check_root(const Manifest& found, const Digest& root) {
  const Digest own = found.root();
  if (own != root) {
    return Verdict::rejected("root", fmt::format("these weights have the root {}", to_hex(own)));
  }
  Verdict verdict = Verdict::accepted();
  verdict.add_check("root", Grade::kRecomputed);
  verdict.add_figure("tensors", std::uint64_t{found.tensors().size()});
  verdict.add_note("the root is over the weights: nothing was asked about configuration and tokenizer");
  return verdict;
}

Result<Verdict> check_folder(const Manifest& expected, const Folder& folder,
                             const std::optional<Digest>& digest) {
  if (digest && expected.digest() != *digest)
    return Verdict::rejected("manifest", fmt::format("its digest is {}, agreed on was {}",
                                                     to_hex(expected.digest()), to_hex(*digest)));
  const Listed listed = ASSAY_TRY(list(folder.tensors()));
  Verdict headers = compare_headers(expected.tensors(), listed.entries);
  if (!headers.ok()) return headers;
  Verdict files = compare_files(expected.files(), ASSAY_TRY(list_files(folder)));
  if (!files.ok()) return files;
  const Manifest found = ASSAY_TRY(Manifest::of(folder.tensors()));
  for (std::size_t i = 0; i < expected.tensors().size(); ++i) {
    const TensorEntry* entry = found.find(expected.tensors()[i].name);
    if (entry == nullptr || *entry != expected.tensors()[i])
      return Verdict::rejected("bytes", expected.tensors()[i].name + ": has other bytes than in the manifest")
          .at_item(i);
  }
  if (found.tensors().size() != expected.tensors().size()) {
    for (const TensorEntry& entry : found.tensors()) {
      if (expected.find(entry.name) == nullptr)
        return Verdict::rejected("tensors",
                                 fmt::format("{}: the manifest does not have this tensor", entry.name));
    }
  }
  Verdict verdict = Verdict::accepted();
  verdict.add_check("manifest", digest ? Grade::kRecomputed : Grade::kMissing);
  for (const char* step : {"tensors", "dtype", "shape", "files", "bytes"})
    verdict.add_check(step, Grade::kRecomputed);
  verdict.add_figure("tensors", std::uint64_t{expected.tensors().size()});
  verdict.add_figure("files", std::uint64_t{expected.files().size()});
  if (!digest) verdict.add_note("digest of the manifest not compared with one agreed on before");
  return verdict;
}

}  // namespace assay::weights
