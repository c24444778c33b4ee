// The choice between compilations of one room's loops for several instruction sets, made once at run time.
#pragma once

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/cpu.h"

namespace assay {

/// `Kernel` has a `name`, and functions.
template <class Kernel>
class KernelChoice {
 public:
  /// Those that run on this processor, the portable one first, the fastest last. The last is chosen, or the
  /// first where the environment's ASSAY_KERNEL says "portable".
  explicit KernelChoice(std::vector<const Kernel*> kernels)
      : kernels_(std::move(kernels)),
        chosen_(environment_asks_for_portable() ? kernels_.front() : kernels_.back()) {}

  [[nodiscard]] const Kernel& chosen() const { return *chosen_.load(std::memory_order_relaxed); }

  /// In their order.
  [[nodiscard]] std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    names.reserve(kernels_.size());
    for (const Kernel* one : kernels_) names.push_back(one->name);
    return names;
  }

  /// `name` is one of names().
  void force(std::string_view name) {
    const auto found = std::ranges::find(kernels_, name, &Kernel::name);
    ASSAY_CHECK(found != kernels_.end(), name);
    chosen_.store(*found);
  }

 private:
  std::vector<const Kernel*> kernels_;
  std::atomic<const Kernel*> chosen_;
};

}  // namespace assay
