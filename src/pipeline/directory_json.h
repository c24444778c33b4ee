// The JSON files of the pipeline's directories: what both directories share. Their objects may hold more
// fields than are read here.
#pragma once

#include <string>

#include "assay/pipeline.h"
#include "base/file.h"
#include "base/json_fields.h"

namespace assay::pipeline {

/// The object "conversion", which the original pipeline copies as "conversion_params": how values became
/// integers.
[[nodiscard]] Status read_scaling(const JsonFields& scaling, Conversion& conversion);

/// Everything of a Conversion but its layers and the words of the model; the reader of a hypercube takes it
/// as well.
[[nodiscard]] Result<Conversion> read_conversion_header(const JsonFields& fields);

/// The rest of it but the words, from `dir`.
[[nodiscard]] Result<Conversion> read_conversion_layers(const JsonText& json,
                                                        const std::filesystem::path& dir);

/// False too where the path cannot be looked at.
[[nodiscard]] bool names_directory(const std::filesystem::path& path);
/// Errors: kIo.
[[nodiscard]] Status require_directory(const std::filesystem::path& path);
[[nodiscard]] bool has_file(const std::filesystem::path& dir, std::string_view name);

/// Every .npy of a directory without metadata, as the original's loader has them: "embedding", "layer_0",
/// "layer_1", .., then others by name. Errors: kIo (there is none), kTooLarge (over kMaxDirectoryLayers),
/// those of open_undescribed().
[[nodiscard]] Result<Conversion> read_undescribed_layers(const std::filesystem::path& dir);

/// An array of integers of which nothing more is known. Errors: those of tensor::open_integers; kUnsupported
/// where its bytes may as well be rows of 32, as directories of ours store wide integers.
[[nodiscard]] Result<tensor::IntegerTensor> open_undescribed(const std::filesystem::path& path);

/// The layout of one array of which nothing more is known than its shape.
[[nodiscard]] Result<encode::Layout> plain_layout(const Axes& axes);

/// The field "storage"; nullopt where it is missing, as in the original pipeline's own files.
[[nodiscard]] Result<std::optional<tensor::Storage>> storage_field(const JsonFields& fields);

[[nodiscard]] std::optional<tensor::Storage> storage_from(std::string_view name);

/// int64 or scalar32 by the values, or object where asked.
[[nodiscard]] tensor::Storage choose_storage(const IntegerView& values, bool object_storage);

/// Stages the JSON of a directory. Errors: kTooLarge (no reader would take it), those of AtomicFile.
[[nodiscard]] Result<AtomicFile> stage_json(const std::filesystem::path& path, const Json& json);

/// Publishes in order, the last file last; where one fails, removes those published before.
[[nodiscard]] Status publish_all(std::vector<AtomicFile>& files);

inline constexpr std::string_view kConversionJson = "conversion_metadata.json";
inline constexpr std::size_t kMaxDirectoryLayers = 512;
inline constexpr std::size_t kMaxText = 4096;  ///< of a field that is not the model's own words

}  // namespace assay::pipeline
