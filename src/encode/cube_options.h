// What a cube may be asked to be, whatever it is to hold.
#pragma once

#include "assay/encode.h"

namespace assay::encode {

/// Errors: kOutOfRange, naming the option.
[[nodiscard]] Status check_cube_options(const CubeOptions& options);

}  // namespace assay::encode
