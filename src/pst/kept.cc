#include <fmt/format.h>

#include "assay/pst.h"
#include "base/check.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::pst {
namespace {

constexpr std::string_view kTag = "assay/kept/v";
constexpr std::uint32_t kVersion = 1;

/// How many leading axes have at most kMaxCount prefixes in all; at least one.
std::size_t depth_of(const Axes& axes) {
  std::uint64_t prefixes = axes[0], all = prefixes;
  std::size_t depth = 1;
  while (depth < axes.count()) {
    prefixes *= axes[depth];
    all += prefixes;
    if (all > KeptQuotients::kMaxCount) break;
    ++depth;
  }
  return depth;
}

}  // namespace

KeptQuotients::KeptQuotients(Axes axes) : axes_(std::move(axes)), depth_(depth_of(axes_)) {}

const G1Affine* KeptQuotients::find(std::span<const std::uint32_t> prefix) const {
  const auto found = points_.find(std::vector<std::uint32_t>(prefix.begin(), prefix.end()));
  return found == points_.end() ? nullptr : &found->second;
}

void KeptQuotients::keep(std::span<const std::uint32_t> prefix, const G1Affine& quotient) {
  ASSAY_CHECK(!prefix.empty() && prefix.size() <= axes_.count(), prefix.size(), axes_.count());
  for (std::size_t axis = 0; axis < prefix.size(); ++axis) ASSAY_CHECK_LT(prefix[axis], axes_[axis]);
  if (prefix.size() > depth_) return;
  points_.insert_or_assign(std::vector<std::uint32_t>(prefix.begin(), prefix.end()), quotient);
}

Bytes KeptQuotients::encode(const Digest& owner) const {
  WireWriter writer;
  writer.begin(kTag, kVersion).raw(owner).u32(static_cast<std::uint32_t>(points_.size()));
  for (const auto& [prefix, quotient] : points_) {
    writer.u32(static_cast<std::uint32_t>(prefix.size()));
    for (const std::uint32_t coordinate : prefix) writer.u32(coordinate);
    writer.raw(curve::encode(quotient));
  }
  return writer.take();
}

Result<KeptQuotients> KeptQuotients::decode(ByteSpan bytes, const Axes& axes, const Digest& owner,
                                            std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kTag, kVersion));
  const ByteSpan named = ASSAY_TRY(reader.raw(owner.size(), "owner"));
  if (!std::equal(named.begin(), named.end(), owner.begin()))
    return reader.error(ErrorCode::kMismatch, "owner", "kept for another commitment: use another file");
  KeptQuotients kept(axes);
  constexpr std::size_t kSmallestEntry = 4 + 4 + 32;
  const std::uint32_t count = ASSAY_TRY(
      reader.count(kSmallestEntry, static_cast<std::uint32_t>(kMaxCount + Axes::kMaxSize), "count"));
  Bytes points;
  std::vector<std::vector<std::uint32_t>> prefixes;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t length = ASSAY_TRY(reader.u32("coordinates"));
    if (length == 0 || length > kept.depth_)
      return reader.error(ErrorCode::kOutOfRange, "coordinates",
                          fmt::format("{} of them, 1 to {} are kept", length, kept.depth_));
    std::vector<std::uint32_t> prefix(length);
    for (std::size_t axis = 0; axis < length; ++axis) {
      prefix[axis] = ASSAY_TRY(reader.u32("coordinate"));
      if (prefix[axis] >= axes[axis])
        return reader.error(ErrorCode::kOutOfRange, "coordinate",
                            fmt::format("{} is not below {}", prefix[axis], axes[axis]));
    }
    if (!prefixes.empty() && prefixes.back() >= prefix)
      return reader.error(ErrorCode::kNonCanonical, "coordinates", "not in ascending order");
    prefixes.push_back(std::move(prefix));
    const ByteSpan point = ASSAY_TRY(reader.raw(32, "quotient"));
    points.insert(points.end(), point.begin(), point.end());
  }
  ASSAY_TRY(reader.finish());
  std::vector<G1Affine> quotients(count);
  const std::size_t decoded = curve::decode_all_g1(points, quotients);
  if (decoded < count) {
    return curve::decode_g1(ByteSpan(points).subspan(32 * decoded, 32),
                            fmt::format("{}: quotient {}", place, decoded))
        .error();
  }
  for (std::uint32_t i = 0; i < count; ++i) kept.points_.emplace(std::move(prefixes[i]), quotients[i]);
  return kept;
}

Result<KeptQuotients> KeptQuotients::read(const std::filesystem::path& path, const Axes& axes,
                                          const Digest& owner) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kTag, kVersion)), axes, owner, path.string());
}

Status KeptQuotients::write(const std::filesystem::path& path, const Digest& owner) const {
  return write_file(path, encode(owner));
}

}  // namespace assay::pst
