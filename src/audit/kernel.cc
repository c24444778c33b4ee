#include "audit/kernel.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"
#include "base/cpu.h"

namespace assay::audit::internal {
namespace {

/// Those of this processor, the fastest last.
const std::vector<const Kernel*>& kernels() {
  static const std::vector<const Kernel*> all = [] {
    std::vector<const Kernel*> found{&kPortableKernel};
#if defined(__x86_64__)
    if (cpu_features().avx2) found.push_back(&kAvx2Kernel);
    if (cpu_features().avx512) found.push_back(&kAvx512Kernel);
#endif
    return found;
  }();
  return all;
}

std::atomic<const Kernel*>& chosen() {
  static std::atomic<const Kernel*> kernel =
      environment_asks_for_portable() ? &kPortableKernel : kernels().back();
  return kernel;
}

}  // namespace

const Kernel& kernel() { return *chosen().load(std::memory_order_relaxed); }

std::vector<std::string_view> kernel_names() {
  std::vector<std::string_view> names;
  for (const Kernel* one : kernels()) names.push_back(one->name);
  return names;
}

void force_kernel(std::string_view name) {
  const auto found = std::ranges::find(kernels(), name, &Kernel::name);
  ASSAY_CHECK(found != kernels().end(), name);
  chosen().store(*found);
}

}  // namespace assay::audit::internal
