// Integers of a view as field elements.
#pragma once

#include <span>

#include "assay/field.h"
#include "assay/integers.h"

namespace assay {

/// out[i] = values[i]. Equal lengths.
void to_field(IntegerView values, std::span<Fr> out);

}  // namespace assay
