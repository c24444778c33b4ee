// The bytes of a query, the same in challenges and proofs.
#pragma once

#include "assay/claim.h"
#include "base/wire.h"

namespace assay::claim::internal {

/// u8 tag, then as many coordinates as there are axes, or the fixed axes and the positions of parts.
void write_query(WireWriter& writer, const Query& query, std::size_t axis_count);

/// How many bytes a query has that read_query() took and that begins so.
[[nodiscard]] std::size_t query_size(ByteSpan query, std::size_t axis_count);
/// How many parts it has; 0 of an entry or a point.
[[nodiscard]] std::uint32_t part_count(ByteSpan query);

/// Errors: kOutOfRange (a tag that no query has, a coordinate, an axis, fewer parts than the kind has),
/// kNonCanonical.
[[nodiscard]] Result<Query> read_query(WireReader& reader, std::uint32_t axis_count);

/// u8 width, u64 count, the values. Errors: kOutOfRange (width), kTooLarge, kNonCanonical (a width that is
/// not the least, a scalar that is not below the group order).
[[nodiscard]] Status read_values(WireReader& reader);

/// Values of this width that read_values() took.
[[nodiscard]] tensor::IntegerArray unpack_values(ByteSpan values, std::uint8_t width);

/// A scalar below the group order.
[[nodiscard]] Result<Fr> read_field(WireReader& reader, std::string_view field);

/// 1 to Axes::kMaxCount.
[[nodiscard]] Result<std::uint32_t> read_axis_count(WireReader& reader);

}  // namespace assay::claim::internal
