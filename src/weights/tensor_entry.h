// A tensor's entry on the wire, and what its shape says of its bytes.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "assay/weights_manifest.h"
#include "base/wire.h"

namespace assay::weights {

inline constexpr std::size_t kMaxAxes = 32;
inline constexpr std::size_t kMaxDtypeName = 32;

/// name, dtype, axes, sizes and chunks, without a tag.
void write_entry(WireWriter& writer, const TensorEntry& entry);

/// Errors: kMalformed, kTooLarge, kUnsupported (element type).
[[nodiscard]] Result<TensorEntry> read_entry(WireReader& reader);

/// Errors: kUnsupported (element type), kTooLarge.
[[nodiscard]] Result<std::uint64_t> byte_count(const TensorEntry& entry, std::string_view place);

[[nodiscard]] inline std::uint64_t chunk_count(std::uint64_t bytes) {
  return bytes / kChunkBytes + (bytes % kChunkBytes != 0 ? 1 : 0);
}

/// The roots of the trees over the chunks of each tensor's bytes, on several threads.
[[nodiscard]] std::vector<Digest> hash_chunks(std::span<const tensor::StoredTensor> tensors);

}  // namespace assay::weights
