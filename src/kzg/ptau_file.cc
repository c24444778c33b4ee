#include "kzg/ptau_file.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <type_traits>

#include "base/check.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::kzg::internal {
namespace {

constexpr std::string_view kMagic = "ptau";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kMaxSections = 16;
constexpr std::size_t kG1Bytes = 64, kG2Bytes = 128;

// A point in the file is a point in memory.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(G1Affine) == kG1Bytes && std::is_trivially_copyable_v<G1Affine>);
static_assert(sizeof(G2Affine) == kG2Bytes && std::is_trivially_copyable_v<G2Affine>);

/// p, the order of the field that coordinates are in.
constexpr std::array<std::uint64_t, 4> kBaseModulus = {0x3c208c16d87cfd47, 0x97816a916871ca8d,
                                                       0xb85045b68181585d, 0x30644e72e131a029};

enum Section : std::uint32_t {
  kHeader = 1,
  kTauG1 = 2,
  kTauG2 = 3,
  kAlphaTauG1 = 4,
  kBetaTauG1 = 5,
  kBetaG2 = 6,
  kContributions = 7,
  kLagrangeTauG1 = 12,
  kLagrangeTauG2 = 13,
  kLagrangeAlphaTauG1 = 14,
  kLagrangeBetaTauG1 = 15,
};

/// Bytes that a section has; none for one whose size the power does not decide.
std::optional<std::uint64_t> size_of(std::uint32_t section, unsigned power) {
  const std::uint64_t n = std::uint64_t{1} << power;
  switch (section) {
    case kHeader:
      return 44;
    case kTauG1:
      return (2 * n - 1) * kG1Bytes;
    case kTauG2:
      return n * kG2Bytes;
    case kAlphaTauG1:
    case kBetaTauG1:
      return n * kG1Bytes;
    case kBetaG2:
      return kG2Bytes;
    case kLagrangeTauG1:
      return (4 * n - 1) * kG1Bytes;
    case kLagrangeTauG2:
      return (2 * n - 1) * kG2Bytes;
    case kLagrangeAlphaTauG1:
    case kLagrangeBetaTauG1:
      return (2 * n - 1) * kG1Bytes;
    default:
      return std::nullopt;
  }
}

bool is_known(std::uint32_t section) { return section == kContributions || size_of(section, 0).has_value(); }

Error at_section(std::string_view place, std::uint32_t section, ErrorCode code, std::string reason) {
  return {code, fmt::format("{}: section {}", place, section), std::move(reason)};
}

/// The power of a header section.
Result<unsigned> read_header(ByteSpan header, std::string_view place) {
  WireReader reader(header, fmt::format("{}: section {}", place, static_cast<std::uint32_t>(kHeader)));
  if (const std::uint32_t size = ASSAY_TRY(reader.u32("coordinate size")); size != 32)
    return reader.error(ErrorCode::kMismatch, "coordinate size", fmt::format("{} bytes, not 32", size));
  for (const std::uint64_t word : kBaseModulus)
    if (ASSAY_TRY(reader.u64("prime")) != word)
      return reader.error(ErrorCode::kMismatch, "prime", "not that of BN254");
  const std::uint32_t power = ASSAY_TRY(reader.u32("power"));
  if (power == 0 || power > kMaxLogSize)
    return reader.error(ErrorCode::kOutOfRange, "power",
                        fmt::format("{} is not 1 to {}", power, kMaxLogSize));
  const std::uint32_t ceremony = ASSAY_TRY(reader.u32("ceremony's power"));
  if (ceremony < power || ceremony > kMaxLogSize)
    return reader.error(ErrorCode::kOutOfRange, "ceremony's power",
                        fmt::format("{} is not {} to {}", ceremony, power, kMaxLogSize));
  ASSAY_TRY(reader.finish());
  return power;
}

struct Published {
  unsigned power;
  std::string_view digest;
};

/// BLAKE2b-512 of the prepared files of the Hermez ceremony, as the README of snarkjs lists them.
constexpr std::array<Published, 8> kPublished = {{
    {12,
     "ded2694169b7b08e898f736d5de95af87c3f1a64594013351b1a796dbee393bd"
     "825f88f9468c84505ddd11eb0b1465ac9b43b9064aa8ec97f2b73e04758b8a4a"},
    {13,
     "58efc8bf2834d04768a3d7ffcd8e1e23d461561729beaac4e3e7a47829a1c906"
     "6d5320241e124a1a8e8aa6c75be0ba66f65bc8239a0542ed38e11276f6fdb4d9"},
    {14,
     "eeefbcf7c3803b523c94112023c7ff89558f9b8e0cf5d6cdcba3ade60f168af4"
     "a181c9c21774b94fbae6c90411995f7d854d02ebd93fb66043dbb06f17a831c1"},
    {15,
     "982372c867d229c236091f767e703253249a9b432c1710b4f326306bfa2428a1"
     "7b06240359606cfe4d580b10a5a1f63fbed499527069c18ae17060472969ae6e"},
    {16,
     "6a6277a2f74e1073601b4f9fed6e1e55226917efb0f0db8a07d98ab01df1ccf4"
     "3eb0e8c3159432acd4960e2f29fe84a4198501fa54c8dad9e43297453efec125"},
    {17,
     "6247a3433948b35fbfae414fa5a9355bfb45f56efa7ab4929e669264a0258976"
     "741dfbe3288bfb49828e5df02c2e633df38d2245e30162ae7e3bcca5b8b49345"},
    {19,
     "bca9d8b04242f175189872c42ceaa21e2951e0f0f272a0cc54fc37193ff66486"
     "00eaf1c555c70cdedfaf9fb74927de7aa1d33dc1e2a7f1a50619484989da0887"},
    {20,
     "89a66eb5590a1c94e3f1ee0e72acf49b1669e050bb5f93c73b066b564dca4e0c"
     "7556a52b323178269d64af325d8fdddb33da3a27c34409b821de82aa2bf1a27b"},
}};

}  // namespace

ByteSpan PtauFile::basis(unsigned log_size) const {
  ASSAY_CHECK_LE(log_size, power);
  ASSAY_CHECK(lagrange.has_value());
  const std::uint64_t size = std::uint64_t{1} << log_size;
  return lagrange->subspan((size - 1) * kG1Bytes, size * kG1Bytes);
}

Result<PtauFile> parse_ptau(ByteSpan file, std::string_view place) {
  WireReader reader(file, place);
  ASSAY_TRY(reader.begin(kMagic, kVersion));
  const std::uint32_t count = ASSAY_TRY(reader.u32("section count"));
  if (count > kMaxSections)
    return reader.error(ErrorCode::kTooLarge, "section count", fmt::format("{} sections", count));
  std::map<std::uint32_t, ByteSpan> sections;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t id = ASSAY_TRY(reader.u32("section number"));
    if (!is_known(id))
      return reader.error(ErrorCode::kUnsupported, "section number", fmt::format("{} is unknown", id));
    const std::uint64_t size = ASSAY_TRY(reader.u64("section size"));
    const ByteSpan payload = ASSAY_TRY(reader.raw(size, "section"));
    if (!sections.emplace(id, payload).second)
      return reader.error(ErrorCode::kMalformed, "section", fmt::format("number {} stands twice", id));
  }
  ASSAY_TRY(reader.finish());
  for (const std::uint32_t id : {kHeader, kTauG1, kTauG2})
    if (!sections.contains(id)) return at_section(place, id, ErrorCode::kMalformed, "is missing");

  PtauFile out{ASSAY_TRY(read_header(sections[kHeader], place)), sections[kTauG1], sections[kTauG2], {}};
  for (const auto& [id, payload] : sections) {
    const std::optional<std::uint64_t> size = size_of(id, out.power);
    if (size && payload.size() != *size)
      return at_section(place, id, ErrorCode::kMalformed,
                        fmt::format("{} bytes, where power {} needs {}", payload.size(), out.power, *size));
  }
  if (const auto found = sections.find(kLagrangeTauG1); found != sections.end()) out.lagrange = found->second;
  return out;
}

void read_points(ByteSpan section, std::size_t first, std::span<G1Affine> out) {
  ASSAY_CHECK_LE((first + out.size()) * kG1Bytes, section.size());
  std::memcpy(out.data(), section.data() + first * kG1Bytes, out.size_bytes());
}

Result<G2Affine> read_g2(ByteSpan section, std::size_t index, std::string_view place) {
  ASSAY_CHECK_LE((index + 1) * kG2Bytes, section.size());
  G2Affine point;
  std::memcpy(&point, section.data() + index * kG2Bytes, kG2Bytes);
  const std::string where =
      fmt::format("{}: section {}: point {}", place, static_cast<std::uint32_t>(kTauG2), index);
  // What is off the curve, outside the subgroup or not below p comes back as another point, or not at all.
  const Result<G2Affine> again = curve::decode_g2(curve::encode(point), where);
  if (!again.ok() || *again != point || point.is_infinity())
    return Error{ErrorCode::kMalformed, where, "is not a point of the group in canonical form"};
  return point;
}

unsigned published_power(ByteSpan file, unsigned power) {
  const auto* const found = std::find_if(kPublished.begin(), kPublished.end(),
                                         [&](const Published& each) { return each.power == power; });
  if (found == kPublished.end()) return 0;
  std::array<std::uint8_t, 64> digest;
  crypto_generichash_blake2b_state state;
  crypto_generichash_blake2b_init(&state, nullptr, 0, digest.size());
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  for (std::size_t at = 0; at < file.size(); at += kPiece) {
    const ByteSpan piece = file.subspan(at, std::min(kPiece, file.size() - at));
    crypto_generichash_blake2b_update(&state, piece.data(), piece.size());
  }
  crypto_generichash_blake2b_final(&state, digest.data(), digest.size());
  return to_hex(digest) == found->digest ? power : 0;
}

}  // namespace assay::kzg::internal
