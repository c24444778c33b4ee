// Montgomery multiplication with the x86-64 instructions mulx, adcx and adox: two carry chains side by side.
//
// Only entry points that checked the processor may reach this backend; see field/kernel.h.
#pragma once

#if defined(__x86_64__)

#include <cstdint>

#include "field/backend.h"
#include "field/backend_portable.h"
#include "field/parameters.h"

namespace assay::field {

struct AdxBackend : PortableBackend {
  // Five registers t0..t4 hold the accumulator, least significant first. A row adds rdx * s, four words s, to
  // it: low halves along the overflow flag, high halves along the carry flag. After a reduction the lowest
  // word is zero and becomes the highest of the next step, so the registers change roles instead of values.
  // clang-format off
#define ASSAY_ADX_ROW(s, offset, t0, t1, t2, t3, t4)                                        \
    "xorl %%eax, %%eax\n\t"                                                                 \
    "mulxq " #offset "+0(" s "), %%rax, %%rcx\n\t"                                          \
    "adoxq %%rax, " t0 "\n\t"  "adcxq %%rcx, " t1 "\n\t"                                    \
    "mulxq " #offset "+8(" s "), %%rax, %%rcx\n\t"                                          \
    "adoxq %%rax, " t1 "\n\t"  "adcxq %%rcx, " t2 "\n\t"                                    \
    "mulxq " #offset "+16(" s "), %%rax, %%rcx\n\t"                                         \
    "adoxq %%rax, " t2 "\n\t"  "adcxq %%rcx, " t3 "\n\t"                                    \
    "mulxq " #offset "+24(" s "), %%rax, %%rcx\n\t"                                         \
    "adoxq %%rax, " t3 "\n\t"  "adcxq %%rcx, " t4 "\n\t"                                    \
    "movl $0, %%eax\n\t"       "adoxq %%rax, " t4 "\n\t"
  /// t0..t4 += word i of the element at y + offset, times the element at x + offset.
#define ASSAY_ADX_PRODUCT(x, y, offset, i, t0, t1, t2, t3, t4)                              \
    "movq " #offset "+8*" #i "(%[" #y "]), %%rdx\n\t"                                       \
    ASSAY_ADX_ROW("%[" #x "]", offset, t0, t1, t2, t3, t4)
  /// t0..t4 = word 0 of the element at y, times the element at x.
#define ASSAY_ADX_FIRST_PRODUCT(x, y, t0, t1, t2, t3, t4)                                   \
    "movq 0(%[" #y "]), %%rdx\n\t"                                                          \
    "mulxq 0(%[" #x "]), " t0 ", " t1 "\n\t"                                                \
    "mulxq 8(%[" #x "]), %%rax, " t2 "\n\t"   "addq %%rax, " t1 "\n\t"                      \
    "mulxq 16(%[" #x "]), %%rax, " t3 "\n\t"  "adcq %%rax, " t2 "\n\t"                      \
    "mulxq 24(%[" #x "]), %%rax, " t4 "\n\t"  "adcq %%rax, " t3 "\n\t"  "adcq $0, " t4 "\n\t"
  /// t0..t4 += q m with the q that makes t0 zero.
#define ASSAY_ADX_REDUCE(t0, t1, t2, t3, t4)                                                \
    "movabsq %[negated_inverse], %%rdx\n\t"                                                 \
    "imulq " t0 ", %%rdx\n\t"                                                               \
    ASSAY_ADX_ROW("%[m]", 0, t0, t1, t2, t3, t4)
  /// Four steps over the words of the second factors, of which FIRST need not add to anything; the result
  /// lands in t4, t0, t1, t2.
#define ASSAY_ADX_STEPS(FIRST, STEP)                                                        \
    FIRST("%[t0]", "%[t1]", "%[t2]", "%[t3]", "%[t4]")                                    \
    ASSAY_ADX_REDUCE("%[t0]", "%[t1]", "%[t2]", "%[t3]", "%[t4]")                           \
    STEP(1, "%[t1]", "%[t2]", "%[t3]", "%[t4]", "%[t0]")                                    \
    ASSAY_ADX_REDUCE("%[t1]", "%[t2]", "%[t3]", "%[t4]", "%[t0]")                           \
    STEP(2, "%[t2]", "%[t3]", "%[t4]", "%[t0]", "%[t1]")                                    \
    ASSAY_ADX_REDUCE("%[t2]", "%[t3]", "%[t4]", "%[t0]", "%[t1]")                           \
    STEP(3, "%[t3]", "%[t4]", "%[t0]", "%[t1]", "%[t2]")                                    \
    ASSAY_ADX_REDUCE("%[t3]", "%[t4]", "%[t0]", "%[t1]", "%[t2]")                           \
    ASSAY_ADX_REDUCE_ONCE("%[t4]", "%[t0]", "%[t1]", "%[t2]", "%[t3]")
  /// t0..t3 minus m unless that is negative; spare is overwritten.
#define ASSAY_ADX_REDUCE_ONCE(t0, t1, t2, t3, spare)                                        \
    "movq " t0 ", %%rax\n\t"   "subq 0(%[m]), %%rax\n\t"                                    \
    "movq " t1 ", %%rcx\n\t"   "sbbq 8(%[m]), %%rcx\n\t"                                    \
    "movq " t2 ", %%rdx\n\t"   "sbbq 16(%[m]), %%rdx\n\t"                                   \
    "movq " t3 ", " spare "\n\t" "sbbq 24(%[m]), " spare "\n\t"                             \
    "cmovncq %%rax, " t0 "\n\t" "cmovncq %%rcx, " t1 "\n\t"                                 \
    "cmovncq %%rdx, " t2 "\n\t" "cmovncq " spare ", " t3 "\n\t"

  /// Same contract and same schedule as PortableBackend::multiply.
  template <class P>
  static Limbs multiply(const Limbs& a, const Limbs& b) {
    std::uint64_t t0, t1, t2, t3, t4;
#define ASSAY_ADX_FIRST(...) ASSAY_ADX_FIRST_PRODUCT(a, b, __VA_ARGS__)
#define ASSAY_ADX_STEP(i, ...) ASSAY_ADX_PRODUCT(a, b, 0, i, __VA_ARGS__)
    __asm__(ASSAY_ADX_STEPS(ASSAY_ADX_FIRST, ASSAY_ADX_STEP)
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4)
            : [a] "r"(a.data()), [b] "r"(b.data()), [m] "r"(P::kModulus.data()),
              [negated_inverse] "i"(P::kNegatedInverse), "m"(a), "m"(b), "m"(P::kModulus)
            : "rax", "rcx", "rdx", "cc");
#undef ASSAY_ADX_FIRST
#undef ASSAY_ADX_STEP
    return {t4, t0, t1, t2};
  }

  /// Same contract as PortableBackend::inner_product. The accumulator stays below 3 m, four words, between
  /// steps.
  template <class P>
  static Limbs inner_product(const Pair& a, const Pair& b) {
    std::uint64_t t0, t1, t2, t3, t4;
#define ASSAY_ADX_FIRST(...)                                                                \
    ASSAY_ADX_FIRST_PRODUCT(a, b, __VA_ARGS__)                                              \
    ASSAY_ADX_PRODUCT(a, b, 32, 0, __VA_ARGS__)
#define ASSAY_ADX_STEP(i, ...)                                                              \
    ASSAY_ADX_PRODUCT(a, b, 0, i, __VA_ARGS__)                                              \
    ASSAY_ADX_PRODUCT(a, b, 32, i, __VA_ARGS__)
    __asm__(ASSAY_ADX_STEPS(ASSAY_ADX_FIRST, ASSAY_ADX_STEP)
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4)
            : [a] "r"(a.data()), [b] "r"(b.data()), [m] "r"(P::kModulus.data()),
              [negated_inverse] "i"(P::kNegatedInverse), "m"(a), "m"(b), "m"(P::kModulus)
            : "rax", "rcx", "rdx", "cc");
#undef ASSAY_ADX_FIRST
#undef ASSAY_ADX_STEP
    return {t4, t0, t1, t2};
  }

  /// Same contract as PortableBackend::inner_product. The accumulator stays below 5 m, still four words,
  /// between steps.
  template <class P>
  static Limbs inner_product(const Pair& a, const Pair& b, const Pair& c, const Pair& d) {
    static_assert(P::kModulus[3] < ~std::uint64_t{0} / 5);
    std::uint64_t t0, t1, t2, t3, t4;
#define ASSAY_ADX_FIRST(...)                                                                \
    ASSAY_ADX_FIRST_PRODUCT(a, b, __VA_ARGS__)                                              \
    ASSAY_ADX_PRODUCT(a, b, 32, 0, __VA_ARGS__)                                             \
    ASSAY_ADX_PRODUCT(c, d, 0, 0, __VA_ARGS__)                                              \
    ASSAY_ADX_PRODUCT(c, d, 32, 0, __VA_ARGS__)
#define ASSAY_ADX_STEP(i, ...)                                                              \
    ASSAY_ADX_PRODUCT(a, b, 0, i, __VA_ARGS__)                                              \
    ASSAY_ADX_PRODUCT(a, b, 32, i, __VA_ARGS__)                                             \
    ASSAY_ADX_PRODUCT(c, d, 0, i, __VA_ARGS__)                                              \
    ASSAY_ADX_PRODUCT(c, d, 32, i, __VA_ARGS__)
    __asm__(ASSAY_ADX_STEPS(ASSAY_ADX_FIRST, ASSAY_ADX_STEP)
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4)
            : [a] "r"(a.data()), [b] "r"(b.data()), [c] "r"(c.data()), [d] "r"(d.data()),
              [m] "r"(P::kModulus.data()), [negated_inverse] "i"(P::kNegatedInverse)
            // Without optimisation there are no registers left for operands that name what is read.
            : "rax", "rcx", "rdx", "cc", "memory");
#undef ASSAY_ADX_FIRST
#undef ASSAY_ADX_STEP
    return {t4, t0, t1, t2};
  }

  /// Same contract as PortableBackend::inner_product. Six products pass four words: the accumulator stays
  /// below 7 m < 2^257 between steps and five products of a step below 2^320, so the carries of the sixth and
  /// of the reduction alone reach a sixth word. The end is below 6 m^2 / 2^256 + m < 3 m.
  template <class P>
  static Limbs inner_product(Six a, Six b) {
    static_assert(P::kModulus[3] < ~std::uint64_t{0} / 5 - 1);
    std::uint64_t t0, t1, t2, t3, t4, t5;
#define ASSAY_ADX_STEP(i, t0, t1, t2, t3, t4, t5)                                           \
    ASSAY_ADX_PRODUCT(a, b, 0, i, t0, t1, t2, t3, t4)                                       \
    ASSAY_ADX_PRODUCT(a, b, 32, i, t0, t1, t2, t3, t4)                                      \
    ASSAY_ADX_PRODUCT(a, b, 64, i, t0, t1, t2, t3, t4)                                      \
    ASSAY_ADX_PRODUCT(a, b, 96, i, t0, t1, t2, t3, t4)                                      \
    ASSAY_ADX_PRODUCT(a, b, 128, i, t0, t1, t2, t3, t4)                                     \
    ASSAY_ADX_PRODUCT(a, b, 160, i, t0, t1, t2, t3, t4)                                     \
    "adcxq %%rax, " t5 "\n\t" "adoxq %%rax, " t5 "\n\t"                                     \
    ASSAY_ADX_REDUCE(t0, t1, t2, t3, t4)                                                    \
    "adcxq %%rax, " t5 "\n\t" "adoxq %%rax, " t5 "\n\t"
    __asm__("xorl %k[t0], %k[t0]\n\t" "xorl %k[t1], %k[t1]\n\t" "xorl %k[t2], %k[t2]\n\t"
            "xorl %k[t3], %k[t3]\n\t" "xorl %k[t4], %k[t4]\n\t" "xorl %k[t5], %k[t5]\n\t"
            ASSAY_ADX_STEP(0, "%[t0]", "%[t1]", "%[t2]", "%[t3]", "%[t4]", "%[t5]")
            ASSAY_ADX_STEP(1, "%[t1]", "%[t2]", "%[t3]", "%[t4]", "%[t5]", "%[t0]")
            ASSAY_ADX_STEP(2, "%[t2]", "%[t3]", "%[t4]", "%[t5]", "%[t0]", "%[t1]")
            ASSAY_ADX_STEP(3, "%[t3]", "%[t4]", "%[t5]", "%[t0]", "%[t1]", "%[t2]")
            ASSAY_ADX_REDUCE_ONCE("%[t4]", "%[t5]", "%[t0]", "%[t1]", "%[t2]")
            ASSAY_ADX_REDUCE_ONCE("%[t4]", "%[t5]", "%[t0]", "%[t1]", "%[t2]")
            : [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4), [t5] "=&r"(t5)
            : [a] "r"(a.data()), [b] "r"(b.data()), [m] "r"(P::kModulus.data()),
              [negated_inverse] "i"(P::kNegatedInverse)
            : "rax", "rcx", "rdx", "cc", "memory");
#undef ASSAY_ADX_STEP
    return {t4, t5, t0, t1};
  }

  // Compilers take the length of assembly for its cost and would call these.
  template <class P>
  [[gnu::always_inline]] static Limbs add(const Limbs& a, const Limbs& b) {
    std::uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], spare;
    __asm__("addq 0(%[b]), %[t0]\n\t"  "adcq 8(%[b]), %[t1]\n\t"
            "adcq 16(%[b]), %[t2]\n\t"  "adcq 24(%[b]), %[t3]\n\t"
            ASSAY_ADX_REDUCE_ONCE("%[t0]", "%[t1]", "%[t2]", "%[t3]", "%[spare]")
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [spare] "=&r"(spare)
            : [b] "r"(b.data()), [m] "r"(P::kModulus.data()), "m"(b), "m"(P::kModulus)
            : "rax", "rcx", "rdx", "cc");
    return {t0, t1, t2, t3};
  }

  template <class P>
  [[gnu::always_inline]] static Limbs subtract(const Limbs& a, const Limbs& b) {
    std::uint64_t t0 = a[0], t1 = a[1], t2 = a[2], t3 = a[3], spare;
    __asm__("subq 0(%[b]), %[t0]\n\t"  "sbbq 8(%[b]), %[t1]\n\t"
            "sbbq 16(%[b]), %[t2]\n\t"  "sbbq 24(%[b]), %[t3]\n\t"
            "sbbq %[spare], %[spare]\n\t"  // all ones after a borrow: m comes back
            "movq 0(%[m]), %%rax\n\t"  "andq %[spare], %%rax\n\t"
            "movq 8(%[m]), %%rcx\n\t"  "andq %[spare], %%rcx\n\t"
            "movq 16(%[m]), %%rdx\n\t" "andq %[spare], %%rdx\n\t"
            "andq 24(%[m]), %[spare]\n\t"
            "addq %%rax, %[t0]\n\t"   "adcq %%rcx, %[t1]\n\t"
            "adcq %%rdx, %[t2]\n\t"   "adcq %[spare], %[t3]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [spare] "=&r"(spare)
            : [b] "r"(b.data()), [m] "r"(P::kModulus.data()), "m"(b), "m"(P::kModulus)
            : "rax", "rcx", "rdx", "cc");
    return {t0, t1, t2, t3};
  }
  // clang-format on
#undef ASSAY_ADX_ROW
#undef ASSAY_ADX_PRODUCT
#undef ASSAY_ADX_FIRST_PRODUCT
#undef ASSAY_ADX_REDUCE
#undef ASSAY_ADX_STEPS
#undef ASSAY_ADX_REDUCE_ONCE
};
static_assert(FieldBackend<AdxBackend>);

}  // namespace assay::field

#endif  // defined(__x86_64__)
