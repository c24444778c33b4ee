#include "matrix/kernel.h"

#include "base/kernel_choice.h"

namespace assay::matrix::internal {
namespace {

KernelChoice<Kernel>& choice() {
  static KernelChoice<Kernel> made([] {
    std::vector<const Kernel*> found{&kPortableKernel};
#if defined(__x86_64__)
    if (cpu_features().fma) found.push_back(&kAvx2Kernel);
    if (cpu_features().fma && cpu_features().avx512) found.push_back(&kAvx512Kernel);
#endif
    return found;
  }());
  return made;
}

}  // namespace

const Kernel& kernel() { return choice().chosen(); }

std::vector<std::string_view> kernel_names() { return choice().names(); }

void force_kernel(std::string_view name) { choice().force(name); }

}  // namespace assay::matrix::internal
