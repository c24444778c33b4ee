#include "tree/records.h"

#include <array>

#include "base/check.h"
#include "base/sha256.h"
#include "tree/shape.h"

namespace assay::tree::internal {
namespace {

/// Records of a Merkle tree have as many children at least: hashes between are made again.
constexpr std::uint64_t kLeastFanOut = 64;

std::uint64_t record_fan_out(const Config& config) {
  const std::uint64_t fan_out = config.fan_out();
  if (config.kind != Kind::kMerkle) return fan_out;
  std::uint64_t out = fan_out;
  while (out < kLeastFanOut) out *= fan_out;
  return out;
}

}  // namespace

Records::Records(const Config& config)
    : fan_out_(record_fan_out(config)),
      leaf_bytes_(config.leaf == LeafKind::kU64 || config.leaf == LeafKind::kI64 ? 8 : 32),
      commitment_bytes_(config.kind == Kind::kMerkle ? 0 : 32) {}

unsigned Records::depth(std::uint64_t count) const { return depth_of(fan_out_, count); }

std::uint64_t Records::whole(unsigned height, std::uint64_t count) const {
  return count / leaves_under(fan_out_, height);
}

std::uint64_t Records::nodes(unsigned height, std::uint64_t count) const {
  return whole(height, count) + (open_children(height, count) > 0 || (height == 1 && count == 0) ? 1 : 0);
}

std::uint64_t Records::open_children(unsigned height, std::uint64_t count) const {
  const std::uint64_t left = count % leaves_under(fan_out_, height),
                      of_child = leaves_under(fan_out_, height - 1);
  return left / of_child + (left % of_child != 0 ? 1 : 0);
}

std::uint64_t Records::offset_of_whole(unsigned height, std::uint64_t position) const {
  std::uint64_t offset = position * record_bytes(height);
  std::uint64_t below = position + 1;
  for (unsigned g = height; g-- > 1;) offset += (below *= fan_out_) * record_bytes(g);
  std::uint64_t above = position;
  for (unsigned g = height + 1; (above /= fan_out_) > 0; ++g) offset += above * record_bytes(g);
  return offset;
}

std::uint64_t Records::end_of_whole(std::uint64_t count) const {
  std::uint64_t offset = 0;
  std::uint64_t records = count;
  for (unsigned height = 1; (records /= fan_out_) > 0; ++height) offset += records * record_bytes(height);
  return offset;
}

std::uint64_t Records::end(std::uint64_t count) const {
  const unsigned top = depth(count);
  std::uint64_t offset = end_of_whole(count);
  for (unsigned height = 1; height <= top; ++height)
    if (nodes(height, count) > whole(height, count)) offset += record_bytes(height);
  return offset;
}

std::uint64_t Records::offset(unsigned height, std::uint64_t position, std::uint64_t count) const {
  ASSAY_CHECK_LT(position, nodes(height, count));
  if (position < whole(height, count)) return offset_of_whole(height, position);
  std::uint64_t offset = end_of_whole(count);
  for (unsigned below = 1; below < height; ++below)
    if (nodes(below, count) > whole(below, count)) offset += record_bytes(below);
  return offset;
}

Digest checksum(unsigned height, std::uint64_t position, ByteSpan content) {
  const std::array<std::uint8_t, 1> at{static_cast<std::uint8_t>(height)};
  return Sha256().update("assay/tree/record/v1").update(at).update_u64(position).update(content).digest();
}

}  // namespace assay::tree::internal
