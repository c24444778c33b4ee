// Memory for large working arrays, on huge pages where the system gives them: random access to megabytes
// misses the address translation cache less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>

#include "base/check.h"

namespace assay {

namespace internal {
struct LargeFree {
  std::size_t bytes = 0;
  void operator()(void* memory) const;
};
/// `bytes` bytes, uninitialised, aligned to 64 bytes or to a huge page; null when there are none.
[[nodiscard]] void* allocate_large(std::size_t bytes);
}  // namespace internal

/// Asks for huge pages within memory of another kind that nobody has written to yet, such as a vector's.
/// It is a wish: where it is not granted, the pages are small and all else is the same.
void wish_for_huge_pages(void* memory, std::size_t bytes);

/// `size` uninitialised elements.
template <class T>
requires std::is_trivially_copyable_v<T>
class LargeArray {
 public:
  LargeArray() = default;

  /// For sizes of our own choice: ends the program when the memory is not there.
  explicit LargeArray(std::size_t size) : LargeArray(allocate(size)) {
    ASSAY_CHECK(data_ != nullptr, size, sizeof(T));
  }

  /// For sizes that come from input: nothing when the memory is not there.
  static std::optional<LargeArray> try_make(std::size_t size) {
    LargeArray out = allocate(size);
    if (out.data_ == nullptr) return std::nullopt;
    return out;
  }

  [[nodiscard]] T* data() { return data_.get(); }
  [[nodiscard]] const T* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }
  [[nodiscard]] std::span<T> span() { return {data_.get(), size_}; }
  [[nodiscard]] std::span<const T> span() const { return {data_.get(), size_}; }

 private:
  LargeArray(T* data, std::size_t size) : data_(data, internal::LargeFree{size * sizeof(T)}), size_(size) {}
  static LargeArray allocate(std::size_t size) {
    if (size > SIZE_MAX / sizeof(T)) return {};
    return {static_cast<T*>(internal::allocate_large(size * sizeof(T))), size};
  }

  std::unique_ptr<T, internal::LargeFree> data_;
  std::size_t size_ = 0;
};

}  // namespace assay
