#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>

#include "assay/tree.h"
#include "base/check.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"
#include "tree/shape.h"

namespace assay::tree {
namespace {

constexpr std::string_view kTag = "assay/tree/root/v";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kPublicTag = "assay/tree/public/v1";
constexpr std::uint64_t kMaxBytes = 200;

constexpr std::array<std::string_view, 3> kKinds{"merkle", "verkle", "terkle"};
constexpr std::array<std::string_view, 4> kLeafKinds{"u64", "i64", "field", "bytes"};

/// The place of a name, counted from 1.
Result<std::uint8_t> parse(std::span<const std::string_view> names, std::string_view text,
                           std::string_view place) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end())
    return Error{ErrorCode::kMalformed, std::string(place),
                 fmt::format("'{}' is none of {}", text, fmt::join(names, ", "))};
  return static_cast<std::uint8_t>(found - names.begin() + 1);
}

}  // namespace

std::string_view to_string(Kind kind) { return kKinds[static_cast<std::size_t>(kind) - 1]; }
std::string_view to_string(LeafKind kind) { return kLeafKinds[static_cast<std::size_t>(kind) - 1]; }

Result<Kind> parse_kind(std::string_view text, std::string_view place) {
  return static_cast<Kind>(ASSAY_TRY(parse(kKinds, text, place)));
}
Result<LeafKind> parse_leaf_kind(std::string_view text, std::string_view place) {
  return static_cast<LeafKind>(ASSAY_TRY(parse(kLeafKinds, text, place)));
}

std::uint64_t Config::fan_out() const {
  std::uint64_t product = 1;
  for (const std::uint32_t arity : arities) product *= arity;
  return product;
}

Status Config::check(std::string_view place) const {
  const auto out_of_range = [&](std::string reason) {
    return Error{ErrorCode::kOutOfRange, fmt::format("{}: arities", place), std::move(reason)};
  };
  const std::size_t most = kind == Kind::kTerkle ? kMaxAxes : 1;
  if (arities.empty() || arities.size() > most)
    return out_of_range(
        fmt::format("{} of them where a {} tree has 1 to {}", arities.size(), to_string(kind), most));
  // One after the other, so that no product overflows.
  std::uint64_t product = 1;
  for (const std::uint32_t arity : arities) {
    if (arity < kMinArity) return out_of_range(fmt::format("{} is below {}", arity, kMinArity));
    product *= arity;
    if (product > kMaxFanOut) return out_of_range(fmt::format("over {} children of a node", kMaxFanOut));
  }
  if (kind == Kind::kVerkle && !std::has_single_bit(product))
    return out_of_range(fmt::format("{} is no power of two, as the width of a Verkle tree is", product));
  if (kind == Kind::kMerkle && product > merkle::kMaxArity)
    return out_of_range(fmt::format("{} is over {}", product, merkle::kMaxArity));
  if (kind == Kind::kMerkle && srs_digest != Digest{})
    return Error{ErrorCode::kNonCanonical, fmt::format("{}: SRS digest", place),
                 "a Merkle tree has none, and zeros in its place"};
  return {};
}

unsigned Root::depth() const { return internal::depth_of(config.fan_out(), count); }

Bytes Root::encode() const {
  WireWriter writer;
  writer.begin(kTag, kVersion)
      .u8(static_cast<std::uint8_t>(config.kind))
      .u8(static_cast<std::uint8_t>(config.leaf))
      .u8(static_cast<std::uint8_t>(config.arities.size()));
  for (const std::uint32_t arity : config.arities) writer.u32(arity);
  writer.u64(count).raw(config.srs_digest).raw(value);
  return writer.take();
}

Result<Root> Root::decode(ByteSpan bytes, std::string_view place) {
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kTag, kVersion));
  Root out;
  const std::uint8_t kind = ASSAY_TRY(reader.u8("kind"));
  const std::uint8_t leaf = ASSAY_TRY(reader.u8("leaf kind"));
  if (kind < 1 || kind > kKinds.size())
    return reader.error(ErrorCode::kMalformed, "kind", fmt::format("{} is no kind of tree", kind));
  if (leaf < 1 || leaf > kLeafKinds.size())
    return reader.error(ErrorCode::kMalformed, "leaf kind", fmt::format("{} is no kind of leaf", leaf));
  out.config.kind = static_cast<Kind>(kind);
  out.config.leaf = static_cast<LeafKind>(leaf);
  const std::uint8_t axes = ASSAY_TRY(reader.u8("number of arities"));
  for (std::uint8_t i = 0; i < axes; ++i) out.config.arities.push_back(ASSAY_TRY(reader.u32("arity")));
  out.count = ASSAY_TRY(reader.u64("leaves"));
  const ByteSpan srs = ASSAY_TRY(reader.raw(out.config.srs_digest.size(), "SRS digest"));
  std::ranges::copy(srs, out.config.srs_digest.begin());
  const ByteSpan value = ASSAY_TRY(reader.raw(out.value.size(), "root"));
  std::ranges::copy(value, out.value.begin());
  ASSAY_TRY(reader.finish());
  ASSAY_TRY(out.config.check(place));
  if (out.count > kMaxLeaves)
    return Error{ErrorCode::kOutOfRange, fmt::format("{}: leaves", place),
                 fmt::format("{}, {} at most", out.count, kMaxLeaves)};
  if (out.config.kind != Kind::kMerkle)
    static_cast<void>(ASSAY_TRY(curve::decode_g1(out.value, fmt::format("{}: root", place))));
  return out;
}

Result<Root> Root::read(const std::filesystem::path& path) {
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kTag, kVersion)), path.string());
}

Status Root::write(const std::filesystem::path& path) const { return write_file(path, encode()); }

Digest Root::digest() const { return Sha256().update(kPublicTag).update(encode()).digest(); }

}  // namespace assay::tree
