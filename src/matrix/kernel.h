// The products and factors that take the time, once for each instruction set. Their sums are grouped as the
// registers are wide, so that two kernels differ in the last places.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "assay/matrix.h"

namespace assay::matrix::internal {

struct Kernel {
  std::string_view name;

  /// As matrix::add_product, of sizes that fit. Throws std::bad_alloc.
  void (*add_product)(const Part<const double>& a, const Part<const double>& b, Turned turned,
                      const Part<double>& c);
  /// As matrix::cholesky, of side^2 values in `a` and in `lower`. Whether A is positive definite; where it is
  /// not, `lower` may hold anything. Throws std::bad_alloc.
  bool (*cholesky)(const double* a, std::size_t side, double* lower);
};

extern const Kernel kPortableKernel;
#if defined(__x86_64__)
extern const Kernel kAvx2Kernel;
extern const Kernel kAvx512Kernel;
#endif

/// The kernel in use: the last of kernel_names(), or "portable" where the environment's ASSAY_KERNEL says so.
[[nodiscard]] const Kernel& kernel();
/// Names of the kernels that this processor has, the fastest last.
[[nodiscard]] std::vector<std::string_view> kernel_names();
/// `name` is one of kernel_names().
void force_kernel(std::string_view name);

}  // namespace assay::matrix::internal
