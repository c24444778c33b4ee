#include "base/large_array.h"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace assay {
namespace {

constexpr std::size_t kLine = 64, kHugePage = std::size_t{2} << 20;

/// Whole huge pages, from the system itself: what a heap gives again has small pages already. 0 where that
/// overflows.
std::size_t mapped_size(std::size_t bytes) {
  return bytes > SIZE_MAX - 2 * kHugePage ? 0 : (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

/// Bytes from there to the next huge page.
std::size_t to_huge_page(const void* memory) {
  return (kHugePage - reinterpret_cast<std::uintptr_t>(memory) % kHugePage) % kHugePage;
}

}  // namespace

namespace internal {

void LargeFree::operator()(void* memory) const {
  if (bytes < kHugePage) {
    std::free(memory);
  } else {
    munmap(memory, mapped_size(bytes));
  }
}

void* allocate_large(std::size_t bytes) {
  if (bytes < kHugePage) return std::aligned_alloc(kLine, (bytes + kLine) / kLine * kLine);
  const std::size_t size = mapped_size(bytes);
  if (size == 0) return nullptr;
  // A huge page more, of which the ends that are not aligned are given back.
  void* const memory =
      mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(memory);
  const std::size_t before = to_huge_page(begin);
  if (before != 0) munmap(begin, before);
  munmap(begin + before + size, kHugePage - before);
  wish_for_huge_pages(begin + before, size);
  return begin + before;
}

}  // namespace internal

void wish_for_huge_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(MADV_HUGEPAGE)
  const std::size_t before = to_huge_page(memory);
  if (bytes < before + kHugePage) return;
  const std::size_t whole = (bytes - before) / kHugePage * kHugePage;
  static_cast<void>(madvise(static_cast<std::byte*>(memory) + before, whole, MADV_HUGEPAGE));
#endif
}

}  // namespace assay
