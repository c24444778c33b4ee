// What an opened value may be, asked of many at once.
#pragma once

#include <string>

#include "assay/claim.h"

namespace assay::claim::internal {

/// Why one of the values is none that the header's encoding has: outside `range`, which is
/// header.value_range(), or under `bits` an infinity or no number. Empty where all are.
[[nodiscard]] std::string fault_of_values(const Header& header, const encode::Range& range,
                                          const IntegerView& values);

/// The index of the first value outside the range, or the count.
[[nodiscard]] std::size_t find_outside(const IntegerView& values, const encode::Range& range);

}  // namespace assay::claim::internal
