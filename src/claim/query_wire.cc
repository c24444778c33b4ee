#include "claim/query_wire.h"

#include <fmt/format.h>

#include <array>

#include "base/check.h"
#include "base/try.h"

namespace assay::claim::internal {
namespace {

constexpr std::uint8_t kEntry = 0;
constexpr std::uint8_t kFieldPoint = 1;
constexpr std::array kTagNames = {"entry", "field point", "slice", "set", "block"};

}  // namespace

void write_query(WireWriter& writer, const Query& query) {
  if (query.is_on_grid()) {
    writer.u8(kEntry);
    for (const std::uint32_t coordinate : query.grid) writer.u32(coordinate);
    return;
  }
  writer.u8(kFieldPoint);
  for (const Fr& coordinate : query.field) writer.raw(coordinate.to_scalar().to_bytes());
}

Result<Fr> read_field(WireReader& reader, std::string_view field) {
  const ByteSpan bytes = ASSAY_TRY(reader.raw(32, field));
  const Result<Scalar> scalar = Scalar::from_bytes(bytes, "");
  if (!scalar) return reader.error(scalar.error().code, field, scalar.error().reason);
  return Fr::from_scalar(*scalar);
}

Result<std::uint32_t> read_axis_count(WireReader& reader) {
  const std::uint32_t count = ASSAY_TRY(reader.u32("axis count"));
  if (count > 0 && count <= Axes::kMaxCount) return count;
  return reader.error(ErrorCode::kOutOfRange, "axis count",
                      fmt::format("{} is not in 1 to {}", count, Axes::kMaxCount));
}

Result<Query> read_query(WireReader& reader, std::uint32_t axis_count) {
  const std::uint8_t tag = ASSAY_TRY(reader.u8("kind of query"));
  Query query;
  if (tag == kEntry) {
    for (std::uint32_t i = 0; i < axis_count; ++i) {
      const std::uint32_t coordinate = ASSAY_TRY(reader.u32("coordinate"));
      if (coordinate >= Axes::kMaxSize)
        return reader.error(ErrorCode::kOutOfRange, "coordinate",
                            fmt::format("{}, no axis has more than {} nodes", coordinate, Axes::kMaxSize));
      query.grid.push_back(coordinate);
    }
    return query;
  }
  if (tag == kFieldPoint) {
    for (std::uint32_t i = 0; i < axis_count; ++i)
      query.field.push_back(ASSAY_TRY(read_field(reader, "coordinate")));
    return query;
  }
  if (tag < kTagNames.size())
    return reader.error(ErrorCode::kUnsupported, "kind of query",
                        fmt::format("a {}, which this program cannot answer or check yet", kTagNames[tag]));
  return reader.error(ErrorCode::kOutOfRange, "kind of query",
                      fmt::format("{} is not 0 (an entry) or 1 (a point of the field)", tag));
}

}  // namespace assay::claim::internal
