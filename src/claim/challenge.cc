#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "assay/claim.h"
#include "base/check.h"
#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"
#include "claim/query_rules.h"
#include "claim/query_wire.h"

namespace assay::claim {
namespace {

constexpr std::string_view kMagic = "ASSAYCHL";
constexpr std::uint32_t kVersion = 2;

/// A uniform set of `count` of the numbers below `bound`, ascending.
/// (Floyd's method: Bentley and Floyd, "A sample of brilliance", Communications of the ACM 30(9), 1987.)
std::vector<std::uint64_t> draw_distinct(ChaCha20Stream& stream, std::uint64_t count, std::uint64_t bound) {
  std::unordered_set<std::uint64_t> chosen;
  for (std::uint64_t next = bound - count; next < bound; ++next)
    if (!chosen.insert(stream.below(next + 1)).second) chosen.insert(next);
  std::vector<std::uint64_t> sorted(chosen.begin(), chosen.end());
  std::ranges::sort(sorted);
  return sorted;
}

/// The real values are numbered as the layers hold them, one after the other.
Result<std::vector<std::uint32_t>> coordinates_of_real_value(const encode::Layout& layout,
                                                             std::uint64_t number) {
  const auto after = std::ranges::upper_bound(layout.layer_map, number, {}, &encode::LayerEntry::flat_offset);
  ASSAY_CHECK(after != layout.layer_map.begin(), number);
  const auto layer = std::prev(after);
  const auto index = static_cast<std::uint64_t>(layer - layout.layer_map.begin());
  return layout.axes.coordinates_of(ASSAY_TRY(layout.index_of({index, number - layer->flat_offset})));
}

/// How many units there are.
Result<std::uint64_t> count_of(const encode::Layout& layout, Unit unit) {
  if (unit == Unit::kEntry) return layout.real_count;
  if (layout.kind != encode::Layout::Kind::kModel)
    return Error{ErrorCode::kUnsupported, "unit",
                 fmt::format("a commitment of layout {} has no {}s: only model layouts have",
                             encode::to_string(layout.kind), to_string(unit))};
  const tensor::Shape& shape = layout.layer_map[0].original_shape;
  return unit == Unit::kLayer ? layout.layer_map.size() : shape[shape.size() - 2];
}

Result<Challenge> draw_from(const Commitment& commitment, std::uint64_t count, Unit unit, const Digest& key) {
  ASSAY_TRY(commitment.header.validate());
  const encode::Layout& layout = commitment.header.layout;
  const std::uint64_t units = ASSAY_TRY(count_of(layout, unit));
  const std::uint64_t most = std::min<std::uint64_t>(units, Challenge::kMaxCount);
  if (count == 0 || count > most)
    return Error{ErrorCode::kOutOfRange,
                 fmt::format("count of {}", unit == Unit::kEntry ? "points" : "units"),
                 fmt::format("{} is not in 1 to {}", count, most)};
  ChaCha20Stream stream(key);
  Challenge challenge{commitment.digest(), {}, false, static_cast<std::uint32_t>(layout.axes.count())};
  const std::vector<std::uint64_t> numbers = draw_distinct(stream, count, units);
  if (unit == Unit::kEntry) {
    for (const std::uint64_t number : numbers)
      challenge.queries.push_back(Query::on_grid(ASSAY_TRY(coordinates_of_real_value(layout, number))));
    return challenge;
  }
  Selection parts{{unit == Unit::kLayer ? 0U : 1U}, {}};
  for (const std::uint64_t number : numbers) parts.positions.push_back(static_cast<std::uint32_t>(number));
  challenge.queries.push_back(Query::of_parts(std::move(parts), layout.axes));
  return challenge;
}

bool any_twice(std::vector<ByteSpan> encoded) {
  std::ranges::sort(encoded,
                    [](ByteSpan a, ByteSpan b) { return std::ranges::lexicographical_compare(a, b); });
  const auto equal = [](ByteSpan a, ByteSpan b) { return std::ranges::equal(a, b); };
  return std::ranges::adjacent_find(encoded, equal) != encoded.end();
}

}  // namespace

std::string_view to_string(Unit unit) {
  switch (unit) {
    case Unit::kEntry:
      return "entry";
    case Unit::kToken:
      return "token";
    case Unit::kLayer:
      break;
  }
  return "layer";
}

std::optional<Unit> unit_of(std::string_view name) {
  for (const Unit unit : {Unit::kEntry, Unit::kToken, Unit::kLayer})
    if (name == to_string(unit)) return unit;
  return std::nullopt;
}

Result<Challenge> Challenge::draw(const Commitment& commitment, std::uint64_t count, const World& world,
                                  Unit unit) {
  Digest key;
  ASSAY_TRY(world.fill_random(key));
  Challenge challenge = ASSAY_TRY(draw_from(commitment, count, unit, key));
  challenge.drawn_here = true;
  return challenge;
}

Result<Challenge> Challenge::from_seed(const Commitment& commitment, std::uint64_t count, std::uint64_t seed,
                                       Unit unit) {
  return draw_from(
      commitment, count, unit,
      Sha256().update("assay/challenge/v1").update(commitment.digest()).update_u64(seed).digest());
}

Digest Challenge::digest() const { return sha256(encode()); }

Status Challenge::check(const Commitment& commitment) const {
  const Digest digest = commitment.digest();
  if (commitment_digest != digest)
    return Error{ErrorCode::kMismatch, "challenge",
                 fmt::format("asks about the commitment {}, this one is {}", to_hex(commitment_digest),
                             to_hex(digest))};
  for (std::size_t k = 0; k < queries.size(); ++k) {
    if (queries[k].is_on_grid() || queries[k].is_of_parts()) continue;
    const std::string fault = internal::fault_of(queries[k], commitment.header.layout.axes);
    if (!fault.empty())
      return Error{ErrorCode::kNonCanonical, fmt::format("challenge, point {}", k),
                   fmt::format("{}: {}", queries[k].to_string(), fault)};
  }
  const std::optional<std::size_t> padding = internal::find_padding(commitment.header.layout, queries);
  if (!padding) return {};
  return Error{
      ErrorCode::kOutOfRange, fmt::format("challenge, point {}", *padding),
      fmt::format("{} is a position of padding: a challenge asks for values", queries[*padding].to_string())};
}

Bytes Challenge::encode() const {
  ASSAY_CHECK(!queries.empty() && queries.size() <= kMaxCount, queries.size());
  const auto axes_of = [this](const Query& query) -> std::size_t {
    if (query.is_of_parts()) return axis_count;
    return query.is_on_grid() ? query.grid.size() : query.field.size();
  };
  const auto axes = static_cast<std::uint32_t>(axes_of(queries.front()));
  ASSAY_CHECK_GT(axes, 0);
  WireWriter writer;
  writer.begin(kMagic, kVersion).raw(commitment_digest);
  writer.u32(axes).u32(static_cast<std::uint32_t>(queries.size()));
  for (const Query& query : queries) {
    ASSAY_CHECK_EQ(axes_of(query), axes);
    internal::write_query(writer, query, axes);
  }
  return writer.take();
}

Result<Challenge> Challenge::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kMagic, kVersion));
  Challenge challenge;
  std::ranges::copy(ASSAY_TRY(reader.raw(32, "commitment digest")), challenge.commitment_digest.begin());
  const std::uint32_t axis_count = ASSAY_TRY(internal::read_axis_count(reader));
  challenge.axis_count = axis_count;
  constexpr std::size_t kLeastOfParts = 1 + 4 + 8;
  const std::uint32_t count = ASSAY_TRY(
      reader.count(std::min(1 + std::size_t{4} * axis_count, kLeastOfParts), kMaxCount, "count of queries"));
  if (count == 0)
    return reader.error(ErrorCode::kOutOfRange, "count of queries", "a challenge asks for one at least");
  const ByteSpan rest = bytes.subspan(reader.offset());
  // A query takes many times its bytes, so none is kept before all were found good.
  std::vector<ByteSpan> encoded;
  encoded.reserve(count);
  for (std::uint32_t k = 0; k < count; ++k) {
    const std::size_t start = reader.offset();
    static_cast<void>(ASSAY_TRY(internal::read_query(reader, axis_count)));
    encoded.push_back(bytes.subspan(start, reader.offset() - start));
  }
  ASSAY_TRY(reader.finish());
  if (any_twice(std::move(encoded)))
    return Error{ErrorCode::kMalformed, std::string(place), "a query stands twice: each is asked once"};
  WireReader again(rest, place);
  challenge.queries.reserve(count);
  for (std::uint32_t k = 0; k < count; ++k)
    challenge.queries.push_back(ASSAY_TRY(internal::read_query(again, axis_count)));
  return challenge;
}

Result<Challenge> Challenge::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kMagic, kVersion)), path.string());
}

Status Challenge::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

}  // namespace assay::claim
