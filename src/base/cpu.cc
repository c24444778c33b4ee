#include "base/cpu.h"

#include <array>
#include <cstdlib>
#include <string>

#include "base/try.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace assay {
namespace {

constexpr std::array<std::string_view, kKernelCount> kNames = {"portable", "adx", "ifma"};
constexpr const char* kVariable = "ASSAY_KERNEL";

// Bits of leaf 1's ECX and leaf 7's EBX (Intel SDM volume 2, CPUID).
constexpr std::uint32_t kSsse3 = 1U << 9, kFma = 1U << 12, kSse41 = 1U << 19, kOsxsave = 1U << 27,
                        kAvx = 1U << 28;
constexpr std::uint32_t kAvx2 = 1U << 5, kBmi2 = 1U << 8, kAvx512f = 1U << 16, kAvx512dq = 1U << 17,
                        kAdx = 1U << 19, kIfma = 1U << 21, kSha = 1U << 29, kAvx512bw = 1U << 30,
                        kAvx512vl = 1U << 31;
// Bits of XCR0: the halves of the AVX registers, and what AVX-512 adds to them (volume 1, 14.3 and 15.2).
constexpr std::uint32_t kAvxState = 0x06, kAvx512State = 0xe6;

constexpr bool has(std::uint32_t bits, std::uint32_t needed) { return (bits & needed) == needed; }

internal::CpuRegisters read_registers() {
  internal::CpuRegisters registers;
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return registers;
  registers.leaf1_ecx = ecx;
  if (has(ecx, kOsxsave)) {
    std::uint32_t high = 0;
    __asm__("xgetbv" : "=a"(registers.xcr0), "=d"(high) : "c"(0));
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) registers.leaf7_ebx = ebx;
#endif
  return registers;
}

bool runs_with(const CpuFeatures& features, KernelId id) {
  switch (id) {
    case KernelId::kPortable:
      return true;
    case KernelId::kAdx:
      return features.adx;
    case KernelId::kIfma:
      return features.adx && features.ifma;
  }
  return false;
}

const char* environment_value() {
  const char* value = std::getenv(kVariable);
  return value == nullptr ? "" : value;
}

}  // namespace

CpuFeatures internal::features_of(const CpuRegisters& registers) {
  const std::uint32_t ecx = registers.leaf1_ecx, ebx = registers.leaf7_ebx;
  CpuFeatures features;
  features.sha = has(ecx, kSsse3 | kSse41) && has(ebx, kSha);
  features.avx2 = has(ecx, kAvx) && has(ebx, kAvx2) && has(registers.xcr0, kAvxState);
  features.fma = features.avx2 && has(ecx, kFma);
  features.adx = has(ebx, kBmi2 | kAdx);
  features.avx512 =
      has(ebx, kAvx512f | kAvx512dq | kAvx512bw | kAvx512vl) && has(registers.xcr0, kAvx512State);
  features.ifma = features.avx512 && has(ebx, kIfma);
  return features;
}

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = internal::features_of(read_registers());
  return features;
}

std::string_view to_string(KernelId id) { return kNames[static_cast<std::size_t>(id)]; }

std::vector<KernelId> kernels_for(const CpuFeatures& features) {
  std::vector<KernelId> kernels;
  for (const KernelId id : {KernelId::kPortable, KernelId::kAdx, KernelId::kIfma}) {
    if (runs_with(features, id)) kernels.push_back(id);
  }
  return kernels;
}

Result<KernelId> find_kernel(std::string_view name, const CpuFeatures& features) {
  std::string available;
  for (const KernelId id : kernels_for(features)) {
    if (to_string(id) == name) return id;
    available.append(available.empty() ? "" : ", ").append(to_string(id));
  }
  bool known = false;
  for (const std::string_view each : kNames) known = known || each == name;
  const std::string_view reason = known ? "' does not run on this processor" : "' is the name of no kernel";
  return Error{ErrorCode::kUnsupported, "kernel",
               std::string("'").append(name).append(reason).append("; available: ").append(available)};
}

Result<std::optional<KernelId>> kernel_of_environment() {
  const std::string_view name = environment_value();
  if (name.empty()) return std::optional<KernelId>();
  const Result<KernelId> found = find_kernel(name, cpu_features());
  if (!found.ok()) return Error{found.error().code, kVariable, found.error().reason};
  return std::optional(*found);
}

bool environment_asks_for_portable() { return environment_value() == to_string(KernelId::kPortable); }

}  // namespace assay
