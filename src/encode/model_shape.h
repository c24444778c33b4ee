// The one shape that all layers of a model layout have.
#pragma once

#include "assay/encode.h"

namespace assay::encode {

struct ModelShape {
  std::uint64_t tokens = 0;
  std::uint64_t width = 0;
};

/// (T, H) of layers that are all (1, T, H) or (T, H). Errors: kMismatch.
[[nodiscard]] Result<ModelShape> model_shape(std::span<const LayerEntry> entries);

}  // namespace assay::encode
