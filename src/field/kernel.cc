#include "field/kernel.h"

#include <atomic>
#include <optional>

#include "base/try.h"

namespace assay {
namespace field {
namespace {

std::atomic<KernelId>& active() {
  // The environment is read once, at the first use. A name that does not run here leaves the fastest kernel
  // in place: a library has nobody to tell; a program that cares asks kernel_of_environment().
  static std::atomic<KernelId> id = [] {
    const Result<std::optional<KernelId>> asked = kernel_of_environment();
    return asked.ok() && *asked ? **asked : kernels_for(cpu_features()).back();
  }();
  return id;
}

}  // namespace

KernelId active_kernel_id() { return active().load(std::memory_order_relaxed); }

const FieldKernel& active_field_kernel() {
#if defined(__x86_64__)
  if (active_kernel_id() == KernelId::kAdx) return kAdxFieldKernel;
  if (active_kernel_id() == KernelId::kIfma) return kIfmaFieldKernel;
#endif
  return kPortableFieldKernel;
}

}  // namespace field

std::vector<std::string_view> available_kernels() {
  std::vector<std::string_view> names;
  for (const KernelId id : kernels_for(cpu_features())) names.push_back(to_string(id));
  return names;
}

std::string_view active_kernel() { return to_string(field::active_kernel_id()); }

Status force_kernel(std::string_view name) {
  field::active().store(ASSAY_TRY(find_kernel(name, cpu_features())), std::memory_order_relaxed);
  return {};
}

void batch_inverse(std::span<Fr> elements) { field::active_field_kernel().batch_inverse(elements); }

void add_scaled(std::span<Fr> out, const Fr& factor, std::span<const Fr> in) {
  field::active_field_kernel().add_scaled(out, factor, in);
}

void multiply_integers(std::span<const Fr> elements, std::span<const std::int64_t> integers,
                       std::span<Scalar> out) {
  field::active_field_kernel().multiply_integers(elements, integers, out);
}

void multiply_matrix(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out) {
  field::active_field_kernel().multiply_matrix(matrix, in, out);
}

}  // namespace assay
