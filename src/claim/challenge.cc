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

namespace assay::claim {
namespace {

constexpr std::string_view kMagic = "ASSAYCHL";
constexpr std::uint32_t kVersion = 1;

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
Result<std::vector<std::uint32_t>> coordinates_of_real_value(const tensor::Layout& layout,
                                                             std::uint64_t number) {
  const auto after = std::ranges::upper_bound(layout.layer_map, number, {}, &tensor::LayerEntry::flat_offset);
  ASSAY_CHECK(after != layout.layer_map.begin(), number, layout.layer_map.size());
  const auto layer = std::prev(after);
  const auto index = static_cast<std::uint64_t>(layer - layout.layer_map.begin());
  return layout.axes.coordinates_of(ASSAY_TRY(layout.index_of({index, number - layer->flat_offset})));
}

Result<Challenge> draw_from(const Commitment& commitment, std::uint64_t count, const Digest& key) {
  ASSAY_TRY(commitment.header.validate());
  const tensor::Layout& layout = commitment.header.layout;
  const std::uint64_t most = std::min<std::uint64_t>(layout.real_count, Challenge::kMaxCount);
  if (count == 0 || count > most)
    return Error{ErrorCode::kOutOfRange, "count of points", fmt::format("{} is not in 1 to {}", count, most)};
  ChaCha20Stream stream(key);
  Challenge challenge{commitment.digest(), {}};
  for (const std::uint64_t number : draw_distinct(stream, count, layout.real_count))
    challenge.points.push_back(ASSAY_TRY(coordinates_of_real_value(layout, number)));
  return challenge;
}

bool has_repeated_point(std::vector<std::vector<std::uint32_t>> points) {
  std::ranges::sort(points);
  return std::ranges::adjacent_find(points) != points.end();
}

}  // namespace

Result<Challenge> Challenge::draw(const Commitment& commitment, std::uint64_t count) {
  Digest key;
  ASSAY_TRY(fill_random(key));
  return draw_from(commitment, count, key);
}

Result<Challenge> Challenge::from_seed(const Commitment& commitment, std::uint64_t count,
                                       std::uint64_t seed) {
  return draw_from(
      commitment, count,
      Sha256().update("assay/challenge/v1").update(commitment.digest()).update_u64(seed).digest());
}

Bytes Challenge::encode() const {
  ASSAY_CHECK(!points.empty() && points.size() <= kMaxCount, points.size());
  WireWriter writer;
  writer.raw(kMagic).u32(kVersion).raw(commitment_digest);
  writer.u32(static_cast<std::uint32_t>(points.front().size()))
      .u32(static_cast<std::uint32_t>(points.size()));
  for (const auto& point : points) {
    ASSAY_CHECK_EQ(point.size(), points.front().size());
    for (const std::uint32_t coordinate : point) writer.u32(coordinate);
  }
  return writer.take();
}

Result<Challenge> Challenge::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.expect(kMagic, "magic"));
  const std::uint32_t version = ASSAY_TRY(reader.u32("version"));
  if (version != kVersion)
    return reader.error(ErrorCode::kUnsupported, "version",
                        fmt::format("version {}, this program knows {}", version, kVersion));
  Challenge challenge;
  std::ranges::copy(ASSAY_TRY(reader.raw(32, "commitment digest")), challenge.commitment_digest.begin());
  const std::uint32_t axis_count = ASSAY_TRY(reader.u32("axis count"));
  if (axis_count == 0 || axis_count > Axes::kMaxCount)
    return reader.error(ErrorCode::kOutOfRange, "axis count",
                        fmt::format("{} is not in 1 to {}", axis_count, Axes::kMaxCount));
  const std::uint32_t count =
      ASSAY_TRY(reader.count(std::size_t{4} * axis_count, kMaxCount, "count of points"));
  if (count == 0)
    return reader.error(ErrorCode::kOutOfRange, "count of points", "a challenge asks for one at least");
  challenge.points.resize(count);
  for (auto& point : challenge.points) {
    for (std::uint32_t i = 0; i < axis_count; ++i) {
      const std::uint32_t coordinate = ASSAY_TRY(reader.u32("coordinate"));
      if (coordinate >= Axes::kMaxSize)
        return reader.error(ErrorCode::kOutOfRange, "coordinate",
                            fmt::format("{}, no axis has more than {} nodes", coordinate, Axes::kMaxSize));
      point.push_back(coordinate);
    }
  }
  ASSAY_TRY(reader.finish());
  if (has_repeated_point(challenge.points))
    return Error{ErrorCode::kMalformed, std::string(place), "a point stands twice: each is asked for once"};
  return challenge;
}

Result<Challenge> Challenge::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes)), path.string());
}

Status Challenge::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

}  // namespace assay::claim
