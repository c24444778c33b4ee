#if defined(__x86_64__)
#include <immintrin.h>

#include <bit>

#include "toploc/kernel.h"
#include "toploc/lanes.h"

namespace assay::toploc::internal {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kBlock = 4 * kLanes;

/// All ones in the lanes whose magnitude is over the threshold. Both are below 2^15, so a signed comparison
/// serves.
[[gnu::always_inline, gnu::target("avx2")]] inline __m256i above(const std::uint16_t* values,
                                                                 __m256i threshold) {
  const __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
  return _mm256_cmpgt_epi16(_mm256_and_si256(value, _mm256_set1_epi16(0x7fff)), threshold);
}

[[gnu::target("avx2")]] std::size_t find_above(const std::uint16_t* values, std::size_t begin,
                                               std::size_t end, std::uint16_t threshold) {
  const __m256i bound = _mm256_set1_epi16(static_cast<std::int16_t>(threshold));
  std::size_t i = begin;
  for (; end - i >= kBlock; i += kBlock) {
    const __m256i low = _mm256_or_si256(above(values + i, bound), above(values + i + kLanes, bound));
    const __m256i high =
        _mm256_or_si256(above(values + i + 2 * kLanes, bound), above(values + i + 3 * kLanes, bound));
    const __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any) == 0) break;
  }
  for (; end - i >= kLanes; i += kLanes) {
    const auto found = static_cast<std::uint32_t>(_mm256_movemask_epi8(above(values + i, bound)));
    if (found != 0) return i + static_cast<std::size_t>(std::countr_zero(found)) / 2;
  }
  for (; i < end; ++i) {
    if ((values[i] & 0x7fff) > threshold) return i;
  }
  return end;
}

[[gnu::target("avx2")]] void evaluate(const std::uint32_t* coefficients, std::size_t count,
                                      const std::uint32_t* x, std::uint32_t* y, std::size_t points) {
  evaluate_lanes(coefficients, count, x, y, points);
}

[[gnu::target("avx2")]] void interpolate(const std::uint32_t* x, const std::uint32_t* y, std::size_t count,
                                         std::uint32_t* coefficients, std::uint32_t* scratch,
                                         std::uint64_t* sums) {
  interpolate_lanes(x, y, count, coefficients, scratch, sums);
}

}  // namespace

const Kernel kAvx2Kernel{"avx2", find_above, evaluate, interpolate};

}  // namespace assay::toploc::internal
#endif
