// The loops that take the time of a check, once for each instruction set. All give the same bits: the sums of
// each lane are added up in the same order, and no product is fused with a sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace assay::audit::internal {

/// The sum of the products of two rows, and that of their squares.
struct Terms {
  double sum = 0;
  double squares = 0;
};

/// What rounding does to the outputs of a layer: see Kernel::variances.
struct Spread {
  double total = 0;    ///< of the variances, each over the square of its scale
  double squares = 0;  ///< of the same
};

/// What one vector of a key makes of a row.
struct Projection {
  double value = 0;     ///< <row, r>
  double variance = 0;  ///< sum_j r_j^2 variance_j
};

struct Kernel {
  std::string_view name;

  /// Values of bfloat16 or float32, little-endian and anywhere in memory, as doubles. Whether all are finite.
  bool (*read_bf16)(const std::uint8_t* bytes, std::size_t count, double* out);
  bool (*read_f32)(const std::uint8_t* bytes, std::size_t count, double* out);

  double (*dot)(const double* a, const double* b, std::size_t count);
  Terms (*terms)(const double* a, const double* b, std::size_t count);

  /// out[j] = ulp(row[j])^2 / 12 + summing scales[j]^2, for numbers with so many bits of fraction and this
  /// least exponent.
  Spread (*variances)(const double* row, const float* scales, std::size_t count, int fraction_bits,
                      int least_exponent, double summing, double* out);

  Projection (*project)(const double* row, const double* variances, const double* r, std::size_t count);
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

}  // namespace assay::audit::internal
