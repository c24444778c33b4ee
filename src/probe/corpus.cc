// Rows with their labels and where they came from, from files.
#include <fmt/format.h>

#include "assay/probe_statement.h"
#include "base/file.h"
#include "base/try.h"
#include "probe/sources.h"

namespace assay::probe {
namespace {

std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::filesystem::path rows_beside(const std::filesystem::path& activations) {
  std::filesystem::path path = activations;
  path.replace_extension(".rows");
  std::error_code failure;
  return std::filesystem::exists(path, failure) ? path : std::filesystem::path();
}

Result<Corpus> read_corpus(const std::filesystem::path& activations, const std::filesystem::path& labels,
                           const std::filesystem::path& rows) {
  Corpus corpus;
  corpus.activations = ASSAY_TRY(open_activations(activations));
  const Bytes label_bytes = ASSAY_TRY(read_file(labels, internal::kMaxLabelBytes));
  corpus.labels = ASSAY_TRY(parse_labels(text_of(label_bytes), labels.string()));
  corpus.labels_digest = sha256(label_bytes);
  if (rows.empty()) return corpus;
  const Bytes row_bytes = ASSAY_TRY(read_file(rows, RowsFile::kMaxBytes));
  corpus.rows = ASSAY_TRY(RowsFile::decode(text_of(row_bytes), rows.string()));
  corpus.rows_digest = sha256(row_bytes);
  return corpus;
}

Result<Digest> file_digest(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  if (file.bytes().size() > max_bytes)
    return Error{ErrorCode::kTooLarge, path.string(),
                 fmt::format("{} bytes, at most {} are read", file.bytes().size(), max_bytes)};
  return sha256(file.bytes());
}

}  // namespace assay::probe
