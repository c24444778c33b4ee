#include "pipeline/kinds.h"

#include <array>

#include "assay/pipeline.h"
#include "base/try.h"
#include "pipeline/results.h"
#include "tensor/kinds.h"

namespace assay::pipeline {
namespace {

namespace fs = std::filesystem;
using Mark = FileKind::Mark;

Result<Json> read_conversion_folder(const fs::path& path) {
  const Conversion conversion = ASSAY_TRY(read_conversion(path));
  Json layers = Json::array();
  for (const ConversionLayer& layer : conversion.layers) layers.push_back(layer.name);
  return Json{{"model_name", conversion.model_name},
              {"encoding", conversion.encoding.to_string()},
              {"storage", to_string(conversion.storage)},
              {"layers", layers}};
}

Result<Json> read_hypercube_folder(const fs::path& path) {
  const Hypercube cube = ASSAY_TRY(read_hypercube(path));
  return Json{{"model_name", cube.model_name},
              {"encoding", cube.encoding ? Json(cube.encoding->to_string()) : Json(nullptr)},
              {"dimensions", cube.layout.axes.sizes()},
              {"real_elements", cube.layout.real_count},
              {"padding_elements", cube.layout.padding()},
              {"layers", cube.layout.layer_map.size()}};
}

Result<Json> read_polynomial_folder(const fs::path& path) {
  const Polynomial polynomial = ASSAY_TRY(read_coefficients(path));
  return Json{{"dims", polynomial.axes.sizes()}, {"coefficients", polynomial.coefficients.size()}};
}

// The files of a folder are shown as the folder, which is read as a whole.
Result<Json> read_folder_of(const fs::path& path, FileKind::Read read) {
  const fs::path folder = path.parent_path();
  return read(folder.empty() ? "." : folder);
}
Result<Json> read_conversion_file(const fs::path& path) {
  return read_folder_of(path, read_conversion_folder);
}
Result<Json> read_hypercube_file(const fs::path& path) { return read_folder_of(path, read_hypercube_folder); }

Result<Json> read_coefficients_file(const fs::path& path) {
  const CoefficientsJson read = ASSAY_TRY(CoefficientsJson::read(path));
  return Json{{"dims", read.axes.sizes()},
              {"degree_bound", read.degree_bound},
              {"coefficients", read.coefficients.size()}};
}

Result<Json> read_proofs_file(const fs::path& path) {
  const ProofsJson read = ASSAY_TRY(ProofsJson::read(path));
  return Json{
      {"commitment", to_hex(curve::encode(read.commitment))},
      {"num_variables", read.num_variables},
      {"degree_bound", read.degree_bound},
      {"proofs", read.proofs.size()},
      {"commitment_digest", read.commitment_digest ? Json(to_hex(*read.commitment_digest)) : Json(nullptr)},
      {"verified", nullptr}};
}

// The openings, of which there may be a million, are counted nowhere in the file, and are not kept.
Result<Json> read_results_file(const fs::path& path) {
  constexpr std::string_view kOpenings = "point_results";
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 28;
  const Json results = ASSAY_TRY(read_json_file(path, kMaxBytes, kOpenings));
  Json fields = Json::object();
  for (const auto& [name, value] : results.items())
    if (name != kOpenings && name != "header") fields[name] = value;
  return fields;
}
Result<Json> read_results_folder(const fs::path& path) { return read_results_file(path / kResultsJson); }

// Its own folder has it under this name, and is read as a whole.
Result<Json> read_coefficients_tensor(const fs::path& path) {
  if (path.filename() == kCoefficientsSafetensors) return read_folder_of(path, read_polynomial_folder);
  return tensor::read_tensors(path);
}

constexpr std::array kKinds = {
    FileKind{Mark::kEntries, "conversion_metadata.json", "folder of convert", read_conversion_folder},
    FileKind{Mark::kEntries, "hypercube_metadata.json", "folder of reshape", read_hypercube_folder},
    FileKind{Mark::kEntries, "coefficients.safetensors", "folder of interpolate", read_polynomial_folder},
    FileKind{Mark::kEntries, "coefficients.json", "folder of interpolate", read_polynomial_folder},
    FileKind{Mark::kEntries, "commitment_results.json", "folder of commit", read_results_folder},
    FileKind{Mark::kFields, "conversion layers", "metadata of convert", read_conversion_file},
    FileKind{Mark::kFields, "hypercube layer_map", "metadata of reshape", read_hypercube_file},
    FileKind{Mark::kMetadata, "assay/coefficients/v", "coefficients", read_coefficients_tensor},
    FileKind{Mark::kFields, "dims degree_bound coefficients", "coefficients as text", read_coefficients_file},
    FileKind{Mark::kFields, "commitment_hex num_variables proofs", "proofs as text", read_proofs_file},
    FileKind{Mark::kFields, "timing point_results", "results of commit", read_results_file},
};

}  // namespace

std::span<const FileKind> file_kinds() { return kKinds; }

}  // namespace assay::pipeline
