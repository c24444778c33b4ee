// The JSON files of the seeds' directories: what both directories share. Their objects may hold more fields
// than are read here.
#pragma once

#include <string>

#include "assay/tensor.h"
#include "base/file.h"
#include "base/json_fields.h"

namespace assay::tensor {

/// A JSON file of at most kMaxJsonBytes.
[[nodiscard]] Result<JsonText> read_json_file(const std::filesystem::path& path);

/// Everything of a Conversion but its layers, which the reader of a hypercube takes as well.
[[nodiscard]] Result<Conversion> read_conversion_header(const JsonFields& fields);

/// The field "storage"; nullopt where it is missing, as in the seeds' own files.
[[nodiscard]] Result<std::optional<Storage>> storage_field(const JsonFields& fields);

[[nodiscard]] std::optional<Storage> storage_from(std::string_view name);

/// int64 or scalar32 by the values, or object where asked.
[[nodiscard]] Storage choose_storage(const IntegerView& values, bool object_storage);

/// Creates the directory with its parents. Errors: kIo.
[[nodiscard]] Status make_directory(const std::filesystem::path& path);

/// Publishes in order, the last file last; where one fails, removes those published before.
[[nodiscard]] Status publish_all(std::vector<AtomicFile>& files);

inline constexpr std::string_view kConversionJson = "conversion_metadata.json";
inline constexpr std::string_view kHypercubeJson = "hypercube_metadata.json";
inline constexpr std::string_view kHypercubeNpy = "hypercube.npy";
inline constexpr std::size_t kMaxDirectoryLayers = 512;
inline constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20;
inline constexpr std::size_t kMaxText = 4096;  ///< of a field that is not the model's own words

}  // namespace assay::tensor
