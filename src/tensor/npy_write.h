// .npy files that wait to be published together with others.
#pragma once

#include "assay/tensor.h"
#include "base/file.h"

namespace assay::tensor {

/// write_npy, short of publishing.
[[nodiscard]] Result<AtomicFile> stage_npy(const std::filesystem::path& path, const IntegerView& values,
                                           std::span<const std::uint64_t> shape, Storage storage);

}  // namespace assay::tensor
