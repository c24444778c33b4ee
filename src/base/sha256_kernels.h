// The block functions of SHA-256, one per kernel.
#pragma once

#include <cstddef>
#include <cstdint>

namespace assay::internal {

/// Absorbs `count` blocks of 64 bytes.
using Sha256Compress = void (*)(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);

/// FIPS 180-4, section 4.2.2: the round constants.
extern const std::uint32_t kSha256Rounds[64];

void sha256_compress_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);

/// For a processor with CpuFeatures::sha.
void sha256_compress_sha_ni(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);

}  // namespace assay::internal
