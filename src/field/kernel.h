// Which code computes: chosen once, at block-sized entry points, never per product.
//
// A kernel is one compilation of the field and curve templates over one backend. Each room that has kernels
// keeps a table of function pointers per kernel and indexes it with active_kernel_id().
#pragma once

#include <span>

#include "assay/field.h"
#include "base/cpu.h"

namespace assay::field {

/// The kernel in use: the last one available, unless ASSAY_KERNEL or force_kernel() named another.
[[nodiscard]] KernelId active_kernel_id();

/// Block operations in Fr, with the contracts of the public functions of the same name.
struct FieldKernel {
  void (*batch_inverse)(std::span<Fr> elements);
  void (*add_scaled)(std::span<Fr> out, const Fr& factor, std::span<const Fr> in);
  void (*multiply_matrix)(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out);
};

extern const FieldKernel kPortableFieldKernel;
#if defined(__x86_64__)
extern const FieldKernel kAdxFieldKernel;
extern const FieldKernel kIfmaFieldKernel;
#endif

}  // namespace assay::field
