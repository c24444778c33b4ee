// The .pt files of torch.save (PyTorch, caffe2/serialize/inline_container.h).
#include <algorithm>

#include "base/try.h"
#include "tensor/torch_tree.h"
#include "tensor/zip.h"

namespace assay::tensor {
namespace {

constexpr std::size_t kMaxPickle = std::size_t{16} << 20;
// A state dict may name one storage several times (tied weights, slices), but not without bound.
constexpr std::uint64_t kMaxShown = 16;
constexpr std::uint64_t kAlwaysShown = std::uint64_t{64} << 20;

std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Records {
  std::optional<ByteSpan> pickle;
  StorageRecords storages;
};

Result<Records> sort_records(const Source& source, std::span<const ZipRecord> zip) {
  Records records;
  if (zip.empty()) return source.malformed("zip", "an archive without records");
  const std::string prefix = zip.front().name.substr(0, zip.front().name.find('/') + 1);
  for (const ZipRecord& record : zip) {
    if (prefix.empty() || !record.name.starts_with(prefix)) {
      return source.malformed(record.name, "records must share one directory, as torch.save writes them");
    }
    const std::string name = record.name.substr(prefix.size());
    if (name == "data.pkl") {
      records.pickle = record.data;
    } else if (name == "byteorder") {
      if (as_text(record.data) != "little") {
        return source.error(ErrorCode::kUnsupported, record.name, "not written in little-endian order");
      }
    } else if (name.starts_with("data/")) {
      records.storages.emplace(name.substr(5), record.data);
    } else if (name != "version" && name != ".data/serialization_id" && name != ".format_version" &&
               name != ".storage_alignment") {
      return source.error(ErrorCode::kUnsupported, record.name,
                          "a record that torch.save of tensors does not write (TorchScript is not read)");
    }
  }
  if (!records.pickle) return source.malformed(prefix + "data.pkl", "this record is missing");
  if (records.pickle->size() > kMaxPickle) {
    return source.error(ErrorCode::kTooLarge, prefix + "data.pkl", "over 16 MiB");
  }
  return records;
}

}  // namespace

Result<TensorFile> parse_torch(const Source& source) {
  const std::vector<ZipRecord> zip = ASSAY_TRY(parse_zip(source));
  const Records records = ASSAY_TRY(sort_records(source, zip));
  const PickleRules rules = torch_rules();
  const Pickle pickle = ASSAY_TRY(Pickle::parse(*records.pickle, rules, source.place + ": data.pkl"));
  TensorFile file;
  file.container = Container::kTorch;
  const std::uint64_t max_bytes = std::max<std::uint64_t>(kAlwaysShown, kMaxShown * source.bytes.size());
  ASSAY_TRY(read_torch_tree(source, pickle, records.storages, max_bytes, file));
  return file;
}

}  // namespace assay::tensor
