// Memory that held secrets, overwritten in a way that no compiler leaves out.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace assay {

namespace internal {
void wipe_bytes(void* memory, std::size_t bytes);
}

template <class T, std::size_t kExtent>
requires std::is_trivially_copyable_v<T>
void wipe(std::span<T, kExtent> secrets) { internal::wipe_bytes(secrets.data(), secrets.size_bytes()); }

}  // namespace assay
