// The bytes of a query, the same in challenges and proofs.
#pragma once

#include "assay/claim.h"
#include "base/wire.h"

namespace assay::claim::internal {

/// u8 tag, then as many coordinates as there are axes.
void write_query(WireWriter& writer, const Query& query);

/// Errors: kUnsupported (a tag that is reserved, by its name), kOutOfRange (another tag, a coordinate),
/// kNonCanonical.
[[nodiscard]] Result<Query> read_query(WireReader& reader, std::uint32_t axis_count);

/// A scalar below the group order.
[[nodiscard]] Result<Fr> read_field(WireReader& reader, std::string_view field);

/// 1 to Axes::kMaxCount.
[[nodiscard]] Result<std::uint32_t> read_axis_count(WireReader& reader);

}  // namespace assay::claim::internal
