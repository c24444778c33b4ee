// The block functions of SHA-256, one per kernel, and those that hash several strings side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "assay/base.h"
#include "base/cpu.h"

namespace assay::internal {

/// FIPS 180-4, section 5.3.3: the state before the first block.
inline constexpr std::array<std::uint32_t, 8> kSha256Start = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// FIPS 180-4, section 4.2.2: the round constants.
extern const std::uint32_t kSha256Rounds[64];

/// Bytes of a block.
inline constexpr std::size_t kSha256Block = 64;

/// Blocks of a string of `size` bytes with its padding.
[[nodiscard]] constexpr std::size_t sha256_blocks(std::size_t size) {
  return size / kSha256Block + (size % kSha256Block < 56 ? 1 : 2);
}

/// Absorbs `count` blocks of 64 bytes.
using Sha256Compress = void (*)(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);

void sha256_compress_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);

/// Writes the digest of prefix || messages[i] to *digests[i], for each of its lanes. The prefix ends within
/// the first block. The lengths may differ; all take as long as the string with the most blocks.
using Sha256Lanes = void (*)(ByteSpan prefix, const ByteSpan* messages, Digest* const* digests);

#if defined(__x86_64__)
/// For a processor with CpuFeatures::sha; two lanes.
void sha256_compress_sha_ni(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);
void sha256_lanes_sha_ni(ByteSpan prefix, const ByteSpan* messages, Digest* const* digests);

/// For a processor with CpuFeatures::avx2; eight lanes.
void sha256_lanes_avx2(ByteSpan prefix, const ByteSpan* messages, Digest* const* digests);

/// For a processor with CpuFeatures::avx512; sixteen lanes.
void sha256_lanes_avx512(ByteSpan prefix, const ByteSpan* messages, Digest* const* digests);

/// The same with thirty-two lanes, as two groups of sixteen that take turns.
void sha256_two_groups_avx512(ByteSpan prefix, const ByteSpan* messages, Digest* const* digests);
#endif

/// A way to hash side by side, and from how many strings on it is faster than the ways after it.
struct Sha256SideBySide {
  std::size_t lanes = 0;
  std::size_t fewest = 0;
  Sha256Lanes hash = nullptr;
};

struct Sha256Kernel {
  std::string_view name;
  Sha256Compress compress;
  std::vector<Sha256SideBySide> many;  // the widest first; what is left over is hashed one by one
};

inline constexpr std::size_t kSha256MaxLanes = 32;

/// The kernels that run with these features, the slowest first.
[[nodiscard]] std::vector<Sha256Kernel> sha256_kernels_for(const CpuFeatures& features);

/// The one in use.
[[nodiscard]] const Sha256Kernel& sha256_kernel_in_use();

}  // namespace assay::internal
