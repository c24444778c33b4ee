#include <algorithm>

#include "toploc/kernel.h"
#include "toploc/lanes.h"

namespace assay::toploc::internal {
namespace {

// Blocks whose largest magnitude is found without a branch.
constexpr std::size_t kBlock = 64;

std::size_t find_above(const std::uint16_t* values, std::size_t begin, std::size_t end,
                       std::uint16_t threshold) {
  const auto above = [threshold](std::uint16_t value) { return (value & 0x7fff) > threshold; };
  std::size_t i = begin;
  for (; end - i >= kBlock; i += kBlock) {
    std::int16_t largest = 0;  // signed, for what SSE2 has an instruction for
    for (std::size_t j = 0; j < kBlock; ++j) {
      largest = std::max(largest, static_cast<std::int16_t>(values[i + j] & 0x7fff));
    }
    if (largest > threshold) break;
  }
  return static_cast<std::size_t>(std::find_if(values + i, values + end, above) - values);
}

void evaluate(const std::uint32_t* coefficients, std::size_t count, const std::uint32_t* x, std::uint32_t* y,
              std::size_t points) {
  evaluate_lanes(coefficients, count, x, y, points);
}

void interpolate(const std::uint32_t* x, const std::uint32_t* y, std::size_t count,
                 std::uint32_t* coefficients, std::uint32_t* scratch, std::uint64_t* sums) {
  interpolate_lanes(x, y, count, coefficients, scratch, sums);
}

}  // namespace

const Kernel kPortableKernel{"portable", find_above, evaluate, interpolate};

}  // namespace assay::toploc::internal
