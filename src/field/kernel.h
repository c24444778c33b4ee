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
  void (*multiply_integers)(std::span<const Fr> elements, std::span<const std::int64_t> integers,
                            std::span<Scalar> out);
  void (*multiply_matrix)(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out);
  /// (low, high) -> (low + s high, low - s high), and (low, high) -> (low + high, (low - high) / s).
  void (*butterflies)(std::span<Fr> low, std::span<Fr> high, const Fr& s);
  void (*inverse_butterflies)(std::span<Fr> low, std::span<Fr> high, const Fr& inverse_of_s);
  /// From 1 / (x^2 - z^2) for even nodes x to out = 1 / (x - z), 1 / (-x - z) for each, one after the other.
  void (*split_inverses)(std::span<const Fr> inverses, std::span<const Fr> even_nodes, const Fr& z,
                         std::span<Fr> out);
  /// All layers of a transform that lie within one block, which is number `place` of those of its size.
  void (*evaluate_block)(std::span<Fr> block, std::size_t place, std::span<const Fr> even_nodes);
  void (*interpolate_block)(std::span<Fr> block, std::size_t place, std::span<const Fr> even_nodes);
};

/// The table of active_kernel_id().
[[nodiscard]] const FieldKernel& active_field_kernel();

extern const FieldKernel kPortableFieldKernel;
#if defined(__x86_64__)
extern const FieldKernel kAdxFieldKernel;
extern const FieldKernel kIfmaFieldKernel;
#endif

}  // namespace assay::field
