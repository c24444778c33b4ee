// Counts the products of eight lanes in builds that ask for it; in all others, nothing.
#pragma once

#ifdef ASSAY_COUNT_PRODUCTS
#include <cstdint>

namespace assay::field {
inline std::uint64_t vector_products = 0;
}  // namespace assay::field
#define ASSAY_COUNT_PRODUCT() ++::assay::field::vector_products
#else
#define ASSAY_COUNT_PRODUCT() static_cast<void>(0)
#endif
