#include "toploc/kernel.h"

#include "base/kernel_choice.h"

namespace assay::toploc::internal {
namespace {

KernelChoice<Kernel>& choice() {
  static KernelChoice<Kernel> made([] {
    std::vector<const Kernel*> found{&kPortableKernel};
#if defined(__x86_64__)
    if (cpu_features().avx2) found.push_back(&kAvx2Kernel);
#endif
    return found;
  }());
  return made;
}

}  // namespace

const Kernel& kernel() { return choice().chosen(); }

std::vector<std::string_view> kernel_names() { return choice().names(); }

void force_kernel(std::string_view name) { choice().force(name); }

}  // namespace assay::toploc::internal
