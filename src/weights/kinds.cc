#include "weights/kinds.h"

#include <array>

#include "assay/weights_manifest.h"
#include "base/try.h"

namespace assay::weights {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Result<Json> read_manifest(const fs::path& path) {
  const Manifest manifest = ASSAY_TRY(Manifest::read(path));
  Json files = Json::array();
  for (const FileEntry& file : manifest.files()) files.push_back(file.name);
  return Json{{"root", to_hex(manifest.root())},
              {"digest", to_hex(manifest.digest())},
              {"tensors", manifest.tensors().size()},
              {"files", files}};
}

Result<Json> read_row(const fs::path& path) {
  const RowOpening opening = ASSAY_TRY(RowOpening::read(path));
  return Json{{"tensor", opening.tensor.name},
              {"dtype", opening.tensor.dtype},
              {"shape", opening.tensor.shape},
              {"row", opening.row},
              {"tensors_of_the_model", opening.tensor_count},
              {"verified", nullptr}};
}

Result<Json> read_folder(const fs::path& path) {
  const Folder folder = ASSAY_TRY(Folder::open(path));
  return Json{{"model_type", folder.config().model_type},
              {"blocks", folder.config().num_blocks ? Json(*folder.config().num_blocks) : Json(nullptr)},
              {"files_of_weights", folder.shards()},
              {"tensors", folder.tensors().size()}};
}

constexpr std::array kKinds = {
    FileKind{Mark::kBytes, "assay/manifest/v", "manifest of a model", read_manifest},
    FileKind{Mark::kBytes, "assay/row/v", "opening of a row of weights", read_row},
    FileKind{Mark::kEntries, "config.json", "folder of a model", read_folder},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::weights
