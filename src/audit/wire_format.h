// How wires and digests lie in this room's formats.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "assay/audit_log.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::audit::internal {

/// Errors: kOutOfRange (no such role; a block for what belongs to none), without a place.
[[nodiscard]] Result<Wire> wire_of(std::uint32_t block, std::uint8_t role);
/// Errors: kOutOfRange, without a place.
[[nodiscard]] Result<RowDtype> dtype_of(std::uint8_t number);

/// LE32 count, then for each LE32 block, role, element type, LE32 bytes of a row.
void write_wires(WireWriter& writer, std::span<const WireEntry> wires);
/// Errors: kMalformed, kOutOfRange, kTooLarge, kNonCanonical (they do not ascend).
[[nodiscard]] Result<std::vector<WireEntry>> read_wires(WireReader& reader);

[[nodiscard]] inline Result<Digest> read_digest(WireReader& reader, std::string_view field) {
  Digest digest;
  std::ranges::copy(ASSAY_TRY(reader.raw(digest.size(), field)), digest.begin());
  return digest;
}

/// LE32 count and the hashes; at most `max` of them.
inline void write_hashes(WireWriter& writer, std::span<const Digest> hashes) {
  writer.u32(static_cast<std::uint32_t>(hashes.size()));
  for (const Digest& hash : hashes) writer.raw(hash);
}
[[nodiscard]] inline Result<std::vector<Digest>> read_hashes(WireReader& reader, std::uint32_t max,
                                                             std::string_view field) {
  std::vector<Digest> hashes(ASSAY_TRY(reader.count(sizeof(Digest), max, field)));
  for (Digest& hash : hashes) hash = ASSAY_TRY(read_digest(reader, field));
  return hashes;
}

}  // namespace assay::audit::internal
