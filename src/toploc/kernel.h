// The loops that take the time, once for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace assay::toploc::internal {

struct Kernel {
  std::string_view name;

  /// The first i in [begin, end) whose magnitude, values[i] & 0x7fff, is over `threshold`; `end` when there
  /// is none.
  std::size_t (*find_above)(const std::uint16_t* values, std::size_t begin, std::size_t end,
                            std::uint16_t threshold);

  /// y[j] = the polynomial with `count` > 0 coefficients below kPrime, ascending, at x[j] < kPrime.
  void (*evaluate)(const std::uint32_t* coefficients, std::size_t count, const std::uint32_t* x,
                   std::uint32_t* y, std::size_t points);

  /// Coefficients of the polynomial of degree < count through points with distinct x < kPrime and y < kPrime.
  /// `scratch` has interpolation_scratch(count) numbers, `sums` has `count`.
  void (*interpolate)(const std::uint32_t* x, const std::uint32_t* y, std::size_t count,
                      std::uint32_t* coefficients, std::uint32_t* scratch, std::uint64_t* sums);
};

[[nodiscard]] constexpr std::size_t interpolation_scratch(std::size_t count) { return 5 * count + 2; }

extern const Kernel kPortableKernel;
#if defined(__x86_64__)
extern const Kernel kAvx2Kernel;
#endif

/// The kernel in use: the last of kernel_names(), or "portable" where the environment's ASSAY_KERNEL says so.
[[nodiscard]] const Kernel& kernel();
/// Names of the kernels that this processor has.
[[nodiscard]] std::vector<std::string_view> kernel_names();
/// `name` is one of kernel_names().
void force_kernel(std::string_view name);

}  // namespace assay::toploc::internal
