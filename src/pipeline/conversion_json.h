// What the reader of a hypercube directory takes from the conversion metadata in it.
#pragma once

#include "pipeline/directory_json.h"

namespace assay::pipeline {

/// Everything of a Conversion but its layers.
[[nodiscard]] Result<Conversion> read_conversion_header(const JsonFields& fields);

/// The field "storage"; nullopt where it is missing, as in the seeds' own files.
[[nodiscard]] Result<std::optional<tensor::Storage>> storage_field(const JsonFields& fields);

}  // namespace assay::pipeline
