// Brackets around code for processors with AVX-512 IFMA. Only what stands between them is compiled for these
// instructions, so a function that this code shares with others stays runnable everywhere. Include
// <immintrin.h> and all other headers before the opening bracket.
#pragma once

#if defined(__x86_64__)
#define ASSAY_HAS_IFMA 1
// clang-format off
#if defined(__clang__)
#define ASSAY_TARGET_IFMA_BEGIN \
  _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512vl,avx512bw,avx512dq,avx512ifma\"))), apply_to = function)")
#define ASSAY_TARGET_IFMA_END _Pragma("clang attribute pop")
#define ASSAY_UNROLL _Pragma("unroll")
#else
#define ASSAY_TARGET_IFMA_BEGIN \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx512f,avx512vl,avx512bw,avx512dq,avx512ifma\")")
#define ASSAY_TARGET_IFMA_END _Pragma("GCC pop_options")
#define ASSAY_UNROLL _Pragma("GCC unroll 16")
#endif
// clang-format on
// Products are only fast when their limbs stay in registers.
#define ASSAY_INLINE [[gnu::always_inline]] inline
#endif
