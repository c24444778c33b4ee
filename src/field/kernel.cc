#include "field/kernel.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace assay {
namespace field {
namespace {

constexpr std::array<std::string_view, kKernelCount> kNames = {"portable", "adx", "ifma"};

#if defined(__x86_64__)
/// Whether the system saves all of the AVX-512 registers: XCR0 bits 1, 2 and 5 to 7 (Intel SDM volume
/// 1, 15.2).
bool system_has_avx512() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kOsxsave = 1U << 27;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kOsxsave) == 0) return false;
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & 0xe6) == 0xe6;
}
#endif

bool runs_here(KernelId id) {
  if (id == KernelId::kPortable) return true;
#if defined(__x86_64__)
  // Bits of leaf 7's EBX.
  constexpr unsigned kBmi2 = 1U << 8, kAvx512f = 1U << 16, kAvx512dq = 1U << 17, kAdx = 1U << 19,
                     kIfma = 1U << 21, kAvx512bw = 1U << 30, kAvx512vl = 1U << 31;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  unsigned needed = kBmi2 | kAdx;
  if (id == KernelId::kIfma) needed |= kAvx512f | kAvx512dq | kIfma | kAvx512bw | kAvx512vl;
  return (ebx & needed) == needed && (id != KernelId::kIfma || system_has_avx512());
#else
  return false;
#endif
}

KernelId fastest() {
  for (const KernelId id : {KernelId::kIfma, KernelId::kAdx}) {
    if (runs_here(id)) return id;
  }
  return KernelId::kPortable;
}

bool find_kernel(std::string_view name, KernelId& out) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name && runs_here(static_cast<KernelId>(i))) {
      out = static_cast<KernelId>(i);
      return true;
    }
  }
  return false;
}

std::atomic<KernelId>& active() {
  // The environment is read once, at the first use. A name that does not run here leaves the fastest kernel
  // in place: a library has nobody to tell; a program that cares calls force_kernel.
  static std::atomic<KernelId> id = [] {
    KernelId chosen = fastest();
    if (const char* name = std::getenv("ASSAY_KERNEL")) find_kernel(name, chosen);
    return chosen;
  }();
  return id;
}

const FieldKernel& table() {
#if defined(__x86_64__)
  if (active_kernel_id() == KernelId::kAdx) return kAdxFieldKernel;
  if (active_kernel_id() == KernelId::kIfma) return kIfmaFieldKernel;
#endif
  return kPortableFieldKernel;
}

}  // namespace

KernelId active_kernel_id() { return active().load(std::memory_order_relaxed); }

}  // namespace field

std::vector<std::string_view> available_kernels() {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < field::kNames.size(); ++i) {
    if (field::runs_here(static_cast<field::KernelId>(i))) out.push_back(field::kNames[i]);
  }
  return out;
}

std::string_view active_kernel() {
  return field::kNames[static_cast<std::size_t>(field::active_kernel_id())];
}

Status force_kernel(std::string_view name) {
  field::KernelId id{};
  if (!field::find_kernel(name, id)) {
    std::string known;
    for (const std::string_view each : available_kernels())
      known.append(known.empty() ? "" : ", ").append(each);
    return Error{ErrorCode::kUnsupported, "kernel",
                 "'" + std::string(name) + "' does not run on this processor; available: " + known};
  }
  field::active().store(id, std::memory_order_relaxed);
  return {};
}

void batch_inverse(std::span<Fr> elements) { field::table().batch_inverse(elements); }

void add_scaled(std::span<Fr> out, const Fr& factor, std::span<const Fr> in) {
  field::table().add_scaled(out, factor, in);
}

void multiply_matrix(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out) {
  field::table().multiply_matrix(matrix, in, out);
}

}  // namespace assay
