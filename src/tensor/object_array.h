// What np.save(allow_pickle=True) makes of an array of Python integers.
#pragma once

#include <functional>

#include "tensor/source.h"

namespace assay::tensor {

/// The integers of the pickle after an .npy header of `shape`: int64 where all fit, else Scalars.
[[nodiscard]] Result<IntegerArray> parse_object_array(ByteSpan pickle, std::span<const std::uint64_t> shape,
                                                      const std::string& place);

/// The pickle, in pieces of bounded size.
[[nodiscard]] Status write_object_array(const IntegerView& values, std::span<const std::uint64_t> shape,
                                        const std::function<Status(ByteSpan)>& write);

}  // namespace assay::tensor
