#include "kzg/srs_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <type_traits>

#include "base/check.h"
#include "base/file.h"
#include "base/try.h"
#include "base/wire.h"
#include "kzg/srs_state.h"

namespace assay::kzg {
namespace internal {
namespace {

constexpr std::uint32_t kFileVersion = 1;

// The file is the memory of the points.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(G1Affine) == 64 && std::is_trivially_copyable_v<G1Affine> &&
              kSrsPage % alignof(G1Affine) == 0);

Status check_zero(ByteSpan file, std::uint64_t from, std::uint64_t to, std::string_view place) {
  const ByteSpan padding = file.subspan(from, to - from);
  const auto bad = std::find_if(padding.begin(), padding.end(), [](std::uint8_t byte) { return byte != 0; });
  if (bad == padding.end()) return {};
  return Error{ErrorCode::kNonCanonical, std::string(place),
               fmt::format("padding is not zero at byte {}",
                           from + static_cast<std::uint64_t>(bad - padding.begin()))};
}

}  // namespace

SrsLayout srs_layout(unsigned log_size) {
  const std::uint64_t size = std::uint64_t{1} << log_size;
  const std::uint64_t digests = chunk_count(size) * sizeof(Digest);
  const std::uint64_t basis = kSrsPage + (digests + kSrsPage - 1) / kSrsPage * kSrsPage;
  return {basis, basis + size * sizeof(G1Affine)};
}

Bytes encode_srs_head(const VerifierKey& key, std::span<const Digest> chunk_digests) {
  ASSAY_CHECK_EQ(chunk_digests.size(), chunk_count(key.size()));
  const Bytes verifier_part = key.encode();
  WireWriter writer;
  writer.begin(kSrsMagic, kFileVersion)
      .u32(static_cast<std::uint32_t>(verifier_part.size()))
      .raw(verifier_part);
  Bytes head = writer.take();
  ASSAY_CHECK_LE(head.size(), kSrsPage);
  head.resize(srs_layout(key.log_size).basis_offset);
  auto out = head.begin() + kSrsPage;
  for (const Digest& digest : chunk_digests) out = std::copy(digest.begin(), digest.end(), out);
  return head;
}

Result<SrsHead> parse_srs_file(ByteSpan file, std::string_view place) {
  const std::string_view start(reinterpret_cast<const char*>(file.data()), file.size());
  if (start.starts_with(kKeyMagic))
    return Error{ErrorCode::kMalformed, std::string(place),
                 "the verifier's part alone, a .vk: give the .srs, which has the points"};
  WireReader reader(file.first(std::min(file.size(), kSrsPage)), place);
  ASSAY_TRY(reader.begin(kSrsMagic, kFileVersion));
  const std::uint32_t size = ASSAY_TRY(reader.u32("verifier part length"));
  const ByteSpan verifier_part = ASSAY_TRY(reader.raw(size, "verifier part"));
  SrsHead head{ASSAY_TRY(VerifierKey::decode(verifier_part, fmt::format("{}: verifier part", place))), {}};

  const SrsLayout layout = srs_layout(head.key.log_size);
  if (file.size() != layout.file_size)
    return Error{ErrorCode::kMalformed, std::string(place),
                 fmt::format("{} bytes long, but 2^{} values need {}", file.size(), head.key.log_size,
                             layout.file_size)};
  const std::uint64_t chunks = chunk_count(head.key.size());
  const std::uint64_t digests_end = kSrsPage + chunks * sizeof(Digest);
  ASSAY_TRY(check_zero(file, reader.offset(), kSrsPage, place));
  ASSAY_TRY(check_zero(file, digests_end, layout.basis_offset, place));
  head.chunk_digests.resize(chunks);
  for (std::uint64_t i = 0; i < chunks; ++i)
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(kSrsPage + i * sizeof(Digest)), sizeof(Digest),
                head.chunk_digests[i].begin());
  if (basis_digest(head.chunk_digests) != head.key.basis_digest)
    return Error{ErrorCode::kMismatch, std::string(place),
                 "the digests of its chunks are not those that its verifier part names"};
  return head;
}

}  // namespace internal

Result<Srs> Srs::open(const std::filesystem::path& path) {
  MappedFile file = ASSAY_TRY(MappedFile::open(path));
  internal::SrsHead head = ASSAY_TRY(internal::parse_srs_file(file.bytes(), path.string()));
  const std::uint8_t* start = file.bytes().data() + internal::srs_layout(head.key.log_size).basis_offset;
  const std::span<const G1Affine> basis(reinterpret_cast<const G1Affine*>(start), head.key.size());
  return SrsAccess::from_file(std::move(head.key), std::move(file), basis, std::move(head.chunk_digests));
}

Status Srs::write(const std::filesystem::path& path) const {
  AtomicFile file = ASSAY_TRY(AtomicFile::create(path));
  ASSAY_TRY(file.write(internal::encode_srs_head(verifier_key(), chunk_digests())));
  ASSAY_TRY(file.write(raw_bytes(basis())));
  return file.publish();
}

Result<VerifierKey> VerifierKey::read(const std::filesystem::path& path) {
  constexpr std::uint64_t kMaxKeyBytes = std::uint64_t{1} << 14;
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const std::string_view start(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (start.starts_with(internal::kSrsMagic)) return ASSAY_TRY(Srs::open(path)).verifier_key();
  return decode(ASSAY_TRY(read_file(path, kMaxKeyBytes)), path.string());
}

Result<bool> Srs::is_srs(const std::filesystem::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const std::string_view start(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  return start.starts_with(internal::kSrsMagic);
}

Result<bool> is_kzg_file(const std::filesystem::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const std::string_view start(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  return start.starts_with(internal::kSrsMagic) || start.starts_with(internal::kKeyMagic);
}

}  // namespace assay::kzg
