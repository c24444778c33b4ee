// What the processor can do, and which code the environment's ASSAY_KERNEL asks for. Every choice between
// pieces of code at run time starts here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "assay/base.h"

namespace assay {

/// Groups of extensions of x86-64: what one piece of our code needs, with the registers that the system must
/// save for it. All are false on another processor.
struct CpuFeatures {
  bool sha = false;     ///< SHA, and SSSE3 and SSE4.1 beside it
  bool avx2 = false;    ///< AVX2
  bool fma = false;     ///< AVX2 and FMA
  bool adx = false;     ///< mulx (BMI2), adcx and adox (ADX)
  bool avx512 = false;  ///< AVX-512 F, DQ, BW and VL
  bool ifma = false;    ///< the same and AVX-512 IFMA

  friend bool operator==(const CpuFeatures&, const CpuFeatures&) = default;
};

/// Those of this processor, which is asked once.
[[nodiscard]] const CpuFeatures& cpu_features();

/// The compilations of the field and the curve, the slowest first.
enum class KernelId : std::uint8_t { kPortable, kAdx, kIfma };
inline constexpr std::size_t kKernelCount = 3;

/// "portable", "adx" or "ifma".
[[nodiscard]] std::string_view to_string(KernelId id);

/// The kernels that run with these features, the fastest last.
[[nodiscard]] std::vector<KernelId> kernels_for(const CpuFeatures& features);

/// Errors: kUnsupported at "kernel" (no kernel has this name, or it does not run with these features), with
/// the names of those that do.
[[nodiscard]] Result<KernelId> find_kernel(std::string_view name, const CpuFeatures& features);

/// The kernel that ASSAY_KERNEL names; none where it is unset or empty. Errors: those of find_kernel for this
/// processor, at "ASSAY_KERNEL".
[[nodiscard]] Result<std::optional<KernelId>> kernel_of_environment();

/// Whether ASSAY_KERNEL is "portable", which code with kernels of other names obeys as well.
[[nodiscard]] bool environment_asks_for_portable();

namespace internal {

/// What the instruction cpuid gives (leaf 1 in ECX, leaf 7 in EBX), and the low half of XCR0: the registers
/// that the system saves, 0 where it does not say.
struct CpuRegisters {
  std::uint32_t leaf1_ecx = 0;
  std::uint32_t leaf7_ebx = 0;
  std::uint32_t xcr0 = 0;
};

[[nodiscard]] CpuFeatures features_of(const CpuRegisters& registers);

}  // namespace internal

}  // namespace assay
