#include "toploc/kernel.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"
#include "base/cpu.h"

namespace assay::toploc::internal {
namespace {

const Kernel* fastest() {
#if defined(__x86_64__)
  if (cpu_features().avx2) return &kAvx2Kernel;
#endif
  return &kPortableKernel;
}

std::atomic<const Kernel*>& chosen() {
  static std::atomic<const Kernel*> kernel = environment_asks_for_portable() ? &kPortableKernel : fastest();
  return kernel;
}

}  // namespace

const Kernel& kernel() { return *chosen().load(std::memory_order_relaxed); }

std::vector<std::string_view> kernel_names() {
  std::vector<std::string_view> names{kPortableKernel.name};
  if (fastest() != &kPortableKernel) names.push_back(fastest()->name);
  return names;
}

void force_kernel(std::string_view name) {
  const std::vector<std::string_view> names = kernel_names();
  ASSAY_CHECK(std::ranges::find(names, name) != names.end(), name);
  chosen().store(name == kPortableKernel.name ? &kPortableKernel : fastest());
}

}  // namespace assay::toploc::internal
