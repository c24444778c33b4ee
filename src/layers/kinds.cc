#include "layers/kinds.h"

#include <array>

#include "assay/layers_results.h"
#include "assay/layers_scoring.h"
#include "base/file.h"
#include "base/try.h"
#include "layers/spectra_records.h"

namespace assay::layers {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Result<Json> read_scores(const fs::path& path) {
  const Scores scores = ASSAY_TRY(Scores::read(path));
  const bool bound = scores.assay && scores.assay->weights;
  return Json{{"model_name", scores.model_name},
              {"metric_name", scores.metric_name},
              {"mapping_type", to_string(scores.mapping_type)},
              {"layers", scores.layers.size()},
              {"blocks", scores.blocks.size()},
              {"total_parameters", scores.total_parameters()},
              {"weights_root", bound ? Json(to_hex(*scores.assay->weights)) : Json(nullptr)}};
}

Result<Json> read_selection(const fs::path& path) {
  const SelectionResult result = ASSAY_TRY(SelectionResult::read(path));
  Json runs = Json::array();
  for (const Assignment& one : result.assignments)
    runs.push_back({{"start_layer", one.start_layer},
                    {"end_layer", one.end_layer},
                    {"budget", one.budget},
                    {"cost", one.cost},
                    {"benefit", one.benefit}});
  return Json{{"model_name", result.model_name},
              {"layers", result.num_layers},
              {"total_cost", result.total_cost},
              {"total_benefit", result.total_benefit},
              {"assignments", runs},
              {"made_by", result.assay ? "assay" : "the original"},
              {"verified", nullptr}};
}

Result<Json> read_spectra(const fs::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, SpectraFile::kMaxBytes));
  const internal::SpectraContent content = ASSAY_TRY(internal::decode_spectra(bytes, path.string()));
  return Json{{"spectra", content.records.size()}, {"cut_off_bytes", bytes.size() - content.whole_bytes}};
}

constexpr std::array kKinds = {
    FileKind{Mark::kFields, "metric_name layers significance_method", "scores of layers", read_scores},
    FileKind{Mark::kFields, "input results", "selection of layers", read_selection},
    FileKind{Mark::kBytes, "assay/spectra/v", "spectra of layers", read_spectra},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::layers
