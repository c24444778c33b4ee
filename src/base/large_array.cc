#include "base/large_array.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace assay::internal {
namespace {
constexpr std::size_t kLine = 64, kHugePage = std::size_t{2} << 20;
}

void LargeFree::operator()(void* memory) const { std::free(memory); }

void* allocate_large(std::size_t bytes) {
  const std::size_t unit = bytes < kHugePage ? kLine : kHugePage;
  if (bytes > SIZE_MAX - unit) return nullptr;
  const std::size_t rounded = (bytes + unit - 1) / unit * unit;
  void* memory = std::aligned_alloc(unit, rounded == 0 ? unit : rounded);
#if defined(MADV_HUGEPAGE)
  // A wish: where it is not granted, the pages are small and all else is the same.
  if (memory != nullptr && unit == kHugePage) static_cast<void>(madvise(memory, rounded, MADV_HUGEPAGE));
#endif
  return memory;
}

}  // namespace assay::internal
