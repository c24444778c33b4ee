#include "base/large_array.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace assay {
namespace {

TEST(LargeArray, IsAlignedAndWritableInEverySize) {
  constexpr std::size_t kHuge = std::size_t{2} << 20;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{63}, std::size_t{4096}, kHuge - 1, kHuge, kHuge + 1, 5 * kHuge + 12345}) {
    LargeArray<std::uint8_t> array(size);
    ASSERT_EQ(array.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.data()) % (size < kHuge ? 64 : kHuge), 0U) << size;
    array[0] = 1;
    array[size - 1] = 2;
    LargeArray<std::uint8_t> moved = std::move(array);
    EXPECT_EQ(moved.span().back(), 2);
    moved = LargeArray<std::uint8_t>(size);  // gives the first memory back
    moved[size - 1] = 3;
  }
}

TEST(LargeArray, AWishForHugePagesLeavesMemoryAsItIs) {
  constexpr std::size_t kHuge = std::size_t{2} << 20;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kHuge - 1, kHuge, 2 * kHuge - 1, 5 * kHuge + 12345}) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t i = 0; i < size; i += 1000) bytes[i] = static_cast<std::uint8_t>(i / 1000);
    wish_for_huge_pages(bytes.data(), size);
    for (std::size_t i = 0; i < size; i += 1000)
      ASSERT_EQ(bytes[i], static_cast<std::uint8_t>(i / 1000)) << size;
  }
  wish_for_huge_pages(nullptr, 0);
}

TEST(LargeArray, SaysWhenThereIsNoMemory) {
  EXPECT_FALSE(LargeArray<std::uint64_t>::try_make(std::numeric_limits<std::size_t>::max() / 8).has_value());
  EXPECT_FALSE(LargeArray<std::uint64_t>::try_make(std::numeric_limits<std::size_t>::max()).has_value());
  EXPECT_FALSE(LargeArray<std::uint8_t>::try_make(std::size_t{1} << 60).has_value());
  EXPECT_TRUE(LargeArray<std::uint8_t>::try_make(100).has_value());
}

}  // namespace
}  // namespace assay
