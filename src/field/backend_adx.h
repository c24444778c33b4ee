// Montgomery multiplication with the x86-64 instructions mulx, adcx and adox: two carry chains side by side.
//
// Only entry points that checked the processor may reach this backend; see field/kernel.h.
#pragma once

#if defined(__x86_64__)

#include <cstdint>

#include "field/backend_portable.h"
#include "field/parameters.h"

namespace assay::field {

struct AdxBackend : PortableBackend {
  static constexpr const char* kName = "adx";

  /// Same contract and same schedule as PortableBackend::multiply. One row adds a * b[i] (low halves along
  /// the overflow flag, high halves along the carry flag), then q * m, and shifts by a limb.
  template <class P>
  static Limbs multiply(const Limbs& a, const Limbs& b) {
    std::uint64_t t0, t1, t2, t3, high;
    // clang-format off
#define ASSAY_REDUCE_ROW                              \
    "movq %[qf], %%rdx\n\t"                           \
    "imulq %[t0], %%rdx\n\t"                          \
    "xorl %%eax, %%eax\n\t"                           \
    "mulxq 0(%[m]), %%rax, %%rcx\n\t"                 \
    "adcxq %[t0], %%rax\n\t"                          \
    "movq %%rcx, %[t0]\n\t"                           \
    "adcxq %[t1], %[t0]\n\t"                          \
    "mulxq 8(%[m]), %%rax, %[t1]\n\t"                 \
    "adoxq %%rax, %[t0]\n\t"                          \
    "adcxq %[t2], %[t1]\n\t"                          \
    "mulxq 16(%[m]), %%rax, %[t2]\n\t"                \
    "adoxq %%rax, %[t1]\n\t"                          \
    "adcxq %[t3], %[t2]\n\t"                          \
    "mulxq 24(%[m]), %%rax, %[t3]\n\t"                \
    "adoxq %%rax, %[t2]\n\t"                          \
    "movl $0, %%eax\n\t"                              \
    "adcxq %%rax, %[t3]\n\t"                          \
    "adoxq %[high], %[t3]\n\t"
#define ASSAY_PRODUCT_ROW(offset)                     \
    "movq " #offset "(%[b]), %%rdx\n\t"               \
    "xorl %%eax, %%eax\n\t"                           \
    "mulxq 0(%[a]), %%rax, %[high]\n\t"               \
    "adoxq %%rax, %[t0]\n\t"                          \
    "adcxq %[high], %[t1]\n\t"                        \
    "mulxq 8(%[a]), %%rax, %[high]\n\t"               \
    "adoxq %%rax, %[t1]\n\t"                          \
    "adcxq %[high], %[t2]\n\t"                        \
    "mulxq 16(%[a]), %%rax, %[high]\n\t"              \
    "adoxq %%rax, %[t2]\n\t"                          \
    "adcxq %[high], %[t3]\n\t"                        \
    "mulxq 24(%[a]), %%rax, %[high]\n\t"              \
    "adoxq %%rax, %[t3]\n\t"                          \
    "movl $0, %%eax\n\t"                              \
    "adcxq %%rax, %[high]\n\t"                        \
    "adoxq %%rax, %[high]\n\t"
    __asm__(
        "movq 0(%[b]), %%rdx\n\t"
        "xorl %%eax, %%eax\n\t"
        "mulxq 0(%[a]), %[t0], %[t1]\n\t"
        "mulxq 8(%[a]), %%rax, %[t2]\n\t"
        "adoxq %%rax, %[t1]\n\t"
        "mulxq 16(%[a]), %%rax, %[t3]\n\t"
        "adoxq %%rax, %[t2]\n\t"
        "mulxq 24(%[a]), %%rax, %[high]\n\t"
        "adoxq %%rax, %[t3]\n\t"
        "movl $0, %%eax\n\t"
        "adoxq %%rax, %[high]\n\t"
        ASSAY_REDUCE_ROW
        ASSAY_PRODUCT_ROW(8) ASSAY_REDUCE_ROW
        ASSAY_PRODUCT_ROW(16) ASSAY_REDUCE_ROW
        ASSAY_PRODUCT_ROW(24) ASSAY_REDUCE_ROW
        : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [high] "=&r"(high)
        : [a] "r"(a.data()), [b] "r"(b.data()), [m] "r"(P::kModulus.data()), [qf] "m"(P::kNegatedInverse),
          "m"(a), "m"(b), "m"(P::kModulus)
        : "rax", "rcx", "rdx", "cc");
#undef ASSAY_REDUCE_ROW
#undef ASSAY_PRODUCT_ROW
    // clang-format on
    return reduce_once<P>({t0, t1, t2, t3});
  }
};

}  // namespace assay::field

#endif  // defined(__x86_64__)
