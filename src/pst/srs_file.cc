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
constexpr std::string_view kMagicOfSome = "ASSAYLEV";  // without the first levels
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

SrsLayout srs_layout(const Axes& axes, std::size_t first_level) {
  SrsLayout layout{std::vector<std::uint64_t>(axes.count()), kSrsPage};
  for (std::size_t level = first_level; level < axes.count(); ++level) {
    layout.offsets[level] = page_end(layout.file_size);
    layout.file_size = layout.offsets[level] + axes.volume(level) * sizeof(G1Affine);
  }
  return layout;
}

Bytes encode_srs_header(const VerifierKey& key, std::size_t first_level) {
  const Bytes verifier_part = key.encode();
  WireWriter writer;
  writer.begin(first_level == 0 ? kMagic : kMagicOfSome, kVersion);
  if (first_level > 0) writer.u32(static_cast<std::uint32_t>(first_level));
  writer.u32(static_cast<std::uint32_t>(verifier_part.size())).raw(verifier_part);
  Bytes header = writer.take();
  ASSAY_CHECK_LE(header.size(), kSrsPage);
  header.resize(kSrsPage);
  return header;
}

bool is_srs_file(ByteSpan file) {
  const std::string_view start(reinterpret_cast<const char*>(file.data()), file.size());
  return start.starts_with(kMagic) || start.starts_with(kMagicOfSome);
}

Result<SrsHeader> parse_srs_file(ByteSpan file, std::string_view place) {
  WireReader reader(file.first(std::min(file.size(), kSrsPage)), place);
  const std::string_view start(reinterpret_cast<const char*>(file.data()), file.size());
  if (start.starts_with(kKeyMagic))
    return Error{ErrorCode::kMalformed, std::string(place),
                 "the verifier's part alone, a .vk: give the .srs, which has the points"};
  const bool is_whole = !start.starts_with(kMagicOfSome);
  ASSAY_TRY(reader.begin(is_whole ? kMagic : kMagicOfSome, kVersion));
  const std::uint32_t first_level = is_whole ? 0 : ASSAY_TRY(reader.u32("first level"));
  const std::uint32_t size = ASSAY_TRY(reader.u32("verifier part length"));
  const ByteSpan verifier_part = ASSAY_TRY(reader.raw(size, "verifier part"));
  VerifierKey key = ASSAY_TRY(VerifierKey::decode(verifier_part, fmt::format("{}: verifier part", place)));
  if (!is_whole && (first_level == 0 || first_level >= key.axes.count()))
    return Error{ErrorCode::kOutOfRange, fmt::format("{}: first level", place),
                 fmt::format("{} where the axes have {} levels", first_level, key.axes.count())};

  const SrsLayout layout = srs_layout(key.axes, first_level);
  if (file.size() != layout.file_size)
    return Error{ErrorCode::kMalformed, std::string(place),
                 fmt::format("{} bytes long, but its axes need {}", file.size(), layout.file_size)};
  std::uint64_t end = reader.offset();
  for (std::size_t level = first_level; level < key.axes.count(); ++level) {
    ASSAY_TRY(check_zero(file, end, layout.offsets[level], place));
    end = layout.offsets[level] + key.axes.volume(level) * sizeof(G1Affine);
  }
  return SrsHeader{std::move(key), first_level};
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
  auto [key, first_level] = ASSAY_TRY(internal::parse_srs_file(file.bytes(), path.string()));
  const internal::SrsLayout layout = internal::srs_layout(key.axes, first_level);
  std::vector<std::span<const G1Affine>> levels(key.axes.count());
  for (std::size_t level = first_level; level < key.axes.count(); ++level) {
    const std::uint8_t* start = file.bytes().data() + layout.offsets[level];
    levels[level] = {reinterpret_cast<const G1Affine*>(start), key.axes.volume(level)};
  }
  return SrsAccess::from_file(std::move(key), std::move(file), std::move(levels));
}

Result<bool> Srs::is_srs(const std::filesystem::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  return internal::is_srs_file(file.bytes());
}

Status Srs::write(const std::filesystem::path& path) const { return write_levels(first_level(), path); }

Status Srs::write_levels(std::size_t first, const std::filesystem::path& path) const {
  if (first < first_level() || first >= axes().count())
    return Error{ErrorCode::kOutOfRange, "first level",
                 fmt::format("{} is not in {} to {}", first, first_level(), axes().count() - 1)};
  const internal::SrsLayout layout = internal::srs_layout(axes(), first);
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(internal::encode_srs_header(verifier_key(), first)));
  std::uint64_t end = internal::kSrsPage;
  for (std::size_t i = first; i < axes().count(); ++i) {
    ASSAY_TRY(pad_to(file, end, layout.offsets[i]));
    const ByteSpan bytes = raw_bytes(level(i));
    ASSAY_TRY(file.write(bytes));
    end = layout.offsets[i] + bytes.size();
  }
  return file.publish();
}

Status internal::write_srs(const Axes& axes, std::span<const Fr> secrets, const std::filesystem::path& path) {
  const SrsLayout layout = srs_layout(axes);
  const LevelMaker maker(axes, secrets);
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  // The header holds the digests of the levels, which are known last.
  ASSAY_TRY(file.write(Bytes(kSrsPage)));
  std::uint64_t end = kSrsPage;
  std::vector<Digest> digests;
  Progress progress("make SRS", total_points(axes));
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
  const VerifierKey key = make_verifier_key(axes, secrets, std::move(digests));
  ASSAY_TRY(file.write_at(0, encode_srs_header(key)));
  return file.publish();
}

Status Srs::write_dev(const Axes& axes, std::uint64_t seed, const std::filesystem::path& path) {
  return internal::write_srs(axes, internal::dev_secrets(axes, seed), path);
}

Result<VerifierKey> VerifierKey::read(const std::filesystem::path& path) {
  constexpr std::uint64_t kMaxKeyBytes = std::uint64_t{1} << 16;
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  if (internal::is_srs_file(file.bytes())) return ASSAY_TRY(Srs::open(path)).verifier_key();
  return decode(ASSAY_TRY(read_file(path, kMaxKeyBytes)), path.string());
}

}  // namespace assay::pst
