// Scalars as machine integers.
#pragma once

#include "assay/integers.h"

namespace assay {

/// True iff the signed integer lies in [-2^63, 2^63 - 1].
[[nodiscard]] bool fits_int64(const Scalar& value);

/// The signed integer of a Scalar that fits.
[[nodiscard]] std::int64_t to_int64(const Scalar& value);

/// a < b as signed integers.
[[nodiscard]] bool signed_less(const Scalar& a, const Scalar& b);

}  // namespace assay
