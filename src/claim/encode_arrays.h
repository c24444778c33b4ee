// Arrays as integers, before they are laid out.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "assay/prover.h"

namespace assay::claim::internal {

/// The dtype of all views; none of integers of any size. Errors: kMalformed (no array), kMismatch (different
/// dtypes, integers of any size beside views).
[[nodiscard]] Result<std::optional<tensor::Dtype>> common_dtype(const Arrays& arrays, std::string_view place);

/// Names, shapes, and the taps of those that have one.
[[nodiscard]] std::vector<encode::LayerShape> shapes_of(const Arrays& arrays, const Taps& taps);

/// Errors: those of encode::encode, after `place`; kUnsupported (integers of any size in another encoding
/// than int).
[[nodiscard]] Result<std::vector<tensor::IntegerTensor>> encode_arrays(const Arrays& arrays,
                                                                       const encode::Encoding& encoding,
                                                                       std::string_view place);

}  // namespace assay::claim::internal
