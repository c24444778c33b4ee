#include <fmt/format.h>

#include <numeric>

#include "assay/audit_log.h"
#include "audit/wire_format.h"
#include "base/check.h"

namespace assay::audit {
namespace {

constexpr std::string_view kStepTag = "auditstp";

}  // namespace

std::uint64_t Step::row_count() const { return std::accumulate(rows.begin(), rows.end(), std::uint64_t{0}); }

std::optional<std::uint64_t> Step::leaf_of(std::uint32_t wire, std::uint64_t position) const {
  ASSAY_CHECK_LT(wire, rows.size());
  const std::uint64_t first = last_position + 1 - rows[wire];
  if (position < first || position > last_position) return std::nullopt;
  return std::accumulate(rows.begin(), rows.begin() + wire, std::uint64_t{0}) + (position - first);
}

Bytes Step::encode() const {
  WireWriter writer;
  writer.raw(kStepTag).u64(index).raw(request).raw(nonce).raw(wires);
  writer.u64(last_position).u32(token).u64(drops);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
  for (const std::uint32_t count : rows) {
    if (runs.empty() || runs.back().first != count) runs.emplace_back(count, 0);
    ++runs.back().second;
  }
  writer.u32(static_cast<std::uint32_t>(runs.size()));
  for (const auto& [count, repeated] : runs) writer.u32(count).u32(repeated);
  writer.raw(root);
  return writer.take();
}

Result<Step> Step::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  Step step;
  const ByteSpan tag = ASSAY_TRY(reader.raw(kStepTag.size(), "tag"));
  if (!std::equal(tag.begin(), tag.end(), kStepTag.begin()))
    return reader.error(ErrorCode::kMalformed, "tag", "no step begins here");
  step.index = ASSAY_TRY(reader.u64("index"));
  step.request = ASSAY_TRY(internal::read_digest(reader, "request"));
  step.nonce = ASSAY_TRY(internal::read_digest(reader, "nonce"));
  step.wires = ASSAY_TRY(internal::read_digest(reader, "wires"));
  step.last_position = ASSAY_TRY(reader.u64("last position"));
  step.token = ASSAY_TRY(reader.u32("token"));
  step.drops = ASSAY_TRY(reader.u64("drops"));
  if (step.index >= kMaxSteps || step.last_position >= kMaxPositions)
    return reader.error(ErrorCode::kTooLarge, "position", "the step lies beyond the longest run");
  const std::uint32_t runs = ASSAY_TRY(reader.count(8, kMaxWires, "rows"));
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < runs; ++i) {
    const std::uint32_t count = ASSAY_TRY(reader.u32("rows of a wire"));
    const std::uint32_t repeated = ASSAY_TRY(reader.u32("wires"));
    if (count == 0 || count > step.last_position + 1)
      return reader.error(ErrorCode::kOutOfRange, "rows of a wire",
                          "not 1 to as many as there are positions");
    if (repeated == 0 || (!step.rows.empty() && step.rows.back() == count))
      return reader.error(ErrorCode::kNonCanonical, "wires", "equal counts are not together");
    if (repeated > kMaxWires - step.rows.size())
      return reader.error(ErrorCode::kTooLarge, "wires", fmt::format("more than {}", kMaxWires));
    total += std::uint64_t{count} * repeated;
    if (total > kMaxStepRows)
      return reader.error(ErrorCode::kTooLarge, "rows of a wire",
                          fmt::format("more than {} rows", kMaxStepRows));
    step.rows.insert(step.rows.end(), repeated, count);
  }
  if (step.drops > total) return reader.error(ErrorCode::kOutOfRange, "drops", "more than there are rows");
  step.root = ASSAY_TRY(internal::read_digest(reader, "root"));
  ASSAY_TRY(reader.finish());
  return step;
}

}  // namespace assay::audit
