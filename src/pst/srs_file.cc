#include "pst/srs_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <type_traits>

#include "base/check.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/wire.h"
#include "pst/srs_points.h"
#include "pst/srs_state.h"

namespace assay::pst {
namespace internal {
namespace {

constexpr std::string_view kMagic = "ASSAYSRS";
constexpr std::uint32_t kVersion = 1;

// The file is the memory of the points.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(G1Affine) == 64 && std::is_trivially_copyable_v<G1Affine> &&
              kSrsPage % alignof(G1Affine) == 0);

std::uint64_t page_end(std::uint64_t offset) { return (offset + kSrsPage - 1) / kSrsPage * kSrsPage; }

Status check_zero(ByteSpan file, std::uint64_t from, std::uint64_t to, std::string_view place) {
  const ByteSpan padding = file.subspan(from, to - from);
  const auto bad = std::find_if(padding.begin(), padding.end(), [](std::uint8_t byte) { return byte != 0; });
  if (bad == padding.end()) return {};
  return Error{ErrorCode::kNonCanonical, std::string(place),
               fmt::format("padding is not zero at byte {}",
                           from + static_cast<std::uint64_t>(bad - padding.begin()))};
}

}  // namespace

SrsLayout srs_layout(const Axes& axes) {
  SrsLayout layout{{}, kSrsPage};
  for (std::size_t level = 0; level < axes.count(); ++level) {
    layout.offsets.push_back(page_end(layout.file_size));
    layout.file_size = layout.offsets.back() + axes.volume(level) * sizeof(G1Affine);
  }
  return layout;
}

Bytes encode_srs_header(const VerifierKey& key) {
  const Bytes verifier_part = key.encode();
  WireWriter writer;
  writer.begin(kMagic, kVersion).u32(static_cast<std::uint32_t>(verifier_part.size())).raw(verifier_part);
  Bytes header = writer.take();
  ASSAY_CHECK_LE(header.size(), kSrsPage);
  header.resize(kSrsPage);
  return header;
}

Result<VerifierKey> parse_srs_file(ByteSpan file, std::string_view place) {
  WireReader reader(file.first(std::min(file.size(), kSrsPage)), place);
  ASSAY_TRY(reader.begin(kMagic, kVersion));
  const std::uint32_t size = ASSAY_TRY(reader.u32("verifier part length"));
  const ByteSpan verifier_part = ASSAY_TRY(reader.raw(size, "verifier part"));
  VerifierKey key = ASSAY_TRY(VerifierKey::decode(verifier_part, fmt::format("{}: verifier part", place)));

  const SrsLayout layout = srs_layout(key.axes);
  if (file.size() != layout.file_size)
    return Error{ErrorCode::kMalformed, std::string(place),
                 fmt::format("{} bytes long, but its axes need {}", file.size(), layout.file_size)};
  std::uint64_t end = reader.offset();
  for (std::size_t level = 0; level < key.axes.count(); ++level) {
    ASSAY_TRY(check_zero(file, end, layout.offsets[level], place));
    end = layout.offsets[level] + key.axes.volume(level) * sizeof(G1Affine);
  }
  return key;
}

}  // namespace internal

namespace {

/// Writes zeros from `end` to the next level's offset.
Status pad_to(AtomicFile& file, std::uint64_t end, std::uint64_t offset) {
  return file.write(Bytes(static_cast<std::size_t>(offset - end)));
}

}  // namespace

Result<Srs> Srs::open(const std::filesystem::path& path) {
  MappedFile file = ASSAY_TRY(MappedFile::open(path));
  VerifierKey key = ASSAY_TRY(internal::parse_srs_file(file.bytes(), path.string()));
  const internal::SrsLayout layout = internal::srs_layout(key.axes);
  std::vector<std::span<const G1Affine>> levels;
  for (std::size_t level = 0; level < key.axes.count(); ++level) {
    const std::uint8_t* start = file.bytes().data() + layout.offsets[level];
    levels.emplace_back(reinterpret_cast<const G1Affine*>(start), key.axes.volume(level));
  }
  return SrsAccess::from_file(std::move(key), std::move(file), std::move(levels));
}

Status Srs::write(const std::filesystem::path& path) const {
  const internal::SrsLayout layout = internal::srs_layout(axes());
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(internal::encode_srs_header(verifier_key())));
  std::uint64_t end = internal::kSrsPage;
  for (std::size_t i = 0; i < axes().count(); ++i) {
    ASSAY_TRY(pad_to(file, end, layout.offsets[i]));
    const ByteSpan bytes = raw_bytes(level(i));
    ASSAY_TRY(file.write(bytes));
    end = layout.offsets[i] + bytes.size();
  }
  return file.publish();
}

Status Srs::write_dev(const Axes& axes, std::uint64_t seed, const std::filesystem::path& path) {
  const internal::SrsLayout layout = internal::srs_layout(axes);
  const std::vector<Fr> secrets = internal::dev_secrets(axes, seed);
  const internal::LevelMaker maker(axes, secrets);
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  // The header holds the digests of the levels, which are known last.
  ASSAY_TRY(file.write(Bytes(internal::kSrsPage)));
  std::uint64_t end = internal::kSrsPage;
  std::vector<Digest> digests;
  Progress progress("make SRS", internal::total_points(axes));
  for (std::size_t level = 0; level < axes.count(); ++level) {
    ASSAY_TRY(pad_to(file, end, layout.offsets[level]));
    Sha256 hash;
    ASSAY_TRY(maker.make(level, progress, [&](std::span<const G1Affine> points) -> Status {
      hash.update(raw_bytes(points));
      return file.write(raw_bytes(points));
    }));
    digests.push_back(hash.digest());
    end = layout.offsets[level] + axes.volume(level) * sizeof(G1Affine);
  }
  const VerifierKey key = internal::make_verifier_key(axes, secrets, std::move(digests));
  ASSAY_TRY(file.write_at(0, internal::encode_srs_header(key)));
  return file.publish();
}

Result<VerifierKey> VerifierKey::read(const std::filesystem::path& path) {
  constexpr std::uint64_t kMaxKeyBytes = std::uint64_t{1} << 16;
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const std::string_view start(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (start.starts_with(internal::kMagic)) return ASSAY_TRY(Srs::open(path)).verifier_key();
  return decode(ASSAY_TRY(read_file(path, kMaxKeyBytes)), path.string());
}

}  // namespace assay::pst
