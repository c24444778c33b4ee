// What is refused before anything is allocated.
#pragma once

#include <cstddef>
#include <cstdint>

namespace assay::tensor {

inline constexpr std::size_t kMaxAxes = 32;
inline constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 40;
inline constexpr std::size_t kMaxTensors = 65536;
inline constexpr std::size_t kMaxNameBytes = 255;
inline constexpr std::size_t kMaxTapBytes = 64;

}  // namespace assay::tensor
